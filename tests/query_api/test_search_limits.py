"""How long a search may take: it ends soon, is answered otherwise, or is refused."""

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest
from flask.testing import FlaskClient
from searching import found, slowly
from sqlalchemy import Select, event, func, select

from bukken_database.connections import reader_engine
from bukken_database.sessions import ReadSession
from query_api import search_conditions, search_queries
from query_api.search_statements import gather, walk

if TYPE_CHECKING:
    from migrated_database import MigratedDatabase

    Put = Callable[..., None]


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Walks take so many seconds each, and finding all that fit as many."""

    def make(*, walks: float, gathers: float) -> None:
        def walked(*given: Any, **named: Any) -> Iterator[Select[Any]]:  # noqa: ANN401 — as it is called
            return (slowly(part, seconds=walks) for part in walk(*given, **named))

        def gathered(*given: Any, **named: Any) -> Select[Any]:  # noqa: ANN401 — the same
            return slowly(gather(*given, **named), seconds=gathers)

        monkeypatch.setattr(search_conditions, "_CROWD", 1)
        monkeypatch.setattr(search_queries, "walk", walked)
        monkeypatch.setattr(search_queries, "gather", gathered)

    return make


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """To find all that fit may take long: of what is tested, and not of this machine."""
    first = search_queries._FIRST._replace(gather=20.0)  # noqa: SLF001 — the subject
    monkeypatch.setattr(search_queries, "_FIRST", first)


@pytest.fixture
def asked(client: FlaskClient) -> list[str]:
    """All statements, as they are sent."""
    sent: list[str] = []
    engine = client.application.extensions["database"]._reader._engine  # noqa: SLF001 — to look on
    event.listen(engine, "before_cursor_execute", lambda *given: sent.append(given[2]))
    return sent


def waiting(asked: list[str]) -> int:
    """How many of the statements wait."""
    return sum("pg_sleep" in statement for statement in asked)


@pytest.fixture
def five(put: "Put") -> None:
    """Listings of growing area; of the first it is not known."""
    for number in range(5):
        area = {"living_area": number, "living_area_units": "SquareMeters"} if number else {}
        put(f"k{number}", city="新宿区", **area)


@pytest.mark.usefixtures("patient", "five")
@pytest.mark.parametrize(
    ("query", "order"),
    [
        ({"City": "新宿区", "sort": "LivingArea"}, "1234 0"),
        ({"q": "新宿", "sort": "-LivingArea"}, "4321 0"),
        ({"City": "新宿区", "StandardStatus": "Active"}, "43210"),
    ],
)
def test_a_walk_that_does_not_end_soon_is_given_up_for_all_that_fit(
    client: FlaskClient,
    slow: Callable[..., None],
    asked: list[str],
    query: dict[str, str],
    order: str,
) -> None:
    """Where the planner hoped for an early end and there is none, the indexes together know."""
    slow(walks=10, gathers=0)

    began = time.monotonic()
    keys = found(client, **query)

    assert keys == [f"k{number}" for number in order.replace(" ", "")]
    assert waiting(asked) == 2
    assert time.monotonic() - began < 10


def test_a_search_that_nothing_answers_in_time_is_refused_soon(
    put: "Put", client: FlaskClient, slow: Callable[..., None], asked: list[str]
) -> None:
    """After a fifth of a second, and not after the second that a later page has."""
    for key in "ab":
        put(key, city="新宿区")
    slow(walks=0.4, gathers=0.4)

    answer = client.get("/v1/listings?City=新宿区&sort=LivingArea")

    assert (answer.status_code, waiting(asked)) == (422, 2)
    assert answer.get_json()["type"] == "urn:bukken:problem:search-too-costly"


def test_of_few_listings_no_search_is_too_costly(
    put: "Put",
    client: FlaskClient,
    slow: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A reader that is busy for a moment is at fault, and 422 says that it will be so for ever."""
    put("a", city="新宿区")
    slow(walks=0.4, gathers=0.4)
    monkeypatch.setattr(search_conditions, "_CROWD", 2)

    answer = client.get("/v1/listings?City=新宿区&StandardStatus=Active")

    assert (answer.status_code, len(answer.get_json()["value"])) == (200, 1)


