"""What a running platform can be told from another shell, and how the words reach it.

By a Unix socket in the state directory that only its owner may use: a file of wishes would have to
be polled, and could not answer step by step.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Literal

import msgspec

from bukken_local.kubernetes.container import Say
from bukken_local.kubernetes.disruption import EvictionRefused
from bukken_local.kubernetes.kubelet import Pod
from bukken_local.kubernetes.reading import ManifestNotUnderstood
from bukken_local.kubernetes.replicas import Moment
from bukken_local.kubernetes.rollout import (
    DeploymentController,
    NoSuchPod,
    NothingToUndo,
    ProgressDeadlineExceeded,
)
from bukken_local.platform import Platform
from bukken_local.state import State

SOCKET = "commands"


class CommandRefused(Exception):
    """The platform did not do it, or not to the end; the message says why."""


class Wish(msgspec.Struct, frozen=True):
    """What is asked for: a command, and the Deployment or Pod it is for."""

    command: Literal["restart", "undo", "delete", "evict"]
    name: str


class Word(msgspec.Struct, frozen=True, omit_defaults=True):
    """A line of the answer; the last has an end, and a reason if it was no good one."""

    said: str = ""
    ended: bool = False
    refused: str = ""


REFUSALS = (
    CommandRefused,
    EvictionRefused,
    ManifestNotUnderstood,
    NoSuchPod,
    NothingToUndo,
    OSError,
    msgspec.MsgspecError,
)


async def obey(wish: Wish, *, platform: Platform, say: Say) -> None:
    """Does it, tells of each step, and returns when the Deployment is at rest again.

    Raises:
        CommandRefused and others of `REFUSALS`: it was not done, or a rollout stands still.
    """
    clock = asyncio.get_running_loop().time
    began = clock()

    def tell(pod: Pod, moment: Moment) -> None:
        say(f"{clock() - began:6.1f} s  {pod.name} {moment}")

    deployment = _meant(wish, platform=platform)
    with deployment.heard_by(tell):
        COMMANDS[wish.command](deployment, wish.name, platform)
        await _complete(deployment)
        say(f"{clock() - began:6.1f} s  every Pod of {deployment.name} that is wanted is available")
        await deployment.until_gone()
    say(f"{clock() - began:6.1f} s  done")


async def _complete(deployment: DeploymentController) -> None:
    try:
        await deployment.until_complete()
    except ProgressDeadlineExceeded as stalled:
        back = f"go back with: make undo SERVICE={deployment.name}"
        raise CommandRefused(f"{stalled}\n{back}") from stalled


def _meant(wish: Wish, *, platform: Platform) -> DeploymentController:
    control_plane = platform.control_plane
    of_pods = wish.command in ("delete", "evict")
    there_are = control_plane.owners if of_pods else control_plane.deployments
    if wish.name not in there_are:
        raise CommandRefused(f"there is no {wish.name} (there are {', '.join(there_are)})")
    return there_are[wish.name]


def _restart(deployment: DeploymentController, _: str, platform: Platform) -> None:
    deployment.apply(platform.made.release(deployment.name))


def _undo(deployment: DeploymentController, _: str, __: Platform) -> None:
    deployment.undo()


def _delete(deployment: DeploymentController, pod: str, _: Platform) -> None:
    deployment.delete(pod)


def _evict(_: DeploymentController, pod: str, platform: Platform) -> None:
    platform.control_plane.evictions.evict(pod)


COMMANDS: Mapping[str, Callable[[DeploymentController, str, Platform], None]] = {
    "restart": _restart,
    "undo": _undo,
    "delete": _delete,
    "evict": _evict,
}


@asynccontextmanager
async def served(platform: Platform) -> AsyncIterator[None]:
    """Obeys whoever writes to the socket, within the block."""
    under_way: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_answer(reader, writer, platform=platform))
        under_way.add(task)
        task.add_done_callback(under_way.discard)

    with _bound(platform.state.run) as bound:
        server = await asyncio.start_unix_server(serve, sock=bound)
        try:
            yield
        finally:
            server.close()
            for task in under_way:
                task.cancel()


async def _answer(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, platform: Platform
) -> None:
    def write(word: Word) -> None:
        writer.write(msgspec.json.encode(word) + b"\n")

    try:
        wish = msgspec.json.decode(await reader.readline(), type=Wish)
        await obey(wish, platform=platform, say=lambda text: write(Word(said=text)))
        write(Word(ended=True))
    except REFUSALS as refusal:
        write(Word(ended=True, refused=str(refusal)))
    finally:
        writer.close()


def send(wish: Wish, *, state: State, say: Say) -> None:
    """Has the running platform do it, and passes on what it says.

    Raises:
        NotRunning: there is none. CommandRefused: it refused, failed, or was stopped meanwhile.
    """
    state.description()
    with socket.socket(socket.AF_UNIX) as connection:
        with _near(state.run) as directory:
            connection.connect(f"{directory}/{SOCKET}")
        connection.sendall(msgspec.json.encode(wish) + b"\n")
        for line in connection.makefile():
            word = msgspec.json.decode(line, type=Word)
            if word.refused:
                raise CommandRefused(word.refused)
            if word.ended:
                return
            say(word.said)
    raise CommandRefused("the platform was stopped meanwhile")


@contextmanager
def _bound(directory: Path) -> Iterator[socket.socket]:
    # The short name is held to the end: by it the server finds and removes its socket.
    with _near(directory) as near, socket.socket(socket.AF_UNIX) as bound:
        bound.bind(f"{near}/{SOCKET}")
        (directory / SOCKET).chmod(0o600)  # before it listens: nobody can have connected
        yield bound


@contextmanager
def _near(directory: Path) -> Iterator[str]:
    """A short name of a directory: a socket's path has room for 107 bytes, and ours may be long."""
    descriptor = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
