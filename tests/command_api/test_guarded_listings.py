"""The source guard through the whole service: architecture § 3, line by line."""

from typing import TYPE_CHECKING

import pytest
from running_command_api import Members, Service

from bukken_contract.etags import etag

if TYPE_CHECKING:
    from collections.abc import Callable

    CheckProblem = Callable[..., Members]


def test_an_older_put_is_late(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """An older PUT is 409 late-source-version, and nothing is changed."""
    service.put(key, members, Source_Version="5")
    before = service.row(key)

    answer = service.put(key, members | {"City": "港区"}, Source_Version="4")

    check_problem(answer, status=409, code="late-source-version")
    assert service.row(key) == before


def test_an_older_delete_is_late(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """An older DELETE is 409 late-source-version, of a live listing and of a removed one."""
    service.put(key, members, Source_Version="5")
    check_problem(service.delete(key, Source_Version="4"), status=409, code="late-source-version")
    service.delete(key, Source_Version="6")

    answer = service.delete(key, Source_Version="5")

    check_problem(answer, status=409, code="late-source-version")


def test_the_same_message_again_is_unchanged(service: Service, key: str, members: Members) -> None:
    """Equal and same content: 200, unchanged."""
    service.put(key, members, Source_Version="5")
    before = service.row(key)

    answer = service.put(key, members, Source_Version="5")

    assert (answer.status_code, answer.json()["Result"]) == (200, "unchanged")
    assert service.row(key) == before


def test_the_same_number_with_other_content_is_a_conflict(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """Equal, other content: 409 source-version-conflict."""
    service.put(key, members, Source_Version="5")

    for answer in (
        service.put(key, members | {"City": "港区"}, Source_Version="5"),
        service.delete(key, Source_Version="5"),
        service.patch(key, {"City": "港区"}, Source_Version="5", If_Match='"1-1"'),
    ):
        check_problem(answer, status=409, code="source-version-conflict")


def test_a_message_is_known_again_after_an_unguarded_change(
    service: Service, key: str, members: Members
) -> None:
    """A repeated message does not undo an unguarded change that came after it."""
    service.put(key, members, Source_Version="5")
    service.put(key, members | {"City": "港区"})
    before = service.row(key)

    answer = service.put(key, members, Source_Version="5")

    assert (answer.status_code, answer.headers["ETag"]) == (200, etag(2))
    assert answer.json()["Result"] == "unchanged"
    assert service.row(key) == before


def test_an_unguarded_message_leaves_the_guard(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """A message without Source-Version is done, and the stored number stays."""
    service.put(key, members, Source_Version="5")
    service.put(key, members | {"City": "港区"})

    late = service.put(key, members, Source_Version="4")

    check_problem(late, status=409, code="late-source-version")


def test_the_first_number_is_taken(service: Service, key: str, members: Members) -> None:
    """A listing that has no number takes the first that comes."""
    service.put(key, members)

    answer = service.put(key, members | {"City": "港区"}, Source_Version="0")

    row = service.row(key)
    assert row
    assert (answer.json()["Result"], row["source_version"]) == ("changed", 0)


def test_a_newer_put_on_a_tombstone_creates_anew(
    service: Service, key: str, members: Members
) -> None:
    """A newer PUT on a tombstone re-creates (201)."""
    service.put(key, members, Source_Version="5")
    service.delete(key, Source_Version="6")

    answer = service.put(key, members, Source_Version="7")

    assert (answer.status_code, answer.json()["Version"]) == (201, 3)


def test_an_older_put_does_not_raise_the_dead(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """A PUT that a removal overtook is late, and the listing stays removed."""
    service.put(key, members, Source_Version="5")
    service.delete(key, Source_Version="7")

    late = service.put(key, members, Source_Version="6")

    check_problem(late, status=409, code="late-source-version")


def test_a_removal_that_comes_first_is_remembered(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """DELETE of an unknown key with a Source-Version leaves a tombstone for older PUTs."""
    removed = service.delete(key, Source_Version="7")
    late = service.put(key, members, Source_Version="6")

    row = service.row(key)
    assert row
    assert removed.status_code == 204
    assert (row["version"], row["ever_visible"]) == (1, False)
    check_problem(late, status=409, code="late-source-version")


def test_a_removal_that_comes_first_is_held_to_its_conditions(
    service: Service, key: str, check_problem: "CheckProblem"
) -> None:
    """If-Match asks for a listing, and there is none: 412, and no tombstone is left."""
    answer = service.delete(key, Source_Version="7", If_Match=etag(1))

    check_problem(answer, status=412, code="precondition-failed")
    assert service.row(key) is None


def test_an_unguarded_delete_of_an_unknown_key(
    service: Service, key: str, check_problem: "CheckProblem"
) -> None:
    """DELETE of an unknown key without a Source-Version is 404."""
    check_problem(service.delete(key), status=404, code="not-found")


def test_delete_again(service: Service, key: str, members: Members) -> None:
    """DELETE again: 204; a newer number is remembered, and no version made."""
    service.put(key, members, Source_Version="5")
    first = service.delete(key, Source_Version="6")
    again = service.delete(key, Source_Version="6")
    newer = service.delete(key, Source_Version="8")

    row = service.row(key)
    assert row
    assert {answer.status_code for answer in (first, again, newer)} == {204}
    assert (row["version"], row["source_version"]) == (2, 8)


def test_a_patch_of_a_removed_listing_is_gone(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """PATCH on a tombstone: 410."""
    service.put(key, members, Source_Version="5")
    service.delete(key, Source_Version="6")

    answer = service.patch(key, {"City": "港区"}, Source_Version="7", Source_Base_Version="6")

    check_problem(answer, status=410, code="listing-removed")


def test_a_patch_names_its_base(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """A PATCH with neither If-Match nor Source-Base-Version is 428."""
    service.put(key, members)

    answer = service.patch(key, {"City": "港区"}, Source_Version="7")

    check_problem(answer, status=428, code="precondition-required")


def test_a_numbered_patch_on_any_version_names_no_base(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """`If-Match: *` with a Source-Version would make the messages between too late for ever."""
    service.put(key, members, Source_Version="5")
    answer = service.patch(key, {"City": "港区"}, Source_Version="7", If_Match="*")

    check_problem(answer, status=428, code="precondition-required")


def test_a_patch_on_its_base_is_done(service: Service, key: str, members: Members) -> None:
    """A PATCH whose Source-Base-Version is the stored number is done, and its number stored."""
    service.put(key, members, Source_Version="5")

    answer = service.patch(key, {"City": "港区"}, Source_Version="6", Source_Base_Version="5")

    row = service.row(key)
    assert row
    assert (answer.status_code, answer.json()["Result"]) == (200, "changed")
    assert (row["source_version"], row["city"]) == (6, "港区")


@pytest.mark.parametrize("stored", [None, "3", "7"])
def test_a_patch_whose_base_does_not_fit(
    service: Service,
    key: str,
    members: Members,
    check_problem: "CheckProblem",
    stored: str | None,
) -> None:
    """If the base does not fit: 409 send-whole-listing, also where it is late or invalid."""
    service.put(key, members, **({"Source_Version": stored} if stored else {}))

    for patch in ({"City": "港区"}, {"StandardStatus": None}):
        answer = service.patch(key, patch, Source_Version="6", Source_Base_Version="5")
        check_problem(answer, status=409, code="send-whole-listing")


def test_a_repeated_patch_is_known_again(service: Service, key: str, members: Members) -> None:
    """The same PATCH again is 200 unchanged, though its base is no longer the stored number."""
    service.put(key, members, Source_Version="5")
    service.patch(key, {"City": "港区"}, Source_Version="6", Source_Base_Version="5")

    answer = service.patch(key, {"City": "港区"}, Source_Version="6", Source_Base_Version="5")

    assert (answer.status_code, answer.json()["Result"]) == (200, "unchanged")


def test_a_late_patch_with_a_fitting_if_match(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """If-Match fits but the number is older: 409 late-source-version."""
    service.put(key, members, Source_Version="5")

    answer = service.patch(key, {"City": "港区"}, Source_Version="4", If_Match=etag(1))

    check_problem(answer, status=409, code="late-source-version")


def test_conditions_come_before_the_source_guard(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """First If-Match/If-None-Match (412), then the source guard."""
    service.put(key, members, Source_Version="5")

    answer = service.put(key, members | {"City": "港区"}, Source_Version="4", If_Match=etag(9))

    check_problem(answer, status=412, code="precondition-failed")


def test_a_repetition_is_still_guarded(
    service: Service, key: str, members: Members, check_problem: "CheckProblem"
) -> None:
    """The state asked for being there already does not make an older message welcome."""
    service.put(key, members, Source_Version="5")

    answer = service.put(key, members, Source_Version="4", If_Match=etag(9))

    check_problem(answer, status=409, code="late-source-version")
