"""What the clients of a run saw, as `drills.load` wrote it down."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec

GOOD: Final = {
    "reads": frozenset({"200"}),
    "mesh": frozenset({"200"}),
    "writes": frozenset({"200", "201"}),
    "inquiries": frozenset({"202"}),
}
KINDS: Final = tuple(GOOD)


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """One request, with all its attempts.

    Attributes:
        due: when it was to be sent, by the machine's monotonic clock.
        took: seconds from then to the last answer: what waited before it was sent counts.
        kind: reads, writes, inquiries or mesh.
        patient: whether its client asks again, as the contract says.
        status: the last answer's, or what there was in its place.
        attempts: how often it was sent.
        key: the drill's own, of what was written, or "".
        receipt: what the answer calls it: an inquiry's key, or "".
    """

    due: float
    took: float
    kind: str
    patient: bool
    status: str
    attempts: int
    key: str
    receipt: str

    @property
    def good(self) -> bool:
        """Whether it is what was asked for."""
        return self.status in GOOD[self.kind]

    @property
    def refused(self) -> bool:
        """Whether the platform said that it was not done, and never will be."""
        return self.status.startswith("4") and self.status != "429"

    @property
    def done(self) -> float:
        """When the answer was there."""
        return self.due + self.took


def read_answers(file: Path) -> list[Answer]:
    """All of a run's, by the time at which they were due."""
    decoder = msgspec.json.Decoder(Answer)
    answers = [decoder.decode(line) for line in file.read_bytes().splitlines()]
    return sorted(answers, key=lambda answer: answer.due)


def of_kinds(answers: Iterable[Answer], *kinds: str) -> Sequence[Answer]:
    """Those of some kinds."""
    return [answer for answer in answers if answer.kind in kinds]
