from typing import TYPE_CHECKING, Any

import pytest
from running_command_api import Members, Service

from bukken_contract.etags import etag

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrated_database import MigratedDatabase

    CheckProblem = Callable[..., Members]


def test_a_put_creates(service: Service, key: str, members: Members) -> None:
    """A first PUT answers 201 with the listing's version, its ETag and where it is."""
    answer = service.put(key, members)

    assert answer.status_code == 201
    assert answer.json() == {"ListingKey": key, "Version": 1, "Result": "created"}
    assert answer.headers["ETag"] == etag(1)
    assert answer.headers["Location"] == f"/v1/listings/{key}"


def test_what_is_stored_is_what_was_sent(service: Service, key: str, members: Members) -> None:
    """Numbers, dates, arrays and Japanese text arrive in the row as they were sent."""
    service.put(key, members | {"ListPrice": 123456789012.25, "Latitude": -33.5, "Longitude": 1})

    row = service.row(key)
    assert row
    assert str(row["list_price"]) == "123456789012.25"
    assert (row["city"], row["levels"]) == ("新宿区", ["One", "Two"])
    assert (str(row["on_market_date"]), str(row["latitude"])) == ("2021-04-01", "-33.50000000")
    assert row["media"][0]["media_url"] == "https://media.example/1.jpg"


def test_a_put_with_other_content_counts_the_version_up(
    service: Service, key: str, members: Members
) -> None:
    """Each listing has a version, counted up by each change."""
    service.put(key, members)

    answer = service.put(key, members | {"ListPrice": 34_000_000})

    assert answer.status_code == 200
    assert answer.json() == {"ListingKey": key, "Version": 2, "Result": "changed"}
    assert answer.headers["ETag"] == etag(2)


def test_a_put_with_the_same_content_changes_nothing(
    service: Service, key: str, members: Members
) -> None:
    """The same content again, however it is written, makes no version and no new time."""
    service.put(key, members | {"BathroomsFull": None})
    before = service.row(key)

    answer = service.put(key, members | {"ListPrice": 35_000_000.00, "BedroomsTotal": 3.0})

    assert answer.json() == {"ListingKey": key, "Version": 1, "Result": "unchanged"}
    assert service.row(key) == before


def test_an_unchanged_put_remembers_a_newer_source_version(
    service: Service, key: str, members: Members
) -> None:
    """A newer message with the same content moves the guard and nothing else."""
    service.put(key, members, Source_Version="1")
    before = service.row(key)

    answer = service.put(key, members, Source_Version="2")

    after = service.row(key)
    assert before
    assert after
    assert answer.json()["Result"] == "unchanged"
    assert after["source_version"] == 2
    assert after["modification_timestamp"] == before["modification_timestamp"]


def test_the_version_goes_on_across_a_removal(service: Service, key: str, members: Members) -> None:
    """Versions are counted up for ever, also across removal."""
    service.put(key, members)
    service.delete(key)

    answer = service.put(key, members)

    assert answer.status_code == 201
    assert answer.json() == {"ListingKey": key, "Version": 3, "Result": "created"}


def test_times_of_change(service: Service, key: str, members: Members) -> None:
    """Each time of change moves when its own field changes, and only then."""
    service.put(key, members)
    first = service.row(key)
    service.put(key, members | {"ListPrice": 1})
    second = service.row(key)

    assert first
    assert second
    assert first["status_change_timestamp"] == first["original_entry_timestamp"]
    assert second["status_change_timestamp"] == first["status_change_timestamp"]
    assert second["photos_change_timestamp"] == first["photos_change_timestamp"]
    assert second["price_change_timestamp"] == second["modification_timestamp"]
    assert second["price_change_timestamp"] > first["price_change_timestamp"]


def test_a_listing_without_pictures_has_null(
    service: Service, key: str, members: Members, database: "MigratedDatabase"
) -> None:
    """Not JSON's null, by a PUT as by a batch: a later batch would take it for another value."""
    service.put(key, members | {"Media": None})

    asked = "SELECT media IS NULL FROM bukken.listings WHERE listing_key = %s"
    with database.connect("bukken_writer") as connection:
        assert connection.execute(asked, (key,)).fetchone() == (True,)


def test_a_tombstone_keeps_no_content(service: Service, key: str, members: Members) -> None:
    """A removal clears every member of the listing and keeps what counts and when it came."""
    service.put(key, members)
    before = service.row(key)
    answer = service.delete(key)
    after = service.row(key)

    assert (answer.status_code, answer.content) == (204, b"")
    assert before
    assert after
    assert {after[name] for name in ("city", "list_price", "media", "standard_status")} == {None}
    assert (after["version"], after["ever_visible"], after["visible"]) == (2, True, False)
    assert after["original_entry_timestamp"] == before["original_entry_timestamp"]
    assert after["removed_at"] == after["modification_timestamp"]


@pytest.mark.parametrize(
    ("states", "ever_visible"),
    [
        ([{"StandardStatus": "Incomplete"}, {"City": "大田区"}], False),
        ([{}, {"StandardStatus": "Incomplete"}, {"StandardStatus": "Active"}], True),
        ([{"InternetEntireListingDisplayYN": False}, {"StandardStatus": "Incomplete"}], False),
    ],
)
def test_whether_a_listing_was_ever_visible_is_remembered(
    service: Service,
    key: str,
    members: Members,
    states: list[dict[str, Any]],
    ever_visible: bool,  # noqa: FBT001 — a parameter of the test
) -> None:
    """A listing once seen stays one that was seen, whatever becomes of it."""
    for changes in states:
        service.put(key, members | changes)

    row = service.row(key)
    assert row
    assert row["ever_visible"] is ever_visible


