"""What is modelled of the load balancer and of the kubelet, with sources: docs/drills/model.md."""

from dataclasses import fields

from bukken_local.kubernetes.delays import Delay, Delays
from drills.measures import SLOW_SECONDS
from drills.texts import text


def page() -> str:
    """The page, in Markdown."""
    every = Delays()
    rows = [_row(each.name, getattr(every, each.name)) for each in fields(every)]
    return text("model").format(rows="".join(rows), slow=SLOW_SECONDS)


def _row(name: str, delay: Delay) -> str:
    return f"| {name.replace('_', ' ')} | {delay.seconds:g} | {delay.source} | {delay.measured} |\n"
