"""The account of an import: each line read has one outcome, and the sums must agree."""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Final, TextIO

from bukken_local.legacy.producer import ACCEPTED, Delivery, Outcome
from bukken_local.legacy.source import Line

LISTED_ON_SCREEN: Final = 20


@dataclass
class Tally:
    """Counts, the first lines that were not taken, and, if wanted, a file of all of them.

    The file holds one JSON object a line; what was taken whole is counted, not listed.
    """

    file: TextIO | None = None
    read: int = 0
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    unread_values: Counter[str] = field(default_factory=Counter)
    first: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Lines whose listing is now in the exchange."""
        return sum(self.outcomes[outcome] for outcome in ACCEPTED)

    @property
    def complete(self) -> bool:
        """Whether every line read was answered, be the answer no."""
        return self.unanswered == 0

    def add(self, line: Line, *, delivery: Delivery) -> None:
        """Book one line."""
        self.outcomes[delivery.outcome] += 1
        unread = line.message.unread if line.message else ()
        self.unread_values.update(unread)
        if delivery.outcome not in ACCEPTED:
            self._list(line, delivery=delivery)
        if delivery.outcome not in ACCEPTED or unread:
            self._write(line, delivery=delivery, unread=unread)

    def _list(self, line: Line, *, delivery: Delivery) -> None:
        if len(self.first) < LISTED_ON_SCREEN:
            where = f"{line.file}:{line.number}"
            self.first.append(f"{where}: {delivery.outcome}: {delivery.reason}")

    def _write(self, line: Line, *, delivery: Delivery, unread: tuple[str, ...]) -> None:
        if self.file is None:
            return
        entry = {
            "file": line.file,
            "line": line.number,
            "key": line.message.key if line.message else None,
            "outcome": delivery.outcome,
            "reason": delivery.reason,
            "only_in_remarks": unread,
        }
        self.file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    @property
    def unanswered(self) -> int:
        """Lines read of which nobody knows whether they arrived."""
        known = (*ACCEPTED, Outcome.LATE, Outcome.REFUSED)
        return self.read - sum(self.outcomes[outcome] for outcome in known)

    def summary(self, *, seconds: float) -> list[str]:
        """The report for the screen: what was not taken, the sum, the rate."""
        more = sum(self.outcomes.values()) - self.accepted - len(self.first)
        return [
            *self.first,
            *([f"… and {more:,} more in the report"] if more else []),
            f"{self._sum()}, in {seconds:.1f} s ({self.read / max(seconds, 0.001):,.0f} a second)",
            *(
                f"{number:,} values of {column} could only be kept in the remarks"
                for column, number in sorted(self.unread_values.items())
            ),
        ]

    def _sum(self) -> str:
        count = self.outcomes
        accepted = ", ".join(f"{count[outcome]:,} {outcome}" for outcome in ACCEPTED)
        lost = f" + {self.unanswered:,} NOT DELIVERED" if self.unanswered else ""
        return (
            f"{self.read:,} lines read = {self.accepted:,} accepted ({accepted})"
            f" + {count[Outcome.LATE]:,} late + {count[Outcome.REFUSED]:,} refused{lost}"
        )
