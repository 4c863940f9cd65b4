"""In a Pod: steady traffic through the load balancer's stand-in; each second a line says what came.

Why not from outside? `kubectl port-forward` ends each of its connections when one of them breaks,
and so would fail requests itself.
"""

import json
import sys
import time

import steady_traffic

PLATFORM = {
    "url": "http://alb:8088",
    "token_url": "http://issuer:8089/oauth2/token",
    "clients_file": "/data/clients/clients.json",
}


def main(reads: str, writes: str) -> None:
    """So many of each a second, until it is stopped."""
    steady_traffic.A_SECOND.update(reads=int(reads), writes=int(writes))
    with steady_traffic.steady(PLATFORM) as traffic:
        while True:
            time.sleep(1)
            sys.stdout.write(f"{json.dumps(traffic.take())}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
