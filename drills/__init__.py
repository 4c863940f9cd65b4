"""Takes each load-bearing line out and counts who gets hurt: `make drills`."""
