"""The figures, measured: nothing here is a timed test."""
