"""How many examples a property test has: the same ones each time, unless many are asked for.

`pytest --hypothesis-profile=many` asks twenty times as many, and others each time: for the night,
and for whoever has changed what such a test is about. What it finds becomes a test of its own.
"""

from typing import Final

from hypothesis import HealthCheck, settings

STEADY: Final = "steady"
MANY: Final = "many"
_USUAL: Final = 100
_TIMES: Final = 20


def register() -> None:
    """Makes the two known; CI and everybody else runs the first."""
    # How long a database takes is no property, and all examples share the one there is.
    shared = settings(deadline=None, suppress_health_check=[*HealthCheck], database=None)
    settings.register_profile(STEADY, shared, max_examples=_USUAL, derandomize=True)
    settings.register_profile(MANY, shared, max_examples=_USUAL * _TIMES, print_blob=True)
    settings.load_profile(STEADY)


def examples(number: int, *, steps: int = 50) -> settings:
    """So many, or twenty times as many.

    Args:
        number: of examples.
        steps: at most, of each, where an example is a history.
    """
    times = settings().max_examples / _USUAL
    return settings(max_examples=round(number * times), stateful_step_count=steps)
