"""The query side: the only process that reads for partners."""
