from typing import TYPE_CHECKING

import pytest
from flask.testing import FlaskClient
from searching import found

if TYPE_CHECKING:
    from collections.abc import Callable

    Put = Callable[..., None]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("東京都新宿区西新宿", "新宿"),
        ("駅前の物件です", "駅前"),
        ("閑静な住宅街", "閑"),  # one kanji
        ("閑静な住宅街", "街"),  # the last
        ("ペット相談可、南向き", "相談"),  # inside a word
        ("霞ヶ関", "霞ケ関"),
        ("霞ケ関", "霞ヶ関"),
        ("霞ヶ関", "ヶ"),
        ("オートロック", "ｵｰﾄﾛｯｸ"),
        ("ｶﾞｽｺﾝﾛ", "ガスコンロ"),  # two half-width characters are one full-width
        ("３ＬＤＫ", "3ldk"),
        ("3LDK", "３ｌｄｋ"),
        ("Near the STATION", "station"),
        ("85㎡", "m2"),
        ("𠮷野家の隣", "𠮷"),  # beyond 16 bits
        ("が", "が"),  # decomposed
        ("sea view 100%", "100%"),
        ("a_b", "a_b"),
        (r"a\b", r"a\b"),
    ],
)
def test_a_word_is_found_wherever_it_stands_and_however_it_is_written(
    put: "Put", client: FlaskClient, text: str, word: str
) -> None:
    """Inside words, in full and half width, in any case, with ヶ or ケ."""
    put("it", public_remarks=f"あ{text}ん")
    put("another", public_remarks="まったく違う")

    assert found(client, q=word) == ["it"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("新しい宿", "新宿"),
        ("東京タワーと京都駅", "東京都"),  # each two of its characters, but not together
        ("ハハ", "ババ"),
        ("はな", "ハナ"),  # hiragana is no other way to write katakana
        ("axb", "a_b"),
        ("100 yen", "100%"),
    ],
)
def test_what_only_looks_alike_is_not_found(
    put: "Put", client: FlaskClient, text: str, word: str
) -> None:
    """The index proposes, and the text itself is looked at again."""
    put("another", public_remarks=text)

    assert found(client, q=word) == []


@pytest.mark.parametrize(
    "column",
    [
        "state_or_province",
        "city",
        "subdivision_name",
        "unparsed_address",
        "nearest_station",
        "floor_plan",
        "public_remarks",
    ],
)
def test_these_fields_are_searched(put: "Put", client: FlaskClient, column: str) -> None:
    """What people know a home by."""
    put("it", **{column: "霞ヶ関"})

    assert found(client, q="ケ関") == ["it"]


@pytest.mark.parametrize("column", ["list_office_name", "originating_system_key", "zoning"])
def test_other_fields_are_not(put: "Put", client: FlaskClient, column: str) -> None:
    """Who is looking for a home near 霞ヶ関 is not looking for an agent of that name."""
    put("another", **{column: "霞ヶ関"})

    assert found(client, q="霞ヶ関") == []


def test_a_place_is_found_as_japanese_writes_it(put: "Put", client: FlaskClient) -> None:
    """Prefecture, city and district without a space between, though they are three fields."""
    put("it", state_or_province="東京都", city="新宿区", subdivision_name="西新宿")
    put("another", state_or_province="東京都", city="渋谷区", subdivision_name="本町")

    assert found(client, q="東京都新宿区") == ["it"]
    assert found(client, q="区西新") == ["it"]


def test_no_word_reaches_from_one_field_into_another(put: "Put", client: FlaskClient) -> None:
    """But for the parts of a place."""
    put("another", nearest_station="新", floor_plan="宿", public_remarks="駅")

    assert found(client, q="新宿") == []
    assert found(client, q="宿駅") == []


@pytest.mark.parametrize("space", [" ", "　", "  "])
def test_each_of_several_words_must_stand_somewhere(
    put: "Put", client: FlaskClient, space: str
) -> None:
    """In any field, in any order; the ideographic space is one too."""
    put("both", city="世田谷区", public_remarks="ペット可 ２ＬＤＫ")
    put("one", city="世田谷区", public_remarks="２ＬＤＫ")

    assert found(client, q=f"ペット{space}世田谷") == ["both"]


def test_an_address_that_is_not_displayed_cannot_be_searched_for(
    put: "Put", client: FlaskClient
) -> None:
    """Who may ask for any word would find it character by character."""
    put("hidden", unparsed_address="霞ヶ関1-1", internet_address_display_yn=False)
    put("shown", unparsed_address="霞ヶ関1-1", internet_address_display_yn=True)

    assert found(client, q="霞ヶ関") == ["shown"]


def test_a_changed_text_is_found_by_its_new_words_alone(
    put: "Put", client: FlaskClient, change: "Callable[..., None]"
) -> None:
    """The column is generated: no writer can forget it."""
    put("it", public_remarks="駅前")
    change("it", public_remarks="湖畔")

    assert found(client, q="駅前") == []
    assert found(client, q="湖畔") == ["it"]


def test_the_longest_remarks_are_searched_to_their_end(put: "Put", client: FlaskClient) -> None:
    """4,000 characters, every one of them."""
    put("it", public_remarks="あ" * 3998 + "湖畔")

    assert found(client, q="あ湖畔") == ["it"]
