"""Reads manifests of `k8s/base`, strictly.

Each field is one of three: understood (and then a missing one has Kubernetes' documented default),
`Ignored` (nothing on one machine depends on it), or unknown, and then reading stops: a line the
runner passes over in silence would be proven nowhere. Other kinds in the same file are passed over.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import yaml

Ignored = Any
"""The type of a field that may be there and changes nothing here."""

Document = dict[str, Any]

Meaning = TypeVar("Meaning")


class ManifestNotUnderstood(Exception):
    """The file says something this runner cannot do; the message names the file and the field."""


class Section(
    msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True
):
    """A part of a manifest."""


def of_kind(kind: str, text: str) -> Iterator[Document]:
    """The documents of this kind, in their order."""
    for document in yaml.safe_load_all(text):
        if isinstance(document, dict) and document.get("kind") == kind:
            yield document


def one_of_kind(kind: str, text: str, *, source: Path) -> Document:
    """The one document of this kind; raises ManifestNotUnderstood if there is none or several."""
    found = list(of_kind(kind, text))
    if len(found) != 1:
        raise ManifestNotUnderstood(f"{source}: {len(found)} {kind}s, expected one")
    return found[0]


def understood(document: Mapping[str, Any], meaning: type[Meaning], *, source: Path) -> Meaning:
    """A document by its meaning; raises ManifestNotUnderstood where it has none here."""
    try:
        return msgspec.convert(document, meaning)
    except msgspec.ValidationError as error:
        raise ManifestNotUnderstood(f"{source}: {error}") from error
