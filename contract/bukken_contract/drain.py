"""The app container's preStop hook: tell Envoy to drain, then wait while traffic leaves.

`POST /healthcheck/fail` and nothing else: it fails the load balancer's check and asks every
client to close, while requests are still served. `drain_listeners` would close egress too.
Standard library alone, so that it starts in milliseconds; the status is always 0, since a failed
hook ends the Pod at once.
"""

import os
import sys
import time
from http.client import HTTPException

from bukken_contract.sidecar import post

# Longer than the ALB's deregistration delay (30 s). Held by test_timing_budget.py.
DRAIN_SECONDS = 40.0


def main() -> None:
    """Drains; `BUKKEN_ENVOY_ADMIN_URL` and `BUKKEN_DRAIN_SECONDS` say where and how long."""
    admin_url = os.environ.get("BUKKEN_ENVOY_ADMIN_URL", "http://127.0.0.1:9901")
    seconds = float(os.environ.get("BUKKEN_DRAIN_SECONDS", DRAIN_SECONDS))
    try:
        post("/healthcheck/fail", admin_url=admin_url)
    except (OSError, HTTPException) as error:
        sys.stdout.write(f"Envoy does not answer at {admin_url}: {error}; waiting all the same\n")
    time.sleep(seconds)


if __name__ == "__main__":
    main()
