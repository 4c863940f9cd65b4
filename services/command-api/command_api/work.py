"""How a command is done: as a unit of work on the writer, within the request's deadline."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bukken_contract.problems import DeadlineExceeded
from bukken_database.sessions import WriteDatabase, WriteSession

log = logging.getLogger(__name__)

Command = TypeVar("Command")
Result = TypeVar("Result")


class Work:
    """The writer and the time a command may take on it."""

    def __init__(self, database: WriteDatabase, *, seconds: float) -> None:
        self._database = database
        self.seconds = seconds

    async def do(
        self,
        handler: Callable[[WriteSession, Command], Awaitable[Result]],
        command: Command,
        *,
        seconds: float | None = None,
    ) -> Result:
        """What the handler makes of the command, tried again while that is safe.

        The time begins when the body has been read: how long a client may take to send it is
        Envoy's to say, and its fault is answered 408, not 503.

        Args:
            handler: what is done.
            command: what it is asked for.
            seconds: what is left, when it is not the first command of its request.

        Raises:
            DeadlineExceeded: it took too long, all waits and attempts together.
        """
        left = self.seconds if seconds is None else seconds
        try:
            async with asyncio.timeout(left):
                return await self._database.run(lambda session: handler(session, command))
        except TimeoutError:  # this one alone: the database's own are already named
            log.warning("given up after %g s", left)
            raise DeadlineExceeded(
                "it took too long, and may have been done; sending it again is safe"
            ) from None
