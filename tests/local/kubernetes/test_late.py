from bukken_local.kubernetes.late import Late

A, B = "127.0.88.20", "127.0.88.21"


def test_a_change_is_known_when_its_delay_is_over() -> None:
    """Who joins is known after one delay, who leaves after another."""
    late = Late(joins_seconds=1, leaves_seconds=3)

    assert late.look([A], now=0) == set()
    assert late.look([A], now=1) == {A}
    assert late.look([], now=2) == {A}
    assert late.look([], now=5) == set()


def test_a_short_absence_is_seen_to_its_end_and_not_for_ever() -> None:
    """One who comes back before the leaving is known stays known: changes keep their order."""
    late = Late(joins_seconds=1, leaves_seconds=5)
    late.catch_up([A, B])

    late.look([B], now=0)
    assert late.look([A, B], now=2) == {A, B}
    assert late.look([A, B], now=5) == {A, B}
    assert late.look([A, B], now=60) == {A, B}


def test_an_absence_longer_than_the_delays_differ_is_seen() -> None:
    """Nothing is smoothed: who was away is seen away, only later."""
    late = Late(joins_seconds=5, leaves_seconds=1)
    late.catch_up([A])

    late.look([], now=0)
    late.look([A], now=3)
    assert late.look([A], now=4) == set()
    assert late.look([A], now=8) == {A}


def test_catching_up_forgets_what_was_under_way() -> None:
    """At the start everything is known at once."""
    late = Late(joins_seconds=5, leaves_seconds=5)
    late.look([A], now=0)
    late.catch_up([B])

    assert late.look([B], now=60) == {B}
