"""`python -m k8s.release release|rollback OVERLAY`: 0 when it serves, 1 with the reason."""

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from k8s.release.errors import ReleaseError
from k8s.release.kubectl import Document, Kubectl, KubectlError
from k8s.release.steps import Release

K8S = Path(__file__).parents[1]
OVERLAYS = ("kind", "production", "staging")
KUSTOMIZE = (5, 8)  # k8s/eks replaces values inside the text of a ConfigMap
INTERRUPTED = 130  # as shells say it


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
    except KeyboardInterrupt:
        sys.stderr.write(
            f"{options.verb}: interrupted. What has been applied goes on in the cluster; the Pods "
            f"of before come back with: make rollback OVERLAY={options.overlay}\n"
        )
        return INTERRUPTED
    say(f"{options.verb}: done")
    return 0


def _release(options: argparse.Namespace, *, kubectl: Kubectl) -> Release:
    if options.overlay != "kind":
        _refuse_an_old_kustomize(kubectl)
    documents: list[Document] = list(
        yaml.safe_load_all(kubectl.run("kustomize", str(K8S / options.overlay)))
    )
    hosts = (each["spec"]["rules"][0]["host"] for each in documents if each["kind"] == "Ingress")
    return Release(
        documents=documents,
        kubectl=kubectl,
        url=options.url or next((f"https://{host}" for host in hosts), None),
        token=os.environ.get("BUKKEN_TOKEN"),
        confirmed=options.context,
        say=kubectl.say,
    )


def _refuse_an_old_kustomize(kubectl: Kubectl) -> None:
    """It would say `unable to find field`, and all of the ConfigMap."""
    version = yaml.safe_load(kubectl.run("version", "--client", "--output=yaml"))
    has = str(version["kustomizeVersion"])
    if tuple(map(int, has.removeprefix("v").split(".")[:2])) < KUSTOMIZE:
        wanted = ".".join(map(str, KUSTOMIZE))
        raise ReleaseError(
            f"this kubectl has kustomize {has}; {wanted} is needed, as kubectl 1.37 has"
        )


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise argparse.ArgumentTypeError(f"{text} is no address like https://host")
    return text


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m k8s.release", description=__doc__)
    parser.add_argument("verb", choices=("release", "rollback"))
    parser.add_argument("overlay", choices=OVERLAYS)
    parser.add_argument("--url", type=_url, help="where to ask it; by default the Ingress's host")
    parser.add_argument("--context", help="for kind: this context is one for throwing away")
    return parser


if __name__ == "__main__":
    sys.exit(main())
