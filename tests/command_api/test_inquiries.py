from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import pytest
from inquiring import PATH, inquiry_about, inquiry_row, keep, kept_of, request_of
from running_command_api import (
    Members,
    RunningCommandApi,
    Service,
    until_committing,
    until_waiting,
)
from waiting import wait_until

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase
    from postgres_servers import Servers

CheckProblem = Callable[..., Members]
Start = Callable[..., RunningCommandApi]


@pytest.fixture
def listing(service: Service, key: str, members: Members) -> str:
    """The key of a listing that partners see."""
    assert service.put(key, members).status_code == 201
    return key


def post(service: Service, inquiry: Members, **named: str) -> httpx.Response:
    """Sends an inquiry."""
    return service.send("POST", PATH, **request_of(inquiry, **named))


def test_an_accepted_inquiry_is_kept(
    service: Service, database: "MigratedDatabase", listing: str
) -> None:
    """202 with its key and where to ask for it; all that was said is in the database."""
    answer = post(service, inquiry_about(listing))
    key = answer.json()["InquiryKey"]

    assert (answer.status_code, answer.headers["Location"]) == (202, f"{PATH}/{key}")
    row = inquiry_row(database, key)
    assert (row["poster"], row["listing_key"], row["state"]) == ("portal-a", listing, "pending")
    assert row["name"] == "山田 Himitsutaro"
    assert (row["email"], row["phone"]) == ("himitsu.taro@example.com", "+81398765432")
    assert row["message"] == "Ohimitsu 内見\nしたいです"


def test_the_same_again_is_answered_as_the_first_time(
    service: Service, database: "MigratedDatabase", listing: str
) -> None:
    """In whatever order the members stand, and whether the key is quoted or not."""
    inquiry = inquiry_about(listing)
    first = post(service, inquiry, idempotency_key=f'"{listing}-0001"')
    turned = dict(reversed(inquiry.items()))
    again = post(service, turned, idempotency_key=f"{listing}-0001")

    assert (again.status_code, again.content) == (202, first.content)
    assert again.headers["Location"] == first.headers["Location"]
    assert kept_of(database, listing) == 1


def test_another_body_under_the_same_key_is_refused(
    service: Service, database: "MigratedDatabase", listing: str, check_problem: CheckProblem
) -> None:
    """It is another inquiry, and would be lost behind the first."""
    post(service, inquiry_about(listing), idempotency_key=f"{listing}-0001")
    other = inquiry_about(listing, Message="とめてください")
    answer = post(service, other, idempotency_key=f"{listing}-0001")

    check_problem(answer, status=422, code="idempotency-key-reused")
    assert kept_of(database, listing) == 1


def test_a_key_is_one_clients(service: Service, database: "MigratedDatabase", listing: str) -> None:
    """Two portals may both count from 1."""
    inquiry = inquiry_about(listing)
    answers = [
        post(service, inquiry, idempotency_key=f"{listing}-0001", client=client)
        for client in ("portal-a", "portal-b")
    ]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert kept_of(database, listing) == 2


def test_fifty_at_once_make_one_inquiry(
    service: Service, database: "MigratedDatabase", listing: str
) -> None:
    """The others wait for the first, and give its answer.

    Where the machine is too busy for fifty at once, those that waited for the pool are 503; sent
    again, they are answered as the others.
    """
    request = request_of(inquiry_about(listing), idempotency_key=f"{listing}-0001")
    requests = [httpx.Request("POST", f"http://command-api{PATH}", **request) for _ in range(50)]
    answers = service.together(*requests)
    late = [service.send("POST", PATH, **request) for each in answers if each.status_code == 503]
    answered = [(e.status_code, e.content) for e in (*answers, *late) if e.status_code != 503]

    assert answered == 50 * [(202, answered[0][1])]
    assert kept_of(database, listing) == 1


@pytest.mark.parametrize(
    "given",
    [[], ["short"], ["a" * 65], ["taro@example.com"], ['"half-quoted'], ["a key with spaces"],
     ["one-key-0001", "two-keys-0002"]],
)  # fmt: skip
def test_without_a_key_of_the_right_form_nothing_is_kept(
    given: list[str], service: Service, listing: str, check_problem: CheckProblem
) -> None:
    """What is sent again without one would be delivered twice; the answer names the header."""
    request = request_of(inquiry_about(listing))
    headers = [(name, v) for name, v in request["headers"].items() if name != "Idempotency-Key"]
    headers += [("Idempotency-Key", each) for each in given]
    answer = service.send("POST", PATH, content=request["content"], headers=headers)

    problem = check_problem(answer, status=400, code="idempotency-key-missing")
    assert "Idempotency-Key" in problem["detail"]


