"""The story of the demo: one listing's life, request by request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from bukken_contract.own_writes import HEADER

BACK_END, PORTAL = "legacy-backend", "portal-a"
STANDBY_SECONDS: Final = 5.0  # far above what replication takes; a standby this late is broken
HOUSE: Final = {
    "StandardStatus": "Active",
    "PropertyType": "Residential",
    "PropertySubType": "SingleFamilyResidence",
    "ListPrice": 48_000_000,
    "Currency": "JPY",
    "City": "渋谷区",
    "BedroomsTotal": 3,
}


@dataclass(frozen=True, kw_only=True)
class Step:
    """One request of the story and what must come of it.

    Attributes:
        client: who asks; nobody asks without a token.
        holds: members the answer's JSON must have.
        headers: may name `{created}`, the ETag of the answer to the first step, and `{token}`, the
            token for reading one's own write of the last answer that had one.
        within_seconds: asked again until it is as told, for what the standby must replay first.
    """

    title: str
    client: str | None
    method: str
    status: int
    holds: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, object] | None = None
    within_seconds: float = 0.0


STORY: Final = (
    Step(
        title="the back end creates a listing",
        client=BACK_END,
        method="PUT",
        headers={"Source-Version": "10", "Content-Type": "application/json"},
        body=HOUSE,
        status=201,
    ),
    Step(
        title="the portal reads it, from the standby",
        client=PORTAL,
        method="GET",
        status=200,
        holds={"ListPrice": 48_000_000, "City": "渋谷区"},
        within_seconds=STANDBY_SECONDS,
    ),
    Step(
        title="the back end lowers the price of the version it saw",
        client=BACK_END,
        method="PATCH",
        headers={
            "If-Match": "{created}",
            "Source-Version": "20",
            "Content-Type": "application/merge-patch+json",
        },
        body={"ListPrice": 45_000_000},
        status=200,
    ),
    Step(
        title="with that command's token the portal sees the new price at once, all else as it was",
        client=PORTAL,
        method="GET",
        headers={HEADER: "{token}"},
        status=200,
        holds={"ListPrice": 45_000_000, "City": "渋谷区"},
    ),
    Step(
        title="a second clerk, who saw the old version, would undo that: refused",
        client=BACK_END,
        method="PATCH",
        headers={
            "If-Match": "{created}",
            "Source-Version": "30",
            "Content-Type": "application/merge-patch+json",
        },
        body={"ListPrice": 50_000_000},
        status=412,
        holds={"type": "urn:bukken:problem:precondition-failed"},
    ),
    Step(
        title="an older message of the back end arrives late: refused, safe to acknowledge",
        client=BACK_END,
        method="PUT",
        headers={"Source-Version": "15", "Content-Type": "application/json"},
        body={**HOUSE, "ListPrice": 47_000_000},
        status=409,
        holds={"type": "urn:bukken:problem:late-source-version"},
    ),
    Step(
        title="without a token nobody reads",
        client=None,
        method="GET",
        status=401,
        holds={"status": 401},
    ),
    Step(
        title="with a reader's token nobody writes",
        client=PORTAL,
        method="PUT",
        headers={"Source-Version": "40", "Content-Type": "application/json"},
        body={**HOUSE, "ListPrice": 1},
        status=403,
        holds={"status": 403},
    ),
    Step(
        title="the back end takes the listing away",
        client=BACK_END,
        method="DELETE",
        headers={"Source-Version": "50"},
        status=204,
    ),
    Step(
        title="the portal learns that it is gone, not that it never was",
        client=PORTAL,
        method="GET",
        status=410,
        holds={"type": "urn:bukken:problem:listing-removed"},
        within_seconds=STANDBY_SECONDS,
    ),
)
