"""Writes the document and its page where the services find them: `python -m openapi`."""

import json
from pathlib import Path
from typing import Final

import bukken_contract
from bukken_contract.paths import OPENAPI, OPENAPI_PAGE
from openapi.document import document
from openapi.page import page
from openapi.schemas import Json

_FOLDER: Final = Path(bukken_contract.__file__).parent


def files() -> dict[Path, str]:
    """Each file and what it should hold."""
    made = document()
    return {
        _FOLDER / OPENAPI.rpartition("/")[2]: text_of(made),
        _FOLDER / OPENAPI_PAGE.rpartition("/")[2]: page(made),
    }


def text_of(made: Json) -> str:
    """Line by line, so that a change of the contract is read as one."""
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")
