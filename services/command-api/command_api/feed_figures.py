"""What Prometheus is told of the feed.

Every Pod tells it, leader or not, so that nobody's end makes the figures end; an alert takes `max`.
A Pod that cannot ask keeps the last ones: how old they are is a figure as well.
"""

from functools import partial
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge
from sqlalchemy import RowMapping, Select, func, select

from bukken_database.schema import events, unnumbered_events

FIGURES: Final[Select[Any]] = select(
    func.count().label("unnumbered"),
    func.coalesce(
        func.extract("epoch", func.clock_timestamp() - func.min(unnumbered_events.c.written_at)), 0
    ).label("oldest_waits"),
    select(func.extract("epoch", events.c.numbered_at))
    .order_by(events.c.sequence)
    .limit(1)
    .scalar_subquery()
    .label("kept_since"),
    func.extract("epoch", func.clock_timestamp()).label("measured_at"),
)


class FeedFigures:
    """The figures as they were measured last."""

    def __init__(self, registry: CollectorRegistry) -> None:
        gauge = partial(Gauge, namespace="bukken_feed", registry=registry)
        self.numbered = Counter(
            "numbered_events", "Given a number by this Pod.", namespace="bukken_feed",
            registry=registry,
        )  # fmt: skip
        self._unnumbered = gauge("unnumbered_events", "Committed, and not yet in the feed.")
        self._oldest_waits = gauge("oldest_unnumbered_seconds", "How long the oldest has waited.")
        self._kept_since = gauge("kept_since_timestamp_seconds", "When the oldest was numbered.")
        self._measured_at = gauge("measured_timestamp_seconds", "When the figures were measured.")

    def take(self, measured: RowMapping) -> None:
        """The answer to `FIGURES`."""
        self._unnumbered.set(measured["unnumbered"])
        self._oldest_waits.set(measured["oldest_waits"])
        # A feed without an event keeps all there ever was.
        self._kept_since.set(measured["kept_since"] or measured["measured_at"])
        self._measured_at.set(measured["measured_at"])
