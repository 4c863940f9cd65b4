import json
import logging
from datetime import datetime

import pytest

from bukken_contract import logs

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_log_line_is_json_with_its_request(capsys: pytest.CaptureFixture[str]) -> None:
    """What a request logs can be found by its id and its trace."""
    logs.configure("info", service="test-service")
    logs.begin_request(request_id="r-1", traceparent=f"00-{TRACE}-00f067aa0ba902b7-01")
    logging.getLogger("here").info("物件")
    written = capsys.readouterr().out
    line = json.loads(written)

    assert (line["request_id"], line["trace_id"], line["service"]) == ("r-1", TRACE, "test-service")
    assert (line["level"], line["logger"]) == ("INFO", "here")
    assert datetime.fromisoformat(line["timestamp"]).tzinfo
    assert "物件" in written  # and no \\u7269, which nobody finds


@pytest.mark.parametrize("forged", ["a\nb", "x" * 101, "", None, '"}', "<b>"])
def test_a_request_id_of_another_form_is_not_repeated(forged: str | None) -> None:
    """Nobody writes into our logs by way of a header."""
    assert logs.begin_request(request_id=forged, traceparent="junk") == ""


def fail() -> None:
    """Fails as a driver does that quotes a row."""
    person = "taro@example.com"
    raise ValueError(person)


def test_a_stack_is_without_the_errors_text() -> None:
    """An error's text may quote a row; where it happened never does."""
    with pytest.raises(ValueError, match="taro") as failed:
        fail()
    stack = logs.stack_of(failed.value)

    assert "in fail" in stack
    assert "ValueError: taro" not in stack
