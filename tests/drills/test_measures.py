import math
from collections.abc import Sequence

from drills.answers import Answer
from drills.measures import GONE_SECONDS, MEASURES, Run, lost_until_detected, verdicts


def answer(due: float, status: str = "200", *, took: float = 0.01, **known: object) -> Answer:
    """A read by a client that never asks again, unless told otherwise."""
    usual = {"kind": "reads", "patient": False, "attempts": 1, "key": "", "receipt": ""}
    return Answer(due=due, took=took, status=status, **(usual | known))  # type: ignore[arg-type]


def run(answers: Sequence[Answer], **known: object) -> Run:
    """Ten seconds, the fault from the second to the fifth."""
    usual = {"began": 0.0, "ended": 10.0, "fault_began": 2.0, "fault_ended": 5.0}
    return Run(answers=answers, **(usual | known))  # type: ignore[arg-type]


def measured(name: str, answers: Sequence[Answer], **known: object) -> float:
    """One measure."""
    return MEASURES[name](run(answers, **known))


def test_failures_are_those_of_clients_that_never_ask_again() -> None:
    """A patient client's last answer is another measure."""
    answers = [answer(1), answer(2, "503"), answer(3, "ReadError"), answer(4, "503", patient=True)]

    assert measured("failed", answers) == 2
    assert measured("failed_percent", answers) == 100 * 2 / 3
    assert measured("patient_failed", answers) == 1


def test_each_kind_has_its_own_good_answer() -> None:
    """200 is no answer to an inquiry, nor 202 to a read."""
    answers = [
        answer(1, "202"),
        answer(2, "200", kind="inquiries"),
        answer(3, "201", kind="writes"),
    ]

    assert [measured(f"failed_{kind}", answers) for kind in ("reads", "inquiries", "writes")] == [
        1,
        1,
        0,
    ]


def test_the_gap_is_the_longest_of_any_kind() -> None:
    """Reads that go on do not hide that no write was taken."""
    reads = [answer(second) for second in range(11)]
    writes = [answer(second, "201", kind="writes") for second in (0, 1, 2, 7, 8, 9, 10)]

    assert round(measured("gap_seconds", [*reads, *writes]), 1) == 5.0


def test_nothing_answered_is_one_long_gap() -> None:
    """From the first request to the last."""
    assert measured("gap_seconds", [answer(1, "503")]) == 10


def test_back_to_normal_counts_from_the_end_of_the_fault() -> None:
    """Until the last request that failed or was slow was due."""
    assert measured("back_to_normal_seconds", [answer(4, "503"), answer(9)]) == 0
    assert measured("back_to_normal_seconds", [answer(7, took=2), answer(9)]) == 2


def test_the_first_write_counts_from_the_promotion() -> None:
    """Not those that the former primary took; and never, if there was none."""
    writes = [answer(due, "201", kind="writes", took=0) for due in (1, 4, 6)]

    assert measured("first_write_seconds", writes, marks={"promoted": 3.5}) == 0.5
    assert measured("first_write_seconds", [], marks={"promoted": 3.5}) == float("inf")


def test_goodput_is_measured_while_the_fault_lasts() -> None:
    """Answers of those three seconds, beside the capacity that was noted."""
    answers = [answer(1), *(answer(2 + n / 10) for n in range(15)), answer(6)]

    assert round(measured("goodput_short_percent", answers, marks={"capacity": 10})) == 50


def test_an_answer_to_who_has_gone_is_no_goodput() -> None:
    """Nor is a write: the capacity is that for reads."""
    late = [answer(2, took=GONE_SECONDS - 0.1), answer(1.9, took=GONE_SECONDS)]
    writes = [answer(3, "201", kind="writes")]

    short = measured("goodput_short_percent", [*late, *writes], marks={"capacity": 1})
    assert round(short) == 67


def test_the_delivery_of_inquiries_counts_from_the_end_of_the_fault() -> None:
    """Without inquiries there is nothing to wait for; one that never came has no end."""
    accepted = [answer(1, "202", kind="inquiries")]

    assert measured("delivered_seconds", accepted, marks={"delivered": 8.0}) == 3.0
    assert measured("delivered_seconds", accepted) == math.inf
    assert measured("delivered_seconds", [answer(1)]) == 0


def test_a_control_must_hurt_more_than_all_lines_do() -> None:
    """What fails with all lines too proves nothing about a line."""
    first = run([answer(1), answer(2, "503")])
    same, worse = run([answer(1), answer(2, "503")]), run([answer(1, "503"), answer(2, "503")])

    bounds = {"failed_percent": 1.0}
    (with_lines,) = verdicts(first, {"failed_percent": 50.0})
    (not_more,) = verdicts(same, bounds, more_than=first)
    (more,) = verdicts(worse, bounds, more_than=first)
    assert (with_lines.holds, not_more.holds, more.holds) == (True, False, True)
    assert str(more) == "failed_percent 100 (≥ 50 + 1)"


def test_what_may_fail_until_a_dead_pod_is_found_out() -> None:
    """Its share for as long as the checks take, and what was in flight."""
    assert lost_until_detected(a_second=30, pods=2, seconds=4) == 15 * 4 + 2
