"""A partner searches through the load balancer's stand-in, the Envoys and two Pods."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import httpx
import pytest
from waiting import wait_until

if TYPE_CHECKING:
    from running_platform import Platform

KEYS = [f"search-{number}" for number in range(8)]
QUERY = "/v1/listings?q=大手町ビル&Currency=JPY&ListPrice.ge=1&sort=ListPrice&limit=1"


@pytest.fixture(scope="module")
def portal(platform: "Platform") -> Iterator[httpx.Client]:
    """A partner, when eight listings can be found."""
    with platform.client("listings.write") as producer, platform.client("listings.read") as portal:
        for price, key in enumerate(KEYS, start=1):
            listing = {"StandardStatus": "Active", "PropertyType": "Land", "City": "大手町ビル"}
            body = {**listing, "ListPrice": price, "Currency": "JPY"}
            answer = producer.put(f"/v1/listings/{key}", json=body)
            assert answer.status_code in {200, 201}, answer.text
        wait_until(lambda: len(walked(portal)) == len(KEYS), what="the reader has all listings")
        yield portal


def walked(portal: httpx.Client) -> list[str]:
    """The keys of one walk, each page on whatever Pod answers it."""
    link, keys = QUERY, []
    while link:
        page = portal.get(link).raise_for_status().json()
        keys += [listing["ListingKey"] for listing in page["value"]]
        link = page.get("nextLink", "")
    return keys


def test_japanese_is_found_and_any_pod_goes_on(portal: httpx.Client) -> None:
    """Percent-encoded words and cursors pass every hop, and no Pod refuses another's cursor."""
    assert walked(portal) == KEYS


def test_keys_are_read_through_the_same_door(portal: httpx.Client) -> None:
    """The path is in both sidecars' tables: read with the scope, and 405 for the other side."""
    keys = portal.get("/v1/listing-keys?limit=10000").raise_for_status().json()["value"]
    refused = portal.post("/v1/listing-keys", json={})

    assert set(KEYS) <= {row["ListingKey"] for row in keys}
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
