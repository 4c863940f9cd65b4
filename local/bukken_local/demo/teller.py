"""The platform tells its story: real requests, real answers, and whether they were as told."""

import json
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import httpx

from bukken_contract.own_writes import HEADER
from bukken_local.demo import inquiry
from bukken_local.demo.story import BACK_END, PORTAL, STORY, Step
from bukken_local.issuer.kept import load_clients
from bukken_local.legacy.credentials import ClientCredentials
from bukken_local.legacy.importer import ImportSettings, import_files
from bukken_local.legacy.producer import members_of
from bukken_local.legacy.tally import Tally
from bukken_local.platform import Platform
from bukken_local.start import SAMPLE, running
from bukken_local.state import State
from bukken_local.terminal import Terminal

SHOWN_CHARACTERS: Final = 300
TELLING_HEADERS: Final = (
    *("etag", "location", "retry-after", "www-authenticate", "allow"),
    HEADER.lower(),
)
Say = Callable[[str], None]
Clients = Mapping[str | None, httpx.AsyncClient]
Act = Callable[[Clients], Awaitable[bool]]


@dataclass(kw_only=True)
class Teller:
    """Takes the steps in turn, all about one listing.

    Its key is new each time: the data of the last demo are still there.
    """

    clients: Mapping[str | None, httpx.AsyncClient]
    say: Say
    path: str = field(default_factory=lambda: f"/v1/listings/demo-{time.time_ns():x}")
    created: str = ""
    token: str = ""

    async def tell(self, steps: Sequence[Step]) -> bool:
        """Whether every step was as told; one that was not does not end the story."""
        return all([await self._take(step) for step in steps])

    async def _take(self, step: Step) -> bool:
        began = time.monotonic()
        request = self._request(step)
        asked, answer = 1, await self._send(request, step=step)
        while not as_told(answer, step=step) and time.monotonic() < began + step.within_seconds:
            asked, answer = asked + 1, await self._send(request, step=step)
        self.created = self.created or answer.headers.get("etag", "")
        self.token = answer.headers.get(HEADER, self.token)
        for line in shown(answer, step=step):
            self.say(line)
        if step.within_seconds:
            times = "at once" if asked == 1 else f"at the {asked}th time of asking"
            self.say(f"    {1000 * (time.monotonic() - began):.0f} ms, {times}")
        return as_told(answer, step=step)

    def _request(self, step: Step) -> httpx.Request:
        known = {"created": self.created, "token": self.token}
        headers = {name: value.format(**known) for name, value in step.headers.items()}
        content = json.dumps(step.body, ensure_ascii=False) if step.body is not None else None
        client = self.clients[step.client]
        return client.build_request(step.method, self.path, headers=headers, content=content)

    async def _send(self, request: httpx.Request, *, step: Step) -> httpx.Response:
        return await self.clients[step.client].send(request)


def as_told(answer: httpx.Response, *, step: Step) -> bool:
    """Whether the answer has the status and the members the step names."""
    members = members_of(answer)
    held = all(members.get(name) == value for name, value in step.holds.items())
    return answer.status_code == step.status and held


def shown(answer: httpx.Response, *, step: Step) -> list[str]:
    """The step for the eye: asked, answered, and ✓ or ✗ with what should have been."""
    request = answer.request
    right = as_told(answer, step=step)
    asked = [f"    > {name}: {request.headers[name]}" for name in step.headers]
    telling = [f"    < {n}: {answer.headers[n]}" for n in TELLING_HEADERS if n in answer.headers]
    return [
        f"\n{_mark(right)} {step.title}",
        f"    > {request.method} {request.url.path}  (as {step.client or 'nobody'})",
        *asked,
        *_excerpt(">", request.content.decode()),
        f"    < {answer.status_code} {answer.reason_phrase}",
        *telling,
        *_excerpt("<", answer.text),
        *([] if right else [f"    expected {step.status} with {dict(step.holds)}"]),
    ]


def _mark(right: bool) -> str:  # noqa: FBT001 — it is all the function takes
    return "✓" if right else "✗"


def _excerpt(mark: str, text: str) -> list[str]:
    more = " …" if len(text) > SHOWN_CHARACTERS else ""
    return [f"    {mark} {text[:SHOWN_CHARACTERS]}{more}"] if text else []


async def tell(
    *, url: str, token_url: str, clients_file: Path, say: Say, act: Act | None = None
) -> bool:
    """Tell the story to an exchange, and the last act; whether all of it was as told."""
    secrets = load_clients(clients_file)
    auths: dict[str | None, httpx.Auth | None] = {
        name: ClientCredentials(token_url=token_url, client_id=name, client_secret=secrets[name])
        for name in (BACK_END, PORTAL)
    }
    async with AsyncExitStack() as stack:
        clients = {
            name: await stack.enter_async_context(
                httpx.AsyncClient(base_url=url, auth=auth, trust_env=False, timeout=20)
            )
            for name, auth in (auths | {None: None}).items()
        }
        told = await Teller(clients=clients, say=say).tell(STORY)
        return told if act is None else await act(clients) and told


async def import_sample(platform: Platform, *, say: Say) -> bool:
    """The first act: the back end's listings come in. Whether every line was taken."""
    settings = ImportSettings(
        url=platform.url,
        token_url=platform.token_url,
        client_id=BACK_END,
        client_secret=load_clients(platform.state.clients)[BACK_END],
    )
    tally, began = Tally(), time.monotonic()
    await import_files(sorted(SAMPLE.glob("*.csv")), settings=settings, tally=tally)
    right = tally.accepted == tally.read > 0
    say(f"\n{_mark(right)} the back end sends its listings")
    for line in tally.summary(seconds=time.monotonic() - began):
        say(f"    {line}")
    return right


async def _ask_in_a_maintenance(clients: Clients, *, platform: Platform, say: Say) -> bool:
    return await inquiry.tell(
        back_end=clients[BACK_END],
        portal=clients[PORTAL],
        control_url=platform.back_end_control_url,
        ledger=platform.state.ledger,
        say=say,
    )


async def demonstrate(state: State, *, port: int) -> bool:
    """Bring the platform up, tell the story, take it down; whether all was as told."""
    terminal = Terminal(quiet=False)
    async with running(state, port=port, terminal=terminal) as platform:
        imported = await import_sample(platform, say=terminal.say)
        told = await tell(
            url=platform.url,
            token_url=platform.token_url,
            clients_file=state.clients,
            say=terminal.say,
            act=partial(_ask_in_a_maintenance, platform=platform, say=terminal.say),
        )
    terminal.say(f"\n{'all was' if imported and told else 'NOT all was'} as told")
    return imported and told
