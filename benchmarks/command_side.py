"""command-api with a bare FastAPI route beside its own: `python -m benchmarks.command_side`."""

import sys

import uvicorn

from bukken_contract import logs
from bukken_contract.settings import load
from command_api.__main__ import server_config
from command_api.settings import Settings


def main() -> None:
    """Serves as command-api does."""
    settings = load(Settings, argv=sys.argv[1:], program="command_api")
    logs.configure(settings.log_level, service="command-api")
    uvicorn.Server(server_config(settings)).run()


if __name__ == "__main__":
    main()
