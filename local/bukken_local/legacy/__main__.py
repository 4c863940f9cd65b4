"""Sends files of listings: `python -m bukken_local.legacy --help`."""

from bukken_local.legacy.importer import main

if __name__ == "__main__":
    raise SystemExit(main())
