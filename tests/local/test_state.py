import os
from pathlib import Path

import pytest

from bukken_local.state import AlreadyRunning, NotRunning, State


def test_one_process_has_the_directory(tmp_path: Path) -> None:
    """Whoever comes second is refused, and told where the first one answers."""
    state = State(tmp_path)
    with state.held():
        state.describe({"pid": os.getpid(), "url": "http://here"})

        with pytest.raises(AlreadyRunning, match="at http://here"), State(tmp_path).held():
            pass


def test_who_comes_second_takes_nothing_away(tmp_path: Path) -> None:
    """The refused one leaves the first one's description where it is."""
    state = State(tmp_path)
    with state.held():
        state.describe({"pid": os.getpid(), "url": "x"})
        with pytest.raises(AlreadyRunning), State(tmp_path).held():
            pass

        assert state.description()["url"] == "x"


def test_what_a_killed_run_said_of_itself_does_not_count(tmp_path: Path) -> None:
    """A description whose process is gone describes nothing."""
    gone = os.fork()
    if gone == 0:
        os._exit(0)
    os.waitpid(gone, 0)
    State(tmp_path).describe({"pid": gone})

    with pytest.raises(NotRunning, match="make run"):
        State(tmp_path).description()


def test_a_secret_is_made_once_and_is_ours_alone(tmp_path: Path) -> None:
    """A password stays the same, in a file that nobody else can read."""
    state = State(tmp_path)
    state.clear_up()

    first = state.secret("writer").read_text()

    assert state.secret("writer").read_text() == first
    assert state.secret("writer").stat().st_mode & 0o077 == 0


def test_to_forget_is_to_lose_data_and_secrets(tmp_path: Path) -> None:
    """Afterwards there is neither data nor secret."""
    state = State(tmp_path)
    state.clear_up()
    state.secret("writer")
    state.postgres.mkdir()

    state.forget()

    assert not state.postgres.exists()
    assert not state.secrets.exists()
