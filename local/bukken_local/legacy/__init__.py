"""The legacy back end's stand-in: what it would send, sent as it would send it."""
