"""The platform tells its story, for `make demo`."""
