import pytest
from running_command_api import Service

from bukken_contract.openapi import Description, descriptions


@pytest.mark.parametrize("described", descriptions(), ids=lambda described: described.path)
def test_the_contract_is_given_as_it_was_made(service: Service, described: Description) -> None:
    """Both sides' calls, also by this side: whoever stands before it alone sees the whole."""
    answer = service.send("GET", described.path)

    assert answer.content == described.content
    assert {name: answer.headers[name] for name in described.headers} == described.headers


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_a_method_that_nobody_serves_there_is_told_what_there_is(
    service: Service, method: str
) -> None:
    """405 with the methods there are, each named once."""
    answer = service.send(method, "/v1/openapi.json")

    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
