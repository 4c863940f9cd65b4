"""The public paths of the command side: parse, call, map to a status."""

from typing import Annotated, Final
from urllib.parse import quote

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response

from bukken_contract import exact_json
from bukken_contract.etags import etag
from bukken_contract.keys import listing_key_of
from bukken_contract.own_writes import HEADER, Tokens, Write
from bukken_contract.problems import MalformedRequest
from command_api.batches import Places, results_of
from command_api.bodies import JSON, MERGE_PATCH, NDJSON, batch, json_object
from command_api.commands import PatchListing, PutListing, RemoveListing
from command_api.conditions import conditions_of, source_base_version_of, source_version_of
from command_api.handlers import Outcome, patch_listing, put_listing, remove_listing
from command_api.validation import LISTING_KEY, listing_of
from command_api.work import Work

router: Final = APIRouter()


async def _work(request: Request) -> Work:
    """Asynchronous only so that FastAPI does not call it in a thread."""
    work: Work = request.app.state.work
    return work


Works = Annotated[Work, Depends(_work)]


@router.put("/v1/listings/{segment}")
async def put(request: Request, segment: str, work: Works) -> Response:
    """Creates or replaces a listing."""
    key = _key(request, segment)
    conditions = conditions_of(request.headers)
    source_version = source_version_of(request.headers)
    members = await json_object(request, types=(JSON,))
    command = PutListing(
        listing_key=key,
        listing=listing_of(members, key=key),
        conditions=conditions,
        source_version=source_version,
    )
    return _answer(request, await work.do(put_listing, command), key=key)


@router.patch("/v1/listings/{segment}")
async def patch(request: Request, segment: str, work: Works) -> Response:
    """Changes some members of a listing."""
    key = _key(request, segment)
    source_version = source_version_of(request.headers)
    command = PatchListing(
        listing_key=key,
        conditions=conditions_of(request.headers),
        source_version=source_version,
        source_base_version=source_base_version_of(request.headers, below=source_version),
        patch=await json_object(request, types=(MERGE_PATCH, JSON)),
    )
    return _answer(request, await work.do(patch_listing, command), key=key)


@router.delete("/v1/listings/{segment}")
async def delete(request: Request, segment: str, work: Works) -> Response:
    """Removes a listing."""
    command = RemoveListing(
        listing_key=_key(request, segment),
        conditions=conditions_of(request.headers),
        source_version=source_version_of(request.headers),
    )
    version = await work.do(remove_listing, command)
    token = _token(request, Write(command.listing_key, version))
    return Response(status_code=204, headers=token)


@router.post("/v1/batches/listings")
async def post_batch(request: Request, work: Works) -> Response:
    """Creates or replaces up to 5,000 listings, each line for itself."""
    check_no_query(request)
    places: Places = request.app.state.places
    with places.one():
        results, last = await results_of(await batch(request), work=work)
    return Response(results, media_type=NDJSON, headers=_token(request, last))


def check_no_query(request: Request) -> None:
    """A `?` in a key that was not escaped cuts it short.

    Raises:
        MalformedRequest: another listing than the one meant would be written.
    """
    if request.url.query:
        raise MalformedRequest("a write takes no query string; a ? in a ListingKey is sent as %3F")


def _key(request: Request, segment: str) -> str:
    """The listing's key.

    Raises:
        MalformedRequest, InvalidListingKey: there is none, or a query string beside it.
    """
    check_no_query(request)
    return listing_key_of(segment)


def _token(request: Request, write: Write | None) -> dict[str, str]:
    """The header with which a query sees this write, where there is a secret to sign it with."""
    tokens: Tokens = request.app.state.tokens
    token = tokens.of(write) if write is not None else None
    return {} if token is None else {HEADER: token}


def _answer(request: Request, outcome: Outcome, *, key: str) -> Response:
    created = outcome.result == "created"
    location = {"Location": f"/v1/listings/{quote(key, safe='')}"} if created else {}
    members = {LISTING_KEY: key, "Version": outcome.version, "Result": outcome.result}
    token = _token(request, Write(key, outcome.version))
    return Response(
        exact_json.encode(members),
        status_code=201 if created else 200,
        media_type=JSON,
        headers={"ETag": etag(outcome.version)} | location | token,
    )
