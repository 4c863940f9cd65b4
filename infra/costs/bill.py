"""The bill of one size: how much of what each stack uses, at the prices of one file.

What is there is counted in the templates, so that a key or an endpoint more is on the bill by
itself; what is used of it is an assumption of sizes.yaml.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

from infra.deploy.places import Place
from infra.deploy.templates import Template

FOLDER: Final = Path(__file__).parent
ZONES: Final = 3
NODE_DISK_GB: Final = 50  # infra/cloudformation/nodes.yaml


@dataclass(frozen=True)
class Line:
    """So much of something, in one stack."""

    stack: str
    price: str
    quantity: float


@dataclass(frozen=True)
class Size:
    """What is used in a month.

    Attributes:
        used: by the names of sizes.yaml; requests and samples in millions.
    """

    name: str
    place: Place
    used: Mapping[str, float]


@dataclass(frozen=True)
class Bill:
    """What a size costs, stack by stack."""

    size: Size
    templates: Mapping[str, Template]
    prices: Mapping[str, Mapping[str, Any]]
    hours: float

    def by_stack(self) -> dict[str, float]:
        """Dollars a month."""
        totals: Counter[str] = Counter()
        for each in self.lines():
            totals[each.stack] += self.dollars(each)  # type: ignore[assignment] # dollars, not pieces
        return dict(totals)

    def total(self) -> float:
        """Dollars a month, all together."""
        return sum(self.by_stack().values())

    def dollars(self, line: Line) -> float:
        """What a line costs."""
        price = self.prices[line.price]
        hours = self.hours if str(price["per"]).startswith("hour") else 1
        return float(price["price"]) * hours * line.quantity

    def lines(self) -> Iterator[Line]:
        """Everything on the bill."""
        yield from self._counted()
        yield from self._network()
        yield from self._computing()
        yield from self._database()
        yield from self._at_the_edge()
        yield from self._watching()

    def _counted(self) -> Iterator[Line]:
        """What costs by being there, whatever is done with it."""
        each_costs = {
            "AWS::KMS::Key": "key",
            "AWS::SecretsManager::Secret": "secret",
            "AWS::Cognito::UserPoolClient": "cognito client",
            "AWS::CloudWatch::Alarm": "alarm",
            "AWS::APS::Scraper": "metrics collector",
        }
        for template in self.templates.values():
            types = Counter(each["Type"] for each in template.resources.values())
            for type_, price in each_costs.items():
                if types[type_]:
                    yield Line(template.name, price, types[type_])

    def _network(self) -> Iterator[Line]:
        gateways = ZONES if self.size.place.values["NatGateways"] == "PerZone" else 1
        yield Line("network", "nat gateway", gateways)
        yield Line("network", "public address", gateways)
        yield Line("network", "nat data", self._used("natGb"))
        yield Line("network", "traffic between zones", 2 * self._used("zoneGb"))
        yield Line("flow-logs", "log group", self._used("flowGb"))
        if self.size.place.values["InterfaceEndpoints"] == "true":
            endpoints = self._count("endpoints", "Interface")
            yield Line("endpoints", "interface endpoint", endpoints * ZONES)

    def _computing(self) -> Iterator[Line]:
        yield Line("cluster", "eks cluster", 1)
        yield Line("cluster", "log group", self._used("auditGb"))
        yield Line("nodes", self.size.place.values["InstanceType"], self._used("nodes"))
        yield Line("nodes", "node disk", NODE_DISK_GB * self._used("nodes"))
        yield Line("registry", "registry storage", self._used("imagesGb"))

    def _database(self) -> Iterator[Line]:
        yield Line("database", self.size.place.values["InstanceClass"], 2)
        yield Line("database", "database storage", self._used("databaseGb"))
        yield Line("database", "database requests", self._used("databaseRequests"))
        # Each day's changes, taken as a twentieth of it; as much as the database is free.
        days = int(self.size.place.values["BackupDays"])
        above = max(0.0, self._used("databaseGb") * (days / 20 - 1))
        yield Line("database", "backup storage", above)

    def _at_the_edge(self) -> Iterator[Line]:
        yield Line("edge", "load balancer", 1)
        yield Line("edge", "load balancer unit", self._used("loadBalancerUnits"))
        yield Line("edge", "public address", ZONES)
        yield Line("edge", "web acl", 1)
        yield Line("edge", "web acl rule", self._count("edge", "VisibilityConfig") - 1)
        yield Line("edge", "web acl requests", self._used("requests"))
        yield Line("edge", "outgoing data", self._used("outgoingGb"))
        yield Line("edge", "bucket", self._used("requests") * 0.5)  # half a KB a request
        yield Line("name", "zone", 1)
        yield Line("auth", "cognito token", self._used("tokens"))

    def _watching(self) -> Iterator[Line]:
        yield Line("logs", "firehose", self._used("logGb"))
        yield Line("metrics", "prometheus samples", self._used("samples"))

    def _used(self, name: str) -> float:
        return float(self.size.used[name])

    def _count(self, template: str, text: str) -> int:
        """How often a template says a word that each of what is counted has once."""
        return str(self.templates[template].parsed).count(f"'{text}'")


def prices() -> Mapping[str, Any]:
    """The file of prices, whole."""
    found: Mapping[str, Any] = yaml.safe_load((FOLDER / "prices.yaml").read_text())
    return found


def bills(templates: Mapping[str, Template], *, places: Mapping[str, Place]) -> list[Bill]:
    """One of each size, the smallest first."""
    known = prices()
    sizes: Mapping[str, Mapping[str, Any]] = yaml.safe_load((FOLDER / "sizes.yaml").read_text())
    return [
        Bill(
            Size(name, places[used["place"]], {k: v for k, v in used.items() if k != "place"}),
            templates,
            known["prices"],
            known["hoursOfAMonth"],
        )
        for name, used in sizes.items()
    ]
