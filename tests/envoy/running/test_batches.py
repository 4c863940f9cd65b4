"""A batch goes through as it comes, by a cluster of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from command_api.bodies import LISTING_BYTES
from command_api.settings import Settings

Bearer = Callable[..., dict[str, str]]
ROOT = Path(__file__).parents[3]
BATCH = ("POST", "/v1/batches/listings")
ROUTE = "route_config virtual_hosts app routes 4"
AT_ONCE = 4


@pytest.fixture(scope="module")
def sidecar_file() -> str:
    """The side that takes batches."""
    return "command-api"


@pytest.fixture(scope="module")
def headers(bearer: Bearer) -> dict[str, str]:
    """Those of a back end."""
    return bearer("listings.write")


def test_a_batch_is_larger_than_a_listing(
    ingress: httpx.Client, new_pod: Callable[..., Any], without: Callable[..., Any],
    headers: dict[str, str],
) -> None:  # fmt: skip
    """Its route has no buffer; by the control, with one it would be 413."""
    control, body = new_pod(without(f"{ROUTE} typed_per_filter_config")), b" " * (LISTING_BYTES + 1)

    taken, refused = (
        client.request(*BATCH, headers=headers, content=body)
        for client in (ingress, control.ingress)
    )

    assert (taken.status_code, refused.status_code) == (200, 413)


def test_envoy_sends_no_more_batches_than_the_app_takes() -> None:
    """The circuit breaker is the app's own number: what passes finds a place."""
    config = yaml.safe_load((ROOT / "envoy/command-api.yaml").read_text())
    clusters = {each["name"]: each for each in config["static_resources"]["clusters"]}
    (thresholds,) = clusters["local_app_batches"]["circuit_breakers"]["thresholds"]

    assert thresholds == {"max_connections": AT_ONCE, "max_pending_requests": AT_ONCE}
    assert Settings.model_fields["batches"].default == AT_ONCE
