import json
from collections.abc import Iterator

import httpx
import pytest
from running_command_api import Members, Service

from bukken_contract.own_writes import HEADER, Tokens, Write

TOKENS = Tokens(lambda: "a secret")


@pytest.fixture
def signing(service: Service) -> Iterator[Service]:
    """command-api, as it is with a secret."""
    without, service.app.state.tokens = service.app.state.tokens, TOKENS
    yield service
    service.app.state.tokens = without


def write(answer: httpx.Response) -> Write:
    """What the answer's token says was written."""
    return TOKENS.write_of(answer.headers[HEADER])


def test_every_command_answers_with_a_token(signing: Service, key: str, members: Members) -> None:
    """It names the version the command left, a removal's too."""
    answers = [
        signing.put(key, members),
        signing.put(key, members),
        signing.patch(key, {"City": "港区"}, If_Match='"1-1"'),
        signing.delete(key),
        signing.delete(key),
        signing.put(key, members),
    ]

    assert [write(answer) for answer in answers] == [
        Write(key, version) for version in (1, 1, 2, 3, 3, 4)
    ]


def test_a_removal_of_what_never_was_has_a_token(signing: Service, key: str) -> None:
    """Its tombstone is the listing's first version."""
    assert write(signing.delete(key, Source_Version="1")) == Write(key, 1)


def test_a_batch_s_token_is_its_last_committed_line_s(
    signing: Service, key: str, members: Members
) -> None:
    """Lines that changed nothing because they were refused are not seen by anybody."""
    lines = [members | {"ListingKey": f"{key}-{number}"} for number in range(3)]
    body = "\n".join(map(json.dumps, [*lines, {"ListingKey": "bad"}]))

    answer = signing.send(
        "POST",
        "/v1/batches/listings",
        content=body,
        headers={"Content-Type": "application/x-ndjson"},
    )

    assert write(answer) == Write(f"{key}-2", 1)


def test_what_was_refused_has_no_token(signing: Service, key: str) -> None:
    """There is nothing to see: of a command, and of a batch of bad lines alone."""
    bad = signing.put(key, {})
    batch = signing.send(
        "POST",
        "/v1/batches/listings",
        content="{}",
        headers={"Content-Type": "application/x-ndjson"},
    )

    assert (HEADER in bad.headers, HEADER in batch.headers) == (False, False)


def test_without_a_secret_no_token_is_given(service: Service, key: str, members: Members) -> None:
    """As it is started alone: the command is done, and nothing more is promised."""
    answer = service.put(key, members)

    assert (answer.status_code, HEADER in answer.headers) == (201, False)
