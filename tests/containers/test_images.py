"""What the images promise, asked of the images themselves."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_compose import START_SECONDS, docker
from waiting import wait_until

ROOT = Path(__file__).parents[2]
BASE = "python:3.13-slim"
IMAGES = {
    "bukken/command-api": "services/command-api",
    "bukken/query-api": "services/query-api",
    "bukken/stand-ins": "local",
}
SERVICES = ("bukken/command-api", "bukken/query-api")
MEGABYTES_ABOVE_BASE = 90
NOTHING = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")
ASK = """
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", 8000, timeout=5)
connection.request("GET", sys.argv[1])
answer = connection.getresponse()
print(answer.status, answer.read().decode())
"""

Built = Callable[[str], str]
pytestmark = pytest.mark.timeout(START_SECONDS + 120)  # the first one builds


@pytest.fixture(scope="session")
def built(engine: None) -> Built:  # noqa: ARG001 — it skips
    """A function that gives an image of this very tree."""

    def build(image: str) -> str:
        file = ROOT / IMAGES[image] / "Dockerfile"
        arguments = ("--quiet", "--file", str(file), "--tag", f"{image}:test", str(ROOT))
        docker("build", *arguments, seconds=START_SECONDS)
        return f"{image}:test"

    return build


@contextmanager
def container(*options: str) -> Iterator[str]:
    """A container that runs as long as the block; its name."""
    name = f"bukken-test-{uuid.uuid4().hex[:8]}"
    docker("run", "--detach", "--name", name, *options)
    try:
        yield name
    finally:
        docker("rm", "--force", "--volumes", name)


def answer_of(name: str, path: str) -> str:
    """The app's answer, as somebody in its container gets it; empty while it does not listen."""
    try:
        return docker("exec", name, "python", "-c", ASK, path)
    except AssertionError:
        return ""


def until(name: str, path: str, *, says: str) -> None:
    """Waits until the app answers with these words."""
    wait_until(
        lambda: says in answer_of(name, path),
        seconds=30,
        what=lambda: f"{path} says {says}: {answer_of(name, path)}",
    )


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_is_little_more_than_its_base(built: Built, image: str) -> None:
    """Each image is at most 90 MB above the Python it is made from."""
    size, base = (json.loads(docker("inspect", name))[0]["Size"] for name in (built(image), BASE))

    assert (size - base) / 1e6 <= MEGABYTES_ABOVE_BASE


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_holds_what_runs_and_nothing_that_builds(built: Built, image: str) -> None:
    """No compiler, no uv, no cache, no tests; all of ours is compiled."""
    search = (
        "command -v gcc cc uv strip; find / -xdev -path /proc -prune -o "
        "\\( -path '*/.cache/*' -o -name tests -path '/app/*' \\) -print; "
        "for f in $(find /app -name '*.py' -not -path '*/migrations/*'); do "
        "ls $(dirname $f)/__pycache__/$(basename $f .py).*.pyc >/dev/null || echo $f; done"
    )
    found = docker("run", "--rm", "--user", "root", built(image), "sh", "-c", f"{search}; true")

    assert found == ""


@pytest.mark.parametrize("image", IMAGES)
def test_an_image_says_what_it_is(built: Built, image: str) -> None:
    """The OCI's labels are there."""
    labels = json.loads(docker("inspect", built(image)))[0]["Config"]["Labels"]
    keys = ("title", "description", "licenses", "version", "revision")

    assert labels["org.opencontainers.image.title"] == image
    assert all(labels[f"org.opencontainers.image.{key}"] for key in keys)


@pytest.mark.parametrize("image", SERVICES)
def test_alone_it_is_live_and_says_what_it_waits_for(built: Built, image: str) -> None:
    """With no variable, no right and no disk it starts, and stops at once when told to."""
    with container(*NOTHING, built(image)) as name:
        until(name, "/healthz/live", says="200")
        until(name, "/healthz/ready", says="no database answers")
        began = time.monotonic()
        docker("stop", "--time", "20", name)

        assert time.monotonic() - began < 5
        assert json.loads(docker("inspect", name))[0]["State"]["ExitCode"] in {0, 143}


def test_alone_it_serves_when_a_database_comes_to_its_default_address(built: Built) -> None:
    """With no variable it waits for 127.0.0.1:5432, and needs no restart when that answers."""
    with container(*NOTHING, built("bukken/command-api")) as app:
        until(app, "/healthz/ready", says="no database answers")
        with container(
            f"--network=container:{app}", "--env=POSTGRES_HOST_AUTH_METHOD=trust",
            "--env=POSTGRES_USER=bukken_master", "postgres:17",
        ) as database:  # fmt: skip
            wait_until(
                lambda: "accepting" in docker("exec", database, "sh", "-c",
                                              "pg_isready -h 127.0.0.1 || true"),
                seconds=30,
                what=lambda: "PostgreSQL answers",
            )  # fmt: skip
            passwords = [f"--{role}-password=any" for role in ("migrator", "writer", "reader")]
            job = ("exec", app, "python", "-m", "bukken_database")
            docker(*job, "bootstrap", *passwords)
            docker(*job, "migrate")

            until(app, "/healthz/ready", says="200")
