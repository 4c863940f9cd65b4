from drills.perform import claimed_port


def test_two_drills_at_once_have_different_ports() -> None:
    """A port that one drill has claimed is not given to another, before anybody listens there."""
    with claimed_port() as first, claimed_port() as second:
        assert first != second