def test_who_was_given_a_page_is_not_soon_refused_the_next(
    put: "Put", client: FlaskClient, slow: Callable[..., None]
) -> None:
    """The last page of an order goes past all that do not fit, when all other pages are given."""
    for key in "ab":
        put(key, city="新宿区")
    first = "/v1/listings?City=新宿区&sort=LivingArea&limit=1"
    link = client.get(first).get_json()["nextLink"]
    slow(walks=0.25, gathers=0.25)

    statuses = [client.get(page).status_code for page in (first, link)]

    assert statuses == [422, 200]


@pytest.mark.parametrize("seconds", [0.25, 0.45])
def test_what_is_one_range_of_an_index_is_given_its_time(
    put: "Put", client: FlaskClient, slow: Callable[..., None], asked: list[str], seconds: float
) -> None:
    """Nothing could answer it sooner, and a reader whose memory is cold takes longer."""
    put("a", city="新宿区")
    slow(walks=seconds, gathers=0)

    assert [client.get(f"/v1/listings?{q}").status_code for q in ("", "City=新宿区")] == [200, 200]
    assert waiting(asked) == 2


@pytest.fixture
def one(put: "Put") -> None:
    """A listing that many searches find."""
    put("k1", city="市1", bedrooms_total=2, public_remarks="日当たり")


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    "query", ["q=日", "BedroomsTotal.ge=1", "sort=LivingArea&City=市1", "City=市1,市2"]
)
def test_a_refusal_comes_with_advice_and_invites_nobody_to_come_again(
    client: FlaskClient, slow: Callable[..., None], query: str
) -> None:
    """422 and no 503, which proxies and clients send again as it is."""
    slow(walks=5, gathers=5)

    answer = client.get(f"/v1/listings?{query}")

    assert (answer.status_code, "Retry-After" in answer.headers) == (422, False)
    assert "smaller radius" in answer.get_json()["detail"]


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize(
    "query",
    ["", "City=市1", "sort=LivingArea", "BedroomsTotal.ge=3", "ListingKey=k1,k2"],
    ids=["all", "one value", "one order", "few", "keys"],
)
def test_a_page_that_takes_no_time_is_never_too_much_to_ask(
    client: FlaskClient, slow: Callable[..., None], query: str
) -> None:
    """When it takes too long, the database is at fault: 503, come again."""
    slow(walks=5, gathers=5)

    answer = client.get(f"/v1/listings?{query}")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


@pytest.mark.usefixtures("one")
def test_of_few_listings_a_search_that_takes_too_long_is_the_databases_fault(
    client: FlaskClient, slow: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing could be narrowed: who is told so would never ask again."""
    slow(walks=5, gathers=5)
    monkeypatch.setattr(search_conditions, "_CROWD", 2)

    assert client.get("/v1/listings?q=日").status_code == 503


def test_a_search_has_its_manners_in_its_transaction_alone(database: "MigratedDatabase") -> None:
    """A second, half of it for a lock; planned with its values, on one core, with memory."""
    wanted = {
        "statement_timeout": "1s",
        "lock_timeout": "500ms",
        "plan_cache_mode": "force_custom_plan",
        "jit": "off",
        "random_page_cost": "1.1",
        "work_mem": "32MB",
        "max_parallel_workers_per_gather": "0",
    }
    shown = select(*(func.current_setting(name).label(name) for name in wanted))
    engine = reader_engine(database.settings("bukken_reader"), application="test")
    with engine.connect() as connection:
        session = ReadSession(connection)
        before = dict(session.row(shown) or {})
        with session.together():
            session.row(search_queries._MANNERS)  # noqa: SLF001 — the subject
            during = dict(session.row(shown) or {})
        after = dict(session.row(shown) or {})
    engine.dispose()

    assert during == wanted
    assert before == after
    assert (after["statement_timeout"], after["lock_timeout"]) == ("5s", "4s")


@pytest.mark.usefixtures("one")
@pytest.mark.parametrize("query", ["q=日", "BedroomsTotal.ge=1&sort=LivingArea"])
def test_the_server_ends_a_search_that_takes_too_long(
    client: FlaskClient, database: "MigratedDatabase", slow: Callable[..., None], query: str
) -> None:
    """What was refused burns nothing more on the reader."""
    slow(walks=30, gathers=30)
    at_work = (
        "SELECT query FROM pg_stat_activity WHERE state = 'active' "
        "AND application_name = 'query-api'"
    )

    answer = client.get(f"/v1/listings?{query}")

    with database.connect("bukken_master") as master:
        left = master.execute(at_work).fetchall()
    assert (answer.status_code, left) == (422, [])
