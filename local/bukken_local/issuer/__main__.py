"""Serves tokens: `python -m bukken_local.issuer --help`."""

from bukken_local.issuer.server import main

if __name__ == "__main__":
    main()
