"""The pages below docs/drills, made from what is kept of the runs."""


def write() -> None:
    """Writes them."""
