"""`python -m infra.deploy VERB PLACE`: 0 when it is done, 1 with the reason."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

import boto3

from infra.deploy import outputs, places, templates
from infra.deploy.aws import CONFIG, session, told_plainly
from infra.deploy.deployment import Deployment
from infra.deploy.destruction import Destruction
from infra.deploy.drift import Drift
from infra.deploy.errors import DeployError, Refused
from infra.deploy.load_balancer import LoadBalancer
from infra.deploy.readiness import Readiness
from infra.deploy.stacks import Stacks
from infra.deploy.versions import Finding, Versions
from k8s.release.kubectl import Kubectl, KubectlError

INTERRUPTED = 130  # as shells say it


@dataclass(frozen=True)
class Command:
    """One call: the place, and what was asked of it."""

    options: argparse.Namespace
    say: Callable[[str], None]

    def plan(self) -> None:
        """What would be added, changed and replaced, and what was changed by hand."""
        self._refuse_unpinned()
        allowed = self._deployment().plan()
        stacks = (self._stacks.get(self._place.stack(each.name)) for each in self._chosen)
        there = list(filter(None, stacks))
        for sentence in Drift(self._stacks.client, time.sleep).found(there):
            self.say(f"BY HAND: {sentence}")
        if not allowed:
            raise Refused("something is held back, as above")

    def apply(self) -> None:
        """Make it so, stack by stack; again, it goes on where it stopped."""
        self._refuse_unpinned()
        self._deployment().apply()

    def outputs(self) -> None:
        """Write parameters.env and database-ca.pem of k8s/PLACE."""
        values = outputs.gathered(self._place, self._stacks)
        registry = outputs.registry(self._place, self._stacks)
        bundle = outputs.authorities(self._place)
        outputs.write(
            self._place, values=values, registry=registry, bundle=bundle, k8s=places.ROOT / "k8s"
        )
        self.say(f"k8s/{self._place.name}: parameters.env and database-ca.pem are written")

    def check(self) -> None:
        """Is the cluster ready for a release, or for an upgrade?"""
        before = {
            "release": lambda: Readiness(Kubectl(self.say), self._place.platform).findings(),
            "upgrade": lambda: self._versions.findings(now=datetime.now(UTC)),
        }
        self._tell(before[self.options.before]())

    def destroy(self) -> None:
        """Delete every stack; what holds data is kept, and named."""
        Destruction(
            self._place,
            templates.in_order(self._templates),
            self._stacks,
            self.say,
            self._load_balancer,
            self.options.really,
        ).go()

    def _tell(self, findings: Iterable[Finding]) -> None:
        bad = 0
        for each in findings:
            self.say(f"{'ok ' if each.good else 'BAD'} {each.text}")
            bad += not each.good
        if bad:
            raise DeployError(f"{bad} of them are not in order")

    def _deployment(self) -> Deployment:
        waits = self.options.verb == "apply" and "name" in self.options.stacks
        lookup = self._load_balancer.awaited if waits else self._load_balancer.told
        return Deployment(
            place=self._place,
            templates=self._chosen,
            stacks=self._stacks,
            say=self.say,
            named=self.options.replace,
            lookups={"name": lookup},
        )

    def _refuse_unpinned(self) -> None:
        for template in self._chosen:
            names = list(places.addons_of(template).values())
            self._versions.refuse_unpinned(names, on=self._place.values["KubernetesVersion"])

    @cached_property
    def _templates(self) -> dict[str, templates.Template]:
        return templates.read()

    @cached_property
    def _chosen(self) -> list[templates.Template]:
        try:
            return templates.chosen(self._templates, self.options.stacks)
        except KeyError as error:
            raise Refused(f"{error} is none of {', '.join(self._templates)}") from error

    @cached_property
    def _place(self) -> places.Place:
        return places.read(self.options.place, templates=self._templates)

    @cached_property
    def _session(self) -> boto3.Session:
        return session(self._place)

    @cached_property
    def _stacks(self) -> Stacks:
        return Stacks(self._session.client("cloudformation", config=CONFIG), self.say)

    @cached_property
    def _load_balancer(self) -> LoadBalancer:
        return LoadBalancer(self._session, self._place.platform)

    @cached_property
    def _versions(self) -> Versions:
        client = self._session.client("eks", config=CONFIG)
        return Versions(client, self._place.platform, places.pinned())


def main(argv: Sequence[str] | None = None) -> int:
    """Does what it is told, and tells how far it is."""
    options = _arguments().parse_args(argv)
    started = time.monotonic()

    def say(text: str) -> None:
        sys.stdout.write(f"{time.monotonic() - started:6.1f} s  {text}\n")
        sys.stdout.flush()

    try:
        with told_plainly():
            getattr(Command(options, say), options.verb)()
    except (DeployError, KubectlError) as error:
        sys.stderr.write(f"{options.verb}: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write(
            f"{options.verb}: interrupted. What CloudFormation has begun it goes on with; the same "
            "command again watches that, and then goes on\n"
        )
        return INTERRUPTED
    say(f"{options.verb}: done")
    return 0


def _arguments() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m infra.deploy", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("plan", "apply", "outputs", "check", "destroy"):
        text = (getattr(Command, verb).__doc__ or "").strip()
        made = verbs.add_parser(verb, help=text, description=text)
        made.add_argument("place", choices=places.PLACES)
        _add(made, verb=verb)
    return parser


def _add(parser: argparse.ArgumentParser, *, verb: str) -> None:
    """What only some verbs take."""
    if verb in {"plan", "apply"}:
        parser.add_argument(
            "stacks", nargs="*", help="templates by name; by default all, in their order"
        )
        parser.add_argument(
            "--replace",
            action="append",
            default=[],
            metavar="STACK/RESOURCE",
            help="this stateful resource may end (e.g. database/Cluster); else it is held back",
        )
    if verb == "check":
        parser.add_argument("before", choices=("release", "upgrade"))
    if verb == "destroy":
        parser.add_argument("--really", metavar="PLATFORM", help="say that it is meant")


if __name__ == "__main__":
    sys.exit(main())
