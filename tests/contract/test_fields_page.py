from pathlib import Path

from bukken_contract.fields_page import page

PAGE = Path(__file__).parents[2] / "docs" / "listing-fields.md"


def test_the_page_of_fields_is_the_contracts() -> None:
    """What partners read about fields is what the services check."""
    assert PAGE.read_text(encoding="utf-8") == page()
