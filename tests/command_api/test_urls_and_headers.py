"""The key in the URL and the headers of a command: what is not understood is refused."""

from typing import TYPE_CHECKING

import pytest
from running_command_api import Members, Service

if TYPE_CHECKING:
    from collections.abc import Callable

    CheckProblem = Callable[..., Members]

TYPED = {"Content-Type": "application/json"}
MINIMAL = '"StandardStatus":"Active","PropertyType":"Residential"'


@pytest.mark.parametrize(
    ("segment", "key"),
    [
        ("%E6%97%A5%E6%9C%AC-1%20a", "日本-1 a"),
        ("a%3Fb%23c%25d%3Be", "a?b#c%d;e"),
        ("%E6%97%A5" * 255, "日" * 255),
        ("a+b", "a+b"),
        ("%2e%2e%2e", "..."),
    ],
)
def test_a_good_key_is_kept_as_it_is(service: Service, segment: str, key: str) -> None:
    """Japanese, reserved characters and 255 of them are good; Location names the same key."""
    answer = service.send(
        "PUT", f"/v1/listings/{segment}", content=f"{{{MINIMAL}}}".encode(), headers=TYPED
    )
    again = service.send("DELETE", answer.headers["Location"])

    assert (answer.status_code, again.status_code) == (201, 204)
    assert answer.json()["ListingKey"] == key
    assert service.row(key)


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("segment", "problem"),
    [
        ("a" * 256, (422, "invalid-listing-key")),
        ("%E6%97%A5" * 256, (422, "invalid-listing-key")),
        ("a%2Fb", (422, "invalid-listing-key")),
        ("%2E", (422, "invalid-listing-key")),
        ("%2e%2E", (422, "invalid-listing-key")),
        ("a%00", (422, "invalid-listing-key")),
        ("a%0Ab", (422, "invalid-listing-key")),
        ("a%7F", (422, "invalid-listing-key")),
        ("%E3%81%8B%E3%82%99", (422, "invalid-listing-key")),
        ("%FF", (400, "malformed-request")),
        ("%ED%A0%80", (400, "malformed-request")),
        ("%C0%AF", (400, "malformed-request")),
    ],
)
def test_a_bad_key_is_refused(
    service: Service,
    check_problem: "CheckProblem",
    method: str,
    segment: str,
    problem: tuple[int, str],
) -> None:
    """Keys as § 3 says: else 422; invalid UTF-8 in a path is 400."""
    headers = TYPED | {"If-Match": "*"}
    body = f"{{{MINIMAL}}}".encode()

    answer = service.send(method, f"/v1/listings/{segment}", content=body, headers=headers)

    check_problem(answer, status=problem[0], code=problem[1])


@pytest.mark.parametrize(
    "headers",
    [
        {"If_Match": 'W/"1-1"'},
        {"If_Match": '"1-1", "2-1"'},
        {"If_Match": "1"},
        {"If_None_Match": '"1-1"'},
        {"Source_Version": "-1"},
        {"Source_Version": "9223372036854775808"},
    ],
)
def test_a_header_of_another_form(
    service: Service,
    key: str,
    members: Members,
    check_problem: "CheckProblem",
    headers: dict[str, str],
) -> None:
    """Weak, malformed or several If-Match, and numbers that are none, are 400 for each command."""
    for answer in (
        service.put(key, members, **headers),
        service.patch(key, members, **headers),
        service.delete(key, **headers),
    ):
        check_problem(answer, status=400, code="malformed-request")


def test_a_patch_is_newer_than_its_base(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """A Source-Version that is not above its Source-Base-Version is 400."""
    answer = service.patch(key, members, Source_Version="5", Source_Base_Version="5")

    check_problem(answer, status=400, code="malformed-request")
