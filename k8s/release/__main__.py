"""`python -m k8s.release release|rollback OVERLAY`: 0 when it serves, 1 with the reason."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import yaml

from k8s.release.kubectl import Kubectl, KubectlError
from k8s.release.steps import Document, Release, ReleaseError

K8S = Path(__file__).parents[1]
OVERLAYS = ("kind", "production", "staging")


def main(argv: Sequence[str] | None = None) -> int:
    """Does what it is told, and tells how far it is."""
    options = _arguments().parse_args(argv)
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - started:6.1f} s  {text}\n")
        sys.stdout.flush()

    try:
        release = _release(options, kubectl=Kubectl(say))
        (release.bring_out if options.verb == "release" else release.take_back)()
    except (ReleaseError, KubectlError) as error:
        sys.stderr.write(f"{options.verb}: {error}\n")
        return 1
    say(f"{options.verb}: done")
    return 0


def _release(options: argparse.Namespace, *, kubectl: Kubectl) -> Release:
    documents: list[Document] = list(
        yaml.safe_load_all(kubectl.run("kustomize", str(K8S / options.overlay)))
    )
    hosts = (each["spec"]["rules"][0]["host"] for each in documents if each["kind"] == "Ingress")
    return Release(
        documents=documents,
        kubectl=kubectl,
        url=options.url or next((f"https://{host}" for host in hosts), None),
        token=os.environ.get("BUKKEN_TOKEN"),
        say=kubectl.say,
    )


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m k8s.release", description=__doc__)
    parser.add_argument("verb", choices=("release", "rollback"))
    parser.add_argument("overlay", choices=OVERLAYS)
    parser.add_argument("--url", help="where to ask it; by default the Ingress's host")
    return parser


if __name__ == "__main__":
    sys.exit(main())
