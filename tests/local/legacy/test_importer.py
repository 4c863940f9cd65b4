"""The legacy back end's stand-in delivers through whatever an exchange can do to it."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from staged_exchange import CTRL_C, DROP, INVALID, Answer, Exchange, Result
from starlette.types import ASGIApp

from bukken_local.issuer.kept import load_clients
from bukken_local.issuer.server import IssuerSettings, create_app
from bukken_local.legacy.importer import BATCH_LINES, main
from bukken_local.legacy.king_county import HEADER


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    """A running exchange that takes everything until a script says otherwise."""
    with Exchange() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


class Import(NamedTuple):
    """How an import ended."""

    status: int
    screen: str
    report: list[dict[str, object]]


Run = Callable[..., Import]


@pytest.fixture
def run(
    exchange: Exchange,
    serve: Callable[[ASGIApp], str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Imports these parcels, as somebody would who types the command."""
    secrets = IssuerSettings(key_file=tmp_path / "key.pem", clients_file=tmp_path / "clients")
    token_url = serve(create_app(secrets)) + "/oauth2/token"
    right = load_clients(secrets.clients_file)["legacy-backend"]

    def imported(
        *parcels: str,
        secret: str = right,
        header: str = ",".join(HEADER),
        patience: float = 60,
    ) -> Import:
        rows = [f"{parcel},20141013T000000,1" + "," * 18 for parcel in parcels]
        file, report, key = (tmp_path / name for name in ("sales.csv", "report", "secret"))
        file.write_text("\n".join([header, *rows]), encoding="utf-8")
        key.write_text(secret + "\n", encoding="utf-8")
        options = {"url": exchange.url, "token-url": token_url, "connections": 2}
        options["patience"] = patience
        files = {"client-secret-file": key, "report": report}
        words = [f"--{name}={value}" for name, value in (options | files).items()]
        status = main([str(file), *words])
        listed = [json.loads(line) for line in report.read_text(encoding="utf-8").splitlines()]
        return Import(status=status, screen=capsys.readouterr().out, report=listed)

    return imported


def test_sum_is_told(exchange: Exchange, run: Run) -> None:
    """Each line has one outcome, and the outcomes' sum is the number of lines read."""
    exchange.scripts["0000000002"] = [Result("changed")]
    exchange.scripts["0000000005"] = [Result("unchanged")]
    exchange.scripts["0000000003"] = [Result("late")]
    exchange.scripts["0000000004"] = [INVALID]

    status, screen, _ = run("1", "2", "3", "4", "5", "none")
    assert (
        "6 lines read = 3 accepted (1 created, 1 changed, 1 unchanged) + 1 late + 2 refused"
        in screen
    )
    assert status == 0


def test_refusals_are_listed(exchange: Exchange, run: Run) -> None:
    """A refused line is told with its number and the reason, on the screen and in the report."""
    exchange.scripts["0000000001"] = [INVALID]

    _, screen, report = run("1", "none")
    assert "sales.csv:2: refused: 422: not valid: ListPrice is too large" in screen
    assert [(x["line"], x["outcome"], x["reason"]) for x in report if x["line"] == 3] == [
        (3, "refused", "id is not a parcel number: 'none'")
    ]


def test_unreadable_line_is_not_sent(exchange: Exchange, run: Run) -> None:
    """A line that is no listing is refused here; the exchange never sees it."""
    run("1", "none")

    assert list(exchange.requests) == ["0000000001"]


@pytest.mark.parametrize(
    "trouble", [Answer(429), Answer(502), Answer(503), Answer(504), DROP], ids=str
)
def test_passing_trouble_is_tried_again(
    exchange: Exchange, run: Run, trouble: Answer | str
) -> None:
    """What may pass is tried again until the listing is taken."""
    exchange.scripts["0000000001"] = [trouble, trouble]

    assert run("1").status == 0
    assert len(exchange.requests["0000000001"]) == 3


def test_retry_after_is_honoured(exchange: Exchange, run: Run) -> None:
    """The next try comes no sooner than Retry-After asks."""
    exchange.scripts["0000000001"] = [Answer(503, retry_after="1")]

    run("1")
    first, second = exchange.requests["0000000001"]
    assert second - first >= 1


def test_other_conflict_is_a_refusal(exchange: Exchange, run: Run) -> None:
    """Of the conflicts only the late message may be acknowledged; any other is listed."""
    exchange.scripts["0000000001"] = [Result("conflict", {"detail": "differs"})]

    assert "0 late + 1 refused" in run("1").screen


def test_answer_of_another_server_is_no_delivery(exchange: Exchange, run: Run) -> None:
    """A 200 that does not say what was done is not the exchange's, and fails the import."""
    exchange.scripts["0000000001"] = [Answer(200, "<html>Welcome</html>")]

    assert "1 NOT DELIVERED" in run("1").screen


@pytest.mark.parametrize("results", ["", '{"Result": "created"}\n' * 2, '{"Result": "sold"}'])
def test_an_answer_that_does_not_fit_the_batch_is_no_delivery(
    results: str, exchange: Exchange, run: Run
) -> None:
    """One result a line, each a word that is known: by anything else nothing is delivered."""
    exchange.scripts["0000000001"] = [Answer(200, results)]

    assert "1 NOT DELIVERED" in run("1").screen