def test_an_inquiry_nobody_posted_is_refused(
    service: Service, listing: str, check_problem: CheckProblem
) -> None:
    """Only the sidecar says who a client is: without one there is none."""
    request = request_of(inquiry_about(listing))
    del request["headers"]["X-Client-Id"]

    check_problem(service.send("POST", PATH, **request), status=401, code="unauthenticated")


def test_a_listing_nobody_saw_is_refused_by_name(
    service: Service, key: str, members: Members, check_problem: CheckProblem
) -> None:
    """Never there and never shown look alike: nobody learns of what is prepared."""
    service.put(key, members | {"StandardStatus": "Incomplete"})
    hidden = check_problem(post(service, inquiry_about(key)), status=422)
    unknown = check_problem(post(service, inquiry_about(f"{key}-not")), status=422)

    assert [error["field"] for error in hidden["errors"]] == ["ListingKey"]
    assert hidden["errors"] == unknown["errors"]


@pytest.mark.parametrize("how", ["removed", "hidden"])
def test_a_listing_that_was_seen_is_asked_about(
    how: str, service: Service, listing: str, members: Members
) -> None:
    """Somebody read it this morning, and sends the form now."""
    if how == "removed":
        service.delete(listing)
    else:
        service.put(listing, members | {"InternetEntireListingDisplayYN": False})

    assert post(service, inquiry_about(listing)).status_code == 202


def test_a_retry_is_answered_whatever_became_of_the_listing(service: Service, listing: str) -> None:
    """The first answer stands."""
    request = request_of(inquiry_about(listing))
    first = service.send("POST", PATH, **request)
    service.delete(listing)

    assert service.send("POST", PATH, **request).content == first.content


WRONG: dict[str, Any] = {
    "FullName": [None, "", "a\nb", "a" * 151, 7],
    "Email": ["taro", "taro@", "a@b", "a b@example.com", "Taro <taro@example.com>", "", 5],
    "Phone": ["12", "1234-5678", "03-1234-5678 ext 4", "call me: 03-1234-5678", "+81", "0" * 41],
    "Message": [None, "", "a" * 4_001, "a\x00b", "\x1b[2J", "half \ud800", ["a"]],
    "ListingKey": [None, "a/b", "か\u3099", 5],
    "Budget": [1],
}


@pytest.mark.parametrize(
    ("field", "value"), [(field, value) for field, values in WRONG.items() for value in values]
)
def test_what_cannot_be_delivered_or_answered_is_refused_by_name(
    field: str, value: object, service: Service, listing: str, check_problem: CheckProblem
) -> None:
    """Each fault names its field, and never repeats what was in it."""
    answer = post(service, inquiry_about(listing) | {field: value})

    problem = check_problem(answer, status=422, code="invalid")
    assert [error["field"] for error in problem["errors"]] == [field]
    assert str(value) == "1" or len(str(value)) < 4 or str(value) not in answer.text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("090-1234-5678", "+819012345678"),
        ("０９０（１２３４）５６７８", "+819012345678"),
        ("03ー1234ー5678", "+81312345678"),
        ("+1 415 555 2671", "+14155552671"),
        ("+44 20 7946 0018", "+442079460018"),
    ],
)
def test_a_telephone_number_is_kept_in_one_form(
    given: str, kept: str, service: Service, database: "MigratedDatabase", listing: str
) -> None:
    """As people write it, of Japan or international."""
    answer = post(service, inquiry_about(listing, Phone=given))

    assert inquiry_row(database, answer.json()["InquiryKey"])["phone"] == kept


@pytest.mark.parametrize("left", ["Email", "Phone"])
def test_one_way_to_answer_is_enough(left: str, service: Service, listing: str) -> None:
    """Either, and not none."""
    inquiry = inquiry_about(listing)
    one = {name: v for name, v in inquiry.items() if name not in {"Email", "Phone"} - {left}}
    none = {name: v for name, v in inquiry.items() if name not in {"Email", "Phone"}}

    assert [post(service, each).status_code for each in (one, none)] == [202, 422]


def test_the_longest_message_fits_however_it_is_written(service: Service, listing: str) -> None:
    """4,000 characters, each two escapes; a body beyond 64 KiB is none of ours."""
    longest = inquiry_about(listing, Message="🏠" * 4_000)
    larger = request_of(longest)
    larger["content"] += " " * (64 * 1024)

    assert post(service, longest).status_code == 202
    assert service.send("POST", PATH, **larger).status_code == 413


def test_who_comes_while_the_first_is_running_waits_for_it(
    running: RunningCommandApi, servers: "Servers", database: "MigratedDatabase", listing: str
) -> None:
    """And gives its answer, keeping nothing of its own."""
    request = request_of(inquiry_about(listing), idempotency_key=f"{listing}-0001")
    with ThreadPoolExecutor() as pool, servers.without_storage():
        first = pool.submit(running.send, "POST", PATH, **request)
        until_committing(database, first)
        second = pool.submit(running.send, "POST", PATH, **request)
        until_waiting(database)

    assert (first.result().status_code, second.result().status_code) == (202, 202)
    assert second.result().content == first.result().content


