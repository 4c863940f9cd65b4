"""The paths of inquiries on the command side: parse, call, map to a status."""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from fastapi import APIRouter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from uuid_utils.compat import uuid7

from bukken_contract import exact_json
from bukken_contract.inquiry import (
    CLIENT_HEADER,
    IDEMPOTENCY_KEY,
    INQUIRIES,
    client_of,
    is_inquiry_key,
)
from bukken_contract.problems import IdempotencyKeyMissing, NotFound
from command_api.bodies import INQUIRY_BYTES, JSON, json_object
from command_api.commands import AcceptInquiry, EraseInquiry
from command_api.inquiry_handlers import accept_inquiry, erase_inquiry
from command_api.inquiry_validation import inquiry_of
from command_api.routes import Works, check_no_query

router: Final = APIRouter()

# As the IETF's draft writes it, in quotation marks, or as most clients do, without. No @, no dot:
# a key stays when the person is erased, so it must not be an address.
_IDEMPOTENCY_KEY: Final = re.compile(r'(?P<mark>"?)(?P<key>[A-Za-z0-9_-]{8,64})(?P=mark)')


@router.post(INQUIRIES)
async def post(request: Request, work: Works) -> Response:
    """Accepts an inquiry."""
    check_no_query(request)
    poster = client_of(request.headers.get(CLIENT_HEADER))
    idempotency_key = _idempotency_key_of(request.headers)
    members = await json_object(request, types=(JSON,), most=INQUIRY_BYTES)
    command = AcceptInquiry(
        inquiry_key=str(uuid7()),
        inquiry=inquiry_of(members),
        poster=poster,
        idempotency_key=idempotency_key,
        digest=_digest_of(members),
    )
    return _accepted(await work.do(accept_inquiry, command))


@router.delete(INQUIRIES + "/{segment}")
async def delete(request: Request, segment: str, work: Works) -> Response:
    """Erases the person of an inquiry."""
    check_no_query(request)
    poster = client_of(request.headers.get(CLIENT_HEADER))
    if not is_inquiry_key(segment):
        raise NotFound("there is no such inquiry")
    await work.do(erase_inquiry, EraseInquiry(inquiry_key=segment, poster=poster))
    return Response(status_code=204)


def _idempotency_key_of(headers: Headers) -> str:
    """The client's name for this request.

    Raises:
        IdempotencyKeyMissing: there is none, several, or one of another form.
    """
    given = headers.getlist(IDEMPOTENCY_KEY)
    match = _IDEMPOTENCY_KEY.fullmatch(given[0].strip()) if len(given) == 1 else None
    if match is None:
        raise IdempotencyKeyMissing(
            f"one {IDEMPOTENCY_KEY} header is required: 8 to 64 letters, digits, - or _, a UUID say"
        )
    return match["key"]


def _digest_of(members: Mapping[str, Any]) -> bytes:
    """The same of any spelling of the same JSON; of what was sent, not of what we make of it.

    Another release may read a telephone number otherwise, and the retry may come to that one.
    """
    canonical = json.dumps(members, sort_keys=True)
    return hashlib.sha256(canonical.encode()).digest()


def _accepted(inquiry_key: str) -> Response:
    return Response(
        exact_json.encode({"InquiryKey": inquiry_key}),
        status_code=202,
        media_type=JSON,
        headers={"Location": f"{INQUIRIES}/{inquiry_key}"},
    )
