"""In a Pod: asks for names again and again; a line for each change of what they resolve to."""

import json
import socket
import sys
import time

LOOK_SECONDS = 0.1


def main(*names: str) -> None:
    """Until it is stopped."""
    known: dict[str, list[str]] = {}
    while True:
        found = {name: _addresses(name) for name in names}
        if found != known:
            known = found
            sys.stdout.write(f"{json.dumps(found)}\n")
            sys.stdout.flush()
        time.sleep(LOOK_SECONDS)


def _addresses(name: str) -> list[str]:
    try:
        return sorted(socket.gethostbyname_ex(f"{name}.bukken.svc.cluster.local.")[2])
    except socket.gaierror:
        return []


if __name__ == "__main__":
    main(*sys.argv[1:])
