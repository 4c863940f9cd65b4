"""The contract's dataclasses as a Pydantic model, so that no field and no bound is written twice.

Strict, since a producer that sends "5" for 5 will one day send "n/a"; what JSON has no type for
(dates, exact numbers, tuples) is brought to its type first.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Annotated, Any, Final, get_args, get_origin, get_type_hints

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    create_model,
    model_validator,
)

from bukken_contract.inquiry import Inquiry
from bukken_contract.listing import Listing, MediaItem, Places, wire_name

_LONGEST_NAME: Final = 100
_MULTILINE: Final = frozenset({"public_remarks", "message"})
_LINE_BREAKS: Final = frozenset("\r\n\t")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def checked_listing(members: Mapping[str, Any]) -> Listing:
    """The listing of these members, each in its own bounds.

    Raises:
        ValidationError: Pydantic's; it holds every fault.
    """
    listing: Listing = _to_dataclass(Listing, _LISTING.model_validate(members))
    return listing


def checked_inquiry(members: Mapping[str, Any]) -> Inquiry:
    """The inquiry of these members, each in its own bounds.

    Raises:
        ValidationError: as above.
    """
    inquiry: Inquiry = _to_dataclass(Inquiry, _INQUIRY.model_validate(members))
    return inquiry


class _Members(BaseModel):
    """An object of ours: null is absent, and no name is repeated back that cannot be written."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_and_present(cls, members: object) -> object:
        if not isinstance(members, dict):
            return members
        known = {field.alias for field in cls.model_fields.values()}
        present = ((n, v) for n, v in members.items() if v is not None or n not in known)
        return {n if n in known else _writable(n): v for n, v in present}


def _writable(name: str) -> str:
    return name[:_LONGEST_NAME].encode(errors="replace").decode()


def _model_of(cls: type[Any]) -> type[BaseModel]:
    hints = get_type_hints(cls, include_extras=True)
    members: dict[str, Any] = {
        f.name: (
            _edge_type(hints[f.name], multiline=f.name in _MULTILINE),
            Field(... if f.default is MISSING else f.default, alias=wire_name(f.name)),
        )
        for f in fields(cls)
    }
    return create_model(cls.__name__, __base__=_Members, **members)


def _edge_type(hint: Any, *, multiline: bool = False) -> Any:  # noqa: ANN401 — an annotation is any object
    """The contract's annotation as Pydantic's, with what brings JSON to the declared type."""
    if type(None) in get_args(hint):
        return _edge_type(get_args(hint)[0], multiline=multiline) | None
    base, *bounds = get_args(hint) if get_origin(hint) is Annotated else (hint,)
    bounds += [Field(decimal_places=b.decimal_places) for b in bounds if isinstance(b, Places)]
    if base is str:
        allowed = _LINE_BREAKS if multiline else frozenset[str]()
        bounds.append(AfterValidator(partial(_text, allowed=allowed)))
    elif bring := _BRING.get(get_origin(base) or base):
        bounds.append(BeforeValidator(bring))
    return Annotated[(_base_type(base), *bounds)] if bounds else _base_type(base)


def _base_type(base: Any) -> Any:  # noqa: ANN401 — an annotation is any object
    if get_origin(base) is tuple:
        return tuple.__class_getitem__((_edge_type(get_args(base)[0]), ...))
    return _model_of(base) if isinstance(base, type) and is_dataclass(base) else base


def _text(text: str, *, allowed: frozenset[str]) -> str:
    wrong = next((c for c in text if unicodedata.category(c) == "Cc" and c not in allowed), None)
    if wrong is not None:
        raise ValueError(f"holds the control character U+{ord(wrong):04X}")
    return text


def _date(value: object) -> object:
    if not isinstance(value, str) or _DATE.fullmatch(value) is None:
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        return value


def _decimal(value: object) -> object:
    """A whole number is exact too; and -0 is 0, or equal prices would be written differently."""
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return value
    return Decimal(value) if value else Decimal(0)


def _whole(value: object) -> object:
    """3.0 is the integer 3: JSON knows one kind of number."""
    if isinstance(value, Decimal) and value == value.to_integral_value():
        return int(value)
    return value


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


_BRING: Final[Mapping[Any, Callable[[object], object]]] = {
    date: _date,
    Decimal: _decimal,
    int: _whole,
    tuple: _tuple,
}
_LISTING: Final = _model_of(Listing)
_INQUIRY: Final = _model_of(Inquiry)


def _to_dataclass(cls: type[Any], model: BaseModel) -> Any:  # noqa: ANN401 — an instance of cls
    return cls(**{name: _plain(getattr(model, name)) for name in cls.__dataclass_fields__})


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return _to_dataclass(MediaItem, value)
    return tuple(map(_plain, value)) if isinstance(value, tuple) else value
