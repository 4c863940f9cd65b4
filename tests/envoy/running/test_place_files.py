from collections.abc import Callable

import httpx
import pytest

Bearer = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def place_changed() -> Callable[[str], str]:
    """A line of security is misspelt by one letter."""
    return lambda text: text.replace("require_expiration: true", "require_expirations: true")


def test_a_misspelt_line_of_a_place_file_is_refused(
    ingress: httpx.Client, admin: httpx.Client, bearer: Bearer
) -> None:
    """It is not ignored, which would let in tokens that never expire: nobody comes in at all."""
    refused = admin.get("/stats?filter=extension_config_discovery.*config_fail").text

    assert not refused.strip().endswith(": 0")
    assert ingress.get("/v1/listings", headers=bearer()).status_code == 500
