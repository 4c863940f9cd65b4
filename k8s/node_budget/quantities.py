"""Kubernetes' quantities as numbers: memory in MiB, CPU in millicores.

Source: https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import math
from dataclasses import dataclass, fields
from decimal import Decimal

_UNITS = {
    "": Decimal(1),
    "m": Decimal("0.001"),
    **{unit: Decimal(1000**power) for power, unit in enumerate(("k", "M", "G", "T"), 1)},
    **{unit: Decimal(1024**power) for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), 1)},
}
_MIB = 1024 * 1024


@dataclass(frozen=True)
class Amount:
    """What a container asks for, or a node has: whole millicores and MiB.

    Odd parts are rounded up: this is what is asked for, and asking for less than it takes is the
    accident this budget is there to prevent.
    """

    cpu: int = 0
    memory: int = 0

    def __add__(self, other: "Amount") -> "Amount":
        return Amount(self.cpu + other.cpu, self.memory + other.memory)

    def __sub__(self, other: "Amount") -> "Amount":
        return Amount(self.cpu - other.cpu, self.memory - other.memory)

    def fits(self, room: "Amount") -> bool:
        """Whether it fits into `room` by every measure."""
        return all(getattr(self, each.name) <= getattr(room, each.name) for each in fields(self))

    def or_more(self, other: "Amount") -> "Amount":
        """The greater of both, measure by measure: what two things need that never run at once."""
        return Amount(max(self.cpu, other.cpu), max(self.memory, other.memory))


def parse(quantity: str | float) -> Decimal:
    """A quantity as a number of its base unit (bytes, cores).

    Raises:
        ValueError: it is no quantity; the message quotes it.
    """
    text = str(quantity)
    digits = text.rstrip("kmMGTi")
    try:
        number = Decimal(digits) * _UNITS[text[len(digits) :]]
    except (ArithmeticError, KeyError):
        number = Decimal("NaN")
    if not number.is_finite() or number < 0:
        raise ValueError(f"{text!r} is not a quantity such as 250m or 128Mi")
    return number


def amount(resources: dict[str, str | float]) -> Amount:
    """What a `requests` or `limits` of a manifest says; what it leaves out is nothing.

    Raises:
        ValueError: one is no quantity, or memory is in thousandths of a byte (Mi was meant).
    """
    memory = str(resources.get("memory", 0))
    if memory.endswith("m"):
        raise ValueError(f"memory {memory!r} is thousandths of a byte; {memory[:-1]}Mi is meant")
    return Amount(
        cpu=math.ceil(parse(resources.get("cpu", 0)) * 1000),
        memory=math.ceil(parse(memory) / _MIB),
    )
