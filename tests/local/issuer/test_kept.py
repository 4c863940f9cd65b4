from pathlib import Path

from bukken_local.issuer.kept import kept


def test_when_two_start_together_both_keep_the_first(tmp_path: Path) -> None:
    """Nobody's key is replaced once it may have signed: the file appears whole, and once."""
    key = tmp_path / "key"

    def be_overtaken() -> bytes:
        kept(key, make=lambda: b"the other's")
        return b"ours"

    assert kept(key, make=be_overtaken) == b"the other's"
    assert [file.name for file in tmp_path.iterdir()] == ["key"]
