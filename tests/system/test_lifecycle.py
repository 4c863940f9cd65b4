from __future__ import annotations

import os
import signal
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from running_platform import Platform
    from system.conftest import Run, Runner

SAMPLE = Path(str(files("bukken_local.legacy") / "sample" / "tokyo_2021_excerpt.csv"))
LISTING = {"StandardStatus": "Active", "PropertyType": "Residential", "City": "渋谷区"}


def put(platform: Platform, key: str) -> int:
    """Sends a listing in; the answer's status."""
    with platform.client("listings.write") as client:
        status: int = client.put(f"/v1/listings/{key}", json=LISTING).status_code
    return status


def wait_for(platform: Platform, key: str) -> None:
    """Waits until a listing comes out of the standby."""
    with platform.client("listings.read") as client:
        platform.wait_until(
            lambda: client.get(f"/v1/listings/{key}").status_code == 200,
            seconds=5,
            what=f"{key} is read",
        )


def pasted(*lines: str) -> str:
    """What a shell prints for these lines."""
    script = "\n".join(lines)
    return subprocess.run(
        ["/bin/sh", "-euc", script], capture_output=True, text=True, check=True, timeout=20
    ).stdout


def test_a_listing_goes_in_and_comes_out(platform: Platform) -> None:
    """What one service takes in by PUT the other gives out by GET, from the standby."""
    assert put(platform, "in-and-out") == 201
    wait_for(platform, "in-and-out")


def test_the_printed_lines_can_be_pasted(runner: Runner) -> None:
    """The terminal's own tokens and calls create a listing and read it, in any shell."""
    runner.wait_until(
        lambda: runner.said.count("\ncurl ") == 3, seconds=30, what="the calls are printed"
    )
    tokens, calls = (
        [line for line in runner.said.splitlines() if line.startswith(start)]
        for start in (("WRITE=", "READ="), "curl ")
    )

    assert "HTTP/1.1 201" in pasted(*tokens, calls[0])
    wait_for(runner, "hello-1")
    assert pasted(*tokens, *calls[1:]).count('"ListingKey":"hello-1"') == 2


def test_a_second_instance_is_refused_in_one_line(runner: Runner) -> None:
    """Whoever starts the platform again is told where it runs, and changes nothing."""
    refused = runner.command("run")

    assert refused.returncode == 1
    assert refused.stderr == (
        f"bukken: already running at {runner.url} (process {runner.process.pid}); "
        "stop it with Ctrl-C there\n"
    )


def test_data_are_not_forgotten_under_a_running_platform(runner: Runner) -> None:
    """`clean` is refused while the platform runs."""
    refused = runner.command("clean")

    assert (refused.returncode, refused.stdout) == (1, "")


def test_a_token_is_printed_alone(runner: Runner) -> None:
    """`token` prints one token and nothing else, for scripts."""
    printed = runner.command("token", "listings.read")

    assert printed.returncode == 0
    assert [part.count(".") for part in printed.stdout.splitlines()] == [2]


def test_a_scope_that_nobody_has_is_refused_in_one_line(runner: Runner) -> None:
    """A wrong scope is named, with those that there are."""
    refused = runner.command("token", "listings.sell")

    assert refused.returncode == 1
    assert refused.stderr.startswith("bukken: no client holds listings.sell (legacy-backend: ")


def test_a_file_goes_in_by_one_word(runner: Runner) -> None:
    """`import` sends a file to the running platform, as its back end, and keeps a report."""
    sent = runner.command("import", str(SAMPLE))

    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert "0 refused" in sent.stdout
    assert (runner.state / "import-report").exists()


@pytest.mark.parametrize("container", ["app", "envoy"])
def test_a_killed_container_is_started_again_and_told(runner: Runner, container: str) -> None:
    """A container that dies comes back in its Pod, and the terminal says so."""
    before = runner.container("query-api-1", container)
    os.kill(before["pid"], signal.SIGKILL)

    runner.wait_until(
        lambda: (
            runner.container("query-api-1", container)["restarts"] > before["restarts"]
            and runner.container("query-api-1", container)["ready"]
        ),
        seconds=30,
        what=f"{container} is ready again",
    )
    assert f"query-api-1/{container} killed by SIGKILL; starting it again" in runner.said


def test_a_killed_database_is_started_again_and_told(runner: Runner) -> None:
    """A database server that dies comes back, and an acknowledged listing is still there."""
    assert put(runner, "before-the-crash") == 201
    before = runner.description["database"]["processes"]["instance-1"]
    os.kill(before, signal.SIGKILL)

    runner.wait_until(
        lambda: runner.description["database"]["processes"]["instance-1"] != before,
        seconds=30,
        what="the primary is up again",
    )
    wait_for(runner, "before-the-crash")
    assert "the database's instance-1 killed by SIGKILL; starting it again" in runner.said


def test_nothing_is_left_and_nothing_is_lost(run: Run, own_state: Path) -> None:
    """After Ctrl-C, and after kill -9, no process is left; the next start has the data."""
    with run(own_state, "--no-sample") as runner:
        assert put(runner, "kept") == 201
        assert len(runner.left()) > 10
        runner.end(signal.SIGINT)

    for ending in (signal.SIGKILL, signal.SIGINT):
        with run(own_state, "--no-sample") as runner:
            wait_for(runner, "kept")
            runner.end(ending)
        if ending == signal.SIGKILL:  # its servers were told by the kernel, in words they heed
            log = (own_state / "postgres/log/instance-1.log").read_text()
            assert "received immediate shutdown request" in log
