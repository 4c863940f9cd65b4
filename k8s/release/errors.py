"""What stops a release."""


class ReleaseError(Exception):
    """The release stopped; the text says at what, and what now serves."""
