from pathlib import Path

import pytest

from bukken_local.processes.child import User
from bukken_local.state_directory import StateDirectoryError, make_roots_own, refuse_unreachable


def test_a_directory_somebody_else_can_write_to_is_refused(tmp_path: Path) -> None:
    """Who can write there could swap our data, or read our secrets."""
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)

    with pytest.raises(StateDirectoryError, match="open is not a directory that only we"):
        make_roots_own(tmp_path / "open")


def test_a_link_is_refused(tmp_path: Path) -> None:
    """Whoever made it chose where our data would go."""
    (tmp_path / "link").symlink_to(tmp_path)

    with pytest.raises(StateDirectoryError, match="link is not a directory that only we"):
        make_roots_own(tmp_path / "link")


def test_our_own_directory_is_taken_again(tmp_path: Path) -> None:
    """The second start finds the first one's data."""
    made = make_roots_own(tmp_path / "mine")

    assert make_roots_own(tmp_path / "mine") == made
    assert made.stat().st_mode & 0o777 == 0o711


def test_a_place_out_of_reach_is_refused_by_name(tmp_path: Path) -> None:
    """The directory that is in the way is named, not only the one that cannot be reached."""
    (tmp_path / "closed/state").mkdir(parents=True)
    tmp_path.chmod(0o711)
    (tmp_path / "closed").chmod(0o700)

    with pytest.raises(StateDirectoryError, match="closed is closed to them"):
        refuse_unreachable(tmp_path / "closed/state", user=User(uid=4242, gid=4242))
