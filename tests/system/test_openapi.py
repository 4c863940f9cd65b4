"""A partner reads the contract before it has a token."""

from typing import TYPE_CHECKING

import pytest

from bukken_contract.paths import OPENAPI, OPENAPI_PAGE

if TYPE_CHECKING:
    from running_platform import Platform


def test_the_document_is_for_everybody(platform: "Platform") -> None:
    """Through the load balancer, without a token, and as it was made."""
    with platform.client() as anybody:
        answer = anybody.get(OPENAPI)

    assert answer.headers["content-type"] == "application/json"
    assert answer.json()["paths"]["/v1/listings"]["get"]["operationId"] == "searchListings"


def test_so_is_its_page_and_it_runs_nothing(platform: "Platform") -> None:
    """No script, nothing from another host, and a browser is told so."""
    with platform.client() as anybody:
        page = anybody.get(OPENAPI_PAGE)

    assert page.headers["content-security-policy"].startswith("default-src 'none';")
    assert "新宿区" in page.text
    assert ("<script" in page.text, "src=" in page.text, "<link" in page.text) == (False,) * 3


@pytest.mark.parametrize("path", [OPENAPI, OPENAPI_PAGE])
def test_only_reading_it_needs_no_token(platform: "Platform", path: str) -> None:
    """Any other method is refused as everywhere: 401, and with a token 405 with what there is."""
    with platform.client() as anybody, platform.client("listings.read") as partner:
        unknown, known = anybody.put(path), partner.put(path)

    assert unknown.status_code == 401
    assert (known.status_code, known.headers["allow"]) == (405, "GET, HEAD")
