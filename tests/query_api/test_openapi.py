import pytest
from flask import Flask
from flask.testing import FlaskClient

from bukken_contract.openapi import Description, descriptions


@pytest.mark.parametrize("described", descriptions(), ids=lambda described: described.path)
def test_the_contract_is_given_as_it_was_made(client: FlaskClient, described: Description) -> None:
    """The bytes, their type, and for how long they may be kept: by anybody, unlike a listing."""
    answer = client.get(described.path)

    assert answer.data == described.content
    assert described.headers.items() <= dict(answer.headers).items()
    assert answer.headers.getlist("Cache-Control") == ["public, max-age=300"]


@pytest.mark.parametrize("described", descriptions(), ids=lambda described: described.path)
def test_it_needs_no_database(app_without_database: Flask, described: Description) -> None:
    """Who looks up how to handle a 503 finds it while there is one."""
    assert app_without_database.test_client().head(described.path).status_code == 200


def test_a_method_that_nobody_serves_there_is_told_what_there_is(client: FlaskClient) -> None:
    """Both sides serve the same there, and each is named once."""
    answer = client.put("/v1/openapi.json")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
