"""What Kubernetes does for a Pod: reads its manifest, starts, probes and stops it, names it."""
