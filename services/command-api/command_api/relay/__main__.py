"""Starts the relay: `python -m command_api.relay`; `--help` lists its settings."""

import logging
import sys
from typing import Final

import uvicorn

from bukken_contract import logs
from bukken_contract.settings import load
from command_api.__main__ import config_of
from command_api.relay.app import create_app
from command_api.relay.settings import Settings

# Only health is asked here, by Envoy and the kubelet.
CONNECTIONS: Final = 16


def main() -> None:
    """Delivers until SIGTERM; a wrong setting ends it at once, in one line."""
    settings = load(Settings, argv=sys.argv[1:], program="command_api.relay")
    logs.configure(settings.log_level, service="inquiry-relay")
    logging.getLogger("uvicorn.error").setLevel("WARNING")  # it greets in colours, five lines long
    config = config_of(create_app(settings), settings=settings, connections=CONNECTIONS)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