def test_the_wait_for_the_first_is_bounded(
    running: RunningCommandApi, database: "MigratedDatabase", listing: str
) -> None:
    """After 4 s it is 503 with Retry-After: the client asks again, and nothing is lost."""
    idempotency_key = str(uuid4())
    request = request_of(inquiry_about(listing), idempotency_key=idempotency_key)
    with database.connect("bukken_writer") as first:
        keep(first, idempotency_key)
        answer = running.send("POST", PATH, **request)
        first.rollback()

    assert (answer.status_code, "Retry-After" in answer.headers) == (503, True)
    assert running.send("POST", PATH, **request).status_code == 202


def test_killed_between_commit_and_answer_it_is_one_inquiry(
    start: Start, servers: "Servers", database: "MigratedDatabase", listing: str
) -> None:
    """The client saw no answer, asks another Pod, and is answered what the first one kept."""
    killed, another = start().until_ready(), start().until_ready()
    request = request_of(inquiry_about(listing), idempotency_key=f"{listing}-0001")
    with ThreadPoolExecutor() as pool:
        with servers.without_storage():
            lost = pool.submit(killed.send, "POST", PATH, **request)
            until_committing(database, lost)
            killed.process.kill()
            assert isinstance(lost.exception(), httpx.TransportError)
        wait_until(lambda: kept_of(database, listing), what="the commit has taken place")
    answers = [another.send("POST", PATH, **request) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content
    assert kept_of(database, listing) == 1


def test_a_person_is_erased_and_the_record_stays(
    service: Service, database: "MigratedDatabase", listing: str
) -> None:
    """Whoever posted it takes the person out, twice without harm; what happened is still told."""
    key = post(service, inquiry_about(listing)).json()["InquiryKey"]
    headers = {"X-Client-Id": "portal-a"}
    answers = [service.send("DELETE", f"{PATH}/{key}", headers=headers) for _ in range(2)]
    row = inquiry_row(database, key)

    assert [answer.status_code for answer in answers] == [204, 204]
    assert (row["state"], row["person_removed_because"]) == ("erased", "request")
    assert {row[name] for name in ("name", "email", "phone", "message", "request_digest")} == {None}
    assert (row["poster"], row["listing_key"]) == ("portal-a", listing)


def test_what_was_delivered_stays_delivered_when_it_is_erased(
    service: Service, database: "MigratedDatabase", listing: str
) -> None:
    """The back end has the person: the record must not say that it has not."""
    key = post(service, inquiry_about(listing)).json()["InquiryKey"]
    with database.connect("bukken_writer") as relay:
        relay.execute("UPDATE inquiries SET state = 'delivered', delivered_at = now()")
    service.send("DELETE", f"{PATH}/{key}", headers={"X-Client-Id": "portal-a"})
    row = inquiry_row(database, key)

    assert (row["state"], row["name"]) == ("delivered", None)


def test_a_retry_after_the_erasure_brings_nobody_back(
    service: Service, database: "MigratedDatabase", listing: str
) -> None:
    """It is answered as the first time, and keeps nothing."""
    request = request_of(inquiry_about(listing))
    first = service.send("POST", PATH, **request)
    key = first.json()["InquiryKey"]
    service.send("DELETE", f"{PATH}/{key}", headers={"X-Client-Id": "portal-a"})
    again = service.send("POST", PATH, **request)

    assert (again.status_code, again.content) == (202, first.content)
    assert inquiry_row(database, key)["name"] is None
    assert kept_of(database, listing) == 1


@pytest.mark.parametrize("key", ["own", "nobody's", "no key at all"])
def test_only_ones_own_can_be_erased(
    key: str, service: Service, database: "MigratedDatabase", members: Members
) -> None:
    """Another's looks like one that never was."""
    assert service.put("erasing", members).status_code in {200, 201}
    own = post(service, inquiry_about("erasing")).json()["InquiryKey"]
    asked = {"own": own, "nobody's": str(uuid4())}.get(key, key)
    answer = service.send("DELETE", f"{PATH}/{quote(asked)}", headers={"X-Client-Id": "portal-b"})

    assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such inquiry")
    assert inquiry_row(database, own)["name"]


def test_an_inquiry_takes_no_query_string(service: Service, listing: str) -> None:
    """Who wrote a person into one would find it in logs."""
    answer = service.send("POST", f"{PATH}?email=x", **request_of(inquiry_about(listing)))

    assert answer.status_code == 400
