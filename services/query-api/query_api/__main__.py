"""Starts query-api: `python -m query_api`; `--help` lists its settings."""

import sys

from bukken_contract import logs
from bukken_contract.settings import load
from query_api.server import Server
from query_api.settings import Settings


def main() -> None:
    """Serves until SIGTERM; a wrong setting ends it at once, in one line."""
    settings = load(Settings, argv=sys.argv[1:], program="query_api")
    logs.configure(settings.log_level, service="query-api")
    Server(settings).run()


if __name__ == "__main__":
    main()
