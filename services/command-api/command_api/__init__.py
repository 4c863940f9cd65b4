"""The command side: the only process that writes listings."""
