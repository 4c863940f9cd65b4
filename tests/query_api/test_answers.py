import json
import logging
import re
from typing import TYPE_CHECKING

import pytest
from flask import Flask
from flask.testing import FlaskClient

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., None]

TRACE = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "OPTIONS", "TRACE", "WEIRD"])
@pytest.mark.parametrize(
    ("path", "allow"),
    [("/v1/listings/1", "GET, HEAD, PUT, PATCH, DELETE"), ("/v1/listings", "GET, HEAD")],
)
def test_a_method_of_the_other_side_or_of_nobody_is_told_what_there_is(
    client: FlaskClient, method: str, path: str, allow: str
) -> None:
    """405 with both sides' methods, since the client sees one URL; OPTIONS is no exception."""
    answer = client.open(path, method=method)

    assert (answer.status_code, answer.headers["Allow"]) == (405, allow)


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/listings/", "/v1/listings/a/b", "/v1//listings", "/v1/listings/1/"]
)
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_path_that_is_not_there_is_not_found_and_nothing_redirects(
    client: FlaskClient, path: str, method: str
) -> None:
    """A redirect would answer with a page of the framework's own."""
    answer = client.open(path, method=method)

    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_an_encoded_slash_is_no_slash_between_segments(client: FlaskClient) -> None:
    """Decoded, this path would be another one."""
    assert client.get("/v1/listings%2F1").status_code == 404


def test_without_a_raw_path_the_decoded_one_is_encoded_again(
    put: "Put", client: FlaskClient
) -> None:
    """Another WSGI server gives bytes disguised as latin-1 (PEP 3333)."""
    put("物件")
    path = "/v1/listings/物件".encode().decode("latin-1")
    given = {"RAW_URI": "", "PATH_INFO": path}

    assert client.get("/v1/listings/x", environ_overrides=given).get_json()["ListingKey"] == "物件"


@pytest.mark.parametrize("path", ["/healthz/live", "/v1/listings/never", "/nowhere"])
def test_every_answer_carries_the_requests_id_and_is_private(
    client: FlaskClient, path: str
) -> None:
    """Errors too: the id is what a partner quotes to support."""
    answer = client.get(path, headers={"X-Request-ID": "abc-1"})

    assert answer.headers["X-Request-ID"] == "abc-1"
    assert answer.headers["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("given", [None, "a b", "<script>"])
def test_a_request_without_a_good_id_gets_one(client: FlaskClient, given: str | None) -> None:
    """On a laptop there is no Envoy to give it; what is not of its form is never repeated."""
    headers = {"X-Request-ID": given} if given else {}

    answer = client.get("/v1/listings/never", headers=headers)

    assert re.fullmatch(r"[0-9a-f-]{36}", answer.headers["X-Request-ID"])
    assert answer.get_json()["request_id"] == answer.headers["X-Request-ID"]


def test_an_error_of_ours_says_nothing_but_its_id(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """Its text may quote a row or a secret: neither the client nor the log gets it."""

    @app.get("/broken")
    def broken() -> str:
        raise ValueError("a secret")

    answer = app.test_client().get("/broken?also=secret", headers={"X-Request-ID": "abc-1"})

    assert (answer.status_code, answer.get_json()["request_id"]) == (500, "abc-1")
    assert b"secret" not in answer.data
    assert "ValueError" in caplog.text
    assert "a secret" not in caplog.text.split("raise ValueError")[0]
    assert "also=secret" not in caplog.text


def test_a_database_that_says_nothing_is_a_503_to_be_tried_again(
    app_without_database: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    """Within the request's deadline, and with the time to come back."""
    caplog.set_level(logging.WARNING)

    answer = app_without_database.test_client().get("/v1/listings?City=secret")

    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert json.loads(answer.data)["type"] == "urn:bukken:problem:database-unavailable"
    assert "secret" not in caplog.text
