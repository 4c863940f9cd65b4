"""From JSON members to an `Inquiry` that somebody can be reached by, or every fault in them."""

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from phonenumbers import NumberParseException, PhoneNumberFormat
from pydantic import ValidationError

from bukken_contract.inquiry import Inquiry
from bukken_contract.keys import checked_listing_key
from bukken_contract.listing import Fault
from bukken_contract.problems import InvalidListingKey
from command_api.listing_model import checked_inquiry
from command_api.validation import LISTING_KEY, faults_of, invalid

# Where a number without a country is: the listings' own.
_REGION: Final = "JP"
# As people type them, in Japan too. The library picks a number out of whatever stands around it;
# what it would drop is refused.
_PHONE: Final = re.compile(r"[+＋]?[\d\s()（）.．/\-‐‑‒–—―−－ー]+")

_EMAIL_FAULT: Final = Fault("Email", "is no e-mail address")
_PHONE_FAULT: Final = Fault("Phone", "is no telephone number: +81 3 … or, of Japan, 03-…")
_UNREACHABLE: Final = Fault("Email", "is required, or Phone: somebody has to be answered")


def inquiry_of(members: Mapping[str, Any]) -> Inquiry:
    """The inquiry these members describe, e-mail and telephone in their normal forms.

    Raises:
        Invalid: names every member that breaks a rule, and never what it held.
    """
    try:
        inquiry = checked_inquiry(members)
    except ValidationError as error:
        raise invalid(faults_of(error), what="inquiry") from None
    email, phone = _email(inquiry.email), _phone(inquiry.phone)
    found = [*_key_faults(inquiry), *(f for f in (email, phone) if isinstance(f, Fault))]
    if inquiry.email is None and inquiry.phone is None:
        found.append(_UNREACHABLE)
    if found or isinstance(email, Fault) or isinstance(phone, Fault):  # both are among them
        raise invalid(found, what="inquiry")
    return replace(inquiry, email=email, phone=phone)


def _key_faults(inquiry: Inquiry) -> list[Fault]:
    try:
        checked_listing_key(inquiry.listing_key)
    except InvalidListingKey as problem:
        return [Fault(LISTING_KEY, problem.detail)]
    return []


def _email(text: str | None) -> str | Fault | None:
    """By its form alone: asking the DNS would tell others whom we are about to write to.

    The library's own words quote what was sent, and so are not passed on.
    """
    if text is None:
        return None
    try:
        return validate_email(text, check_deliverability=False).normalized
    except EmailNotValidError:
        return _EMAIL_FAULT


def _phone(text: str | None) -> str | Fault | None:
    """As E.164 has it. An extension has no place there, and would be lost without a word."""
    if text is None:
        return None
    try:
        number = phonenumbers.parse(text, _REGION) if _PHONE.fullmatch(text) else None
    except NumberParseException:
        number = None
    if number is None or not phonenumbers.is_valid_number(number):
        return _PHONE_FAULT
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)