@pytest.mark.parametrize("tag", ['"1-1"', '"1-7"', "*", ' "1-1" '])
def test_if_match_compares_the_version_part(
    service: Service, key: str, members: Members, tag: str
) -> None:
    """If-Match holds for the current version in whatever representation, and for *."""
    service.put(key, members)

    assert service.put(key, members | {"City": "港区"}, If_Match=tag).status_code == 200


@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_lost_update_is_refused(
    service: Service, key: str, members: Members, method: str, check_problem: "CheckProblem"
) -> None:
    """If-Match with an older version is 412, and nothing is changed."""
    service.put(key, members)
    service.put(key, members | {"City": "港区"})
    before = service.row(key)
    body = {} if method == "delete" else {"members": members | {"City": "大田区"}}

    answer = getattr(service, method)(key, **body, If_Match=etag(1))

    check_problem(answer, status=412, code="precondition-failed")
    assert service.row(key) == before


@pytest.mark.parametrize("removed", [False, True])
def test_if_match_needs_a_listing(
    service: Service,
    key: str,
    members: Members,
    removed: bool,  # noqa: FBT001 — a parameter of the test
    check_problem: "CheckProblem",
) -> None:
    """A PUT with If-Match on a key that is absent or removed is 412."""
    if removed:
        service.put(key, members)
        service.delete(key)

    for tag in (etag(1), etag(2), "*"):
        check_problem(service.put(key, members, If_Match=tag), status=412)


def test_if_none_match_creates_only(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """If-None-Match: * creates, and re-creates what was removed; on a live listing it is 412."""
    assert service.put(key, members, If_None_Match="*").status_code == 201
    other = service.put(key, members | {"City": "港区"}, If_None_Match="*")
    check_problem(other, status=412)
    check_problem(service.delete(key, If_None_Match="*"), status=412)
    service.delete(key)

    assert service.put(key, members, If_None_Match="*").status_code == 201


def test_a_repeated_conditional_put_succeeds(service: Service, key: str, members: Members) -> None:
    """A conditional PUT sent again succeeds when the state is already the one asked for."""
    service.put(key, members, If_None_Match="*")
    changed = members | {"City": "港区"}
    service.put(key, changed, If_Match=etag(1))

    for condition in ({"If_Match": etag(1)}, {"If_None_Match": "*"}):
        answer = service.put(key, changed, **condition)
        assert (answer.status_code, answer.json()["Result"]) == (200, "unchanged")
        assert answer.headers["ETag"] == etag(2)


def test_a_repeated_conditional_delete_succeeds(
    service: Service, key: str, members: Members
) -> None:
    """Repeating a conditional DELETE whose answer was lost is 204 and makes no version."""
    service.put(key, members)
    service.delete(key, If_Match=etag(1))
    before = service.row(key)

    assert service.delete(key, If_Match=etag(1)).status_code == 204
    assert service.row(key) == before


def test_a_repeated_conditional_patch_succeeds(
    service: Service, key: str, members: Members
) -> None:
    """Repeating a conditional PATCH whose answer was lost answers 200, unchanged."""
    service.put(key, members)
    service.patch(key, {"City": "港区"}, If_Match=etag(1))

    answer = service.patch(key, {"City": "港区"}, If_Match=etag(1))

    assert (answer.status_code, answer.json()["Result"]) == (200, "unchanged")
    assert answer.headers["ETag"] == etag(2)


def test_conditions_count_only_where_the_answer_would_be_a_success(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """PATCH of an unknown key is 404 and of a removed one 410, whatever If-Match says."""
    patch = {"City": "港区"}
    for tag in (etag(1), "*"):
        check_problem(service.patch(key, patch, If_Match=tag), status=404, code="not-found")
        check_problem(service.delete(key, If_Match=tag), status=404, code="not-found")
    service.put(key, members)
    service.delete(key)

    for tag in (etag(1), etag(2), "*"):
        answer = service.patch(key, patch, If_Match=tag)
        check_problem(answer, status=410, code="listing-removed")


def test_a_patch_changes_what_it_names(service: Service, key: str, members: Members) -> None:
    """A merge patch replaces, removes with null, and leaves the rest as it was."""
    service.put(key, members)
    patch = {"ListPrice": 34_500_000.5, "Levels": ["One"], "OnMarketDate": None, "Media": None}

    answer = service.patch(key, patch, If_Match="*", Content_Type="application/merge-patch+json")

    row = service.row(key)
    assert row
    assert answer.json() == {"ListingKey": key, "Version": 2, "Result": "changed"}
    assert (str(row["list_price"]), row["levels"]) == ("34500000.50", ["One"])
    assert (row["on_market_date"], row["media"], row["city"]) == (None, None, "新宿区")


@pytest.mark.parametrize(
    ("field", "patch"),
    [
        ("StandardStatus", {"StandardStatus": None}),
        ("Currency", {"Currency": None}),
        ("Longitude", {"Latitude": 35.5}),
        ("Foo", {"Foo": None}),
        ("City", {"City": {"a": {"b": 1}}}),
        ("AreaIsMinimumYN", {"AreaIsMinimumYN": 1}),
        ("ListingKey", {"ListingKey": "other"}),
        ("Version", {"Version": 7}),
    ],
)
def test_a_patch_that_leaves_a_listing_invalid_changes_nothing(  # noqa: PLR0913, PLR0917 — its table has two columns
    service: Service,
    key: str,
    members: Members,
    check_problem: "CheckProblem",
    patch: Members,
    field: str,
) -> None:
    """The patched listing is held to every rule of a whole one; what breaks one is named."""
    service.put(key, members | {"AreaIsMinimumYN": True})
    before = service.row(key)

    problem = check_problem(service.patch(key, patch, If_Match="*"), status=422, code="invalid")

    assert [fault["field"] for fault in problem["errors"]] == [field]
    assert service.row(key) == before