def test_lost_batch_fails_the_import(exchange: Exchange, run: Run) -> None:
    """A batch the exchange breaks on is told as not delivered; the others go on; the end is 1."""
    exchange.scripts["0000000001"] = [Answer(500)]
    more = BATCH_LINES + 2

    status, screen, _ = run(*map(str, range(1, more + 1)))
    assert f"{more} lines read = 2 accepted (2 created, 0 changed, 0 unchanged)" in screen
    assert f"{BATCH_LINES} NOT DELIVERED" in screen
    assert status == 1


def test_what_was_not_done_alone_is_sent_again(exchange: Exchange, run: Run) -> None:
    """When the exchange's time was over, the rest of the batch goes in the next one."""
    exchange.scripts["0000000002"] = [Result("not-done", {"status": 503})] * 2

    status, screen, _ = run("1", "2", "3")
    sent = [len(exchange.requests[f"000000000{parcel}"]) for parcel in (1, 2, 3)]
    assert (status, sent) == (0, [1, 3, 1])
    assert "3 lines read = 3 accepted" in screen


def test_lines_go_batch_after_batch(exchange: Exchange, run: Run) -> None:
    """As many at once as a batch has, and the progress is told."""
    _, screen, _ = run(*map(str, range(1, 2 * BATCH_LINES + 1)))

    assert len(exchange.tokens) == 2
    assert f"imported {2 * BATCH_LINES:,} of {2 * BATCH_LINES:,} lines" in screen


def test_outage_stops_the_import(exchange: Exchange, run: Run) -> None:
    """When nothing is answered for as long as the producer waits, it stops and says so."""
    exchange.scripts["0000000001"] = [DROP] * 50

    status, screen, _ = run("1", patience=0.3)
    assert screen.startswith("stopped: not delivered within 0.3 s: RemoteProtocolError")
    assert status == 1


def test_an_outage_is_told_while_it_lasts(exchange: Exchange, run: Run) -> None:
    """Whoever waits sees, once, that nobody answers and for how long it is tried, and its end."""
    exchange.scripts["0000000001"] = [Answer(503, retry_after="2"), DROP]

    status, screen, _ = run("1")
    assert re.findall("^the exchange.*", screen, re.MULTILINE) == [
        "the exchange takes nothing (503: Service Unavailable); trying for 60 s more",
        "the exchange answers again",
    ]
    assert status == 0


def test_a_hiccup_is_not_told(exchange: Exchange, run: Run) -> None:
    """A connection that was dropped once is no outage."""
    exchange.scripts["0000000001"] = [DROP]

    assert "the exchange" not in run("1").screen


def test_ctrl_c_leaves_the_account(exchange: Exchange, run: Run) -> None:
    """Who stops an import learns what was taken, what was not sent, and how to go on."""
    exchange.scripts["0000000030"] = [CTRL_C]

    status, screen, _ = run(*map(str, range(1, 61)))
    read, left = (
        int(found[1])
        for words in (r"^(\d+) lines read = \d+ accepted", r"stopped by Ctrl-C, (\d+) lines not")
        if (found := re.search(words, screen, re.MULTILINE))
    )
    assert (read + left, status) == (60, 1)
    assert "start it again for the rest, nothing is taken twice" in screen


@pytest.mark.parametrize("status", [403, 404, 405])
def test_misdirected_import_stops_at_once(exchange: Exchange, run: Run, status: int) -> None:
    """When no listing can be at fault, the first answer ends the import."""
    exchange.scripts["0000000001"] = [Answer(status)]

    ended = run("1")
    assert f"/v1/batches/listings answered {status}" in ended.screen
    assert (ended.status, len(exchange.requests["0000000001"])) == (1, 1)


def test_refused_token_is_renewed_once(exchange: Exchange, run: Run) -> None:
    """A token no longer taken is replaced, and the listing sent with the new one."""
    exchange.scripts["0000000001"] = [Answer(401)]

    assert run("1").status == 0
    assert len(set(exchange.tokens)) == 2


def test_one_token_serves_all(exchange: Exchange, run: Run) -> None:
    """Connections are kept and share one token; nobody fetches one for each request."""
    run(*(str(number) for number in range(1, 41)))

    assert len(exchange.requests) == 40
    assert len(set(exchange.tokens)) == 1
    assert exchange.connections <= 2


def test_wrong_secret_is_told(run: Run) -> None:
    """A client the issuer does not know ends the import with the issuer's own word."""
    status, screen, _ = run("1", secret="wrong")

    assert "gives legacy-backend no token: 401" in screen
    assert status == 1


def test_wrong_header_sends_nothing(exchange: Exchange, run: Run) -> None:
    """A file of no known kind is told in one line before anything is sent."""
    status, screen, _ = run("1", header="a,b,c")

    assert (
        "sales.csv: its header is not that of mlit_tokyo_2021.csv or king_county_sales.csv"
        in screen
    )
    assert (status, dict(exchange.requests)) == (2, {})


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    """--help prints the options and ends well."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    assert ended.value.code == 0
    assert "--client-secret-file" in capsys.readouterr().out
