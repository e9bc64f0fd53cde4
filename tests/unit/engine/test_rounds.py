"""How many rounds begin next."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.rounds import Tally, is_over, planned_rounds, rounds_to_begin
from workflows.expressions.types import UNKNOWN
from workflows.words import LoopKind

K = LoopKind


@pytest.mark.parametrize(
    ("kind", "planned", "started", "done", "begin", "over"),
    [
        (K.PARALLEL, 3, 0, 0, 3, False),
        (K.PARALLEL, 3, 3, 2, 0, False),
        (K.PARALLEL, 3, 3, 3, 0, True),
        (K.PARALLEL, 0, 0, 0, 0, True),
        (K.SEQUENTIAL, 2, 0, 0, 1, False),
        (K.SEQUENTIAL, 2, 1, 0, 0, False),
        (K.SEQUENTIAL, 2, 1, 1, 1, False),
        (K.SEQUENTIAL, 2, 2, 2, 0, True),
        (K.STANDARD, None, 0, 0, 1, False),
        (K.STANDARD, None, 1, 1, 1, False),
        (K.STANDARD, None, 4, 4, 0, True),
    ],
)
def test_rounds_that_begin(
    kind: LoopKind, planned: int | None, started: int, done: int, begin: int, over: bool
) -> None:
    tally = Tally(planned=planned, started=started, done=done, most=4)
    assert (rounds_to_begin(kind, tally), is_over(kind, tally)) == (begin, over)


@pytest.mark.parametrize(
    ("value", "planned"),
    [
        (Decimal(4), 4),
        (Decimal("4.0"), 4),
        (Decimal(0), 0),
        (Decimal("2.5"), "2.5 is not a number of rounds"),
        (Decimal(-1), "-1 is not a number of rounds"),
        (Decimal(13), "13 rounds are asked for, at most 12 are allowed"),
        (UNKNOWN, "the number of rounds is not known"),
        (True, "the number of rounds is not known"),
    ],
)
def test_a_cardinality_is_a_whole_number_within_bounds(value: object, planned: object) -> None:
    assert planned_rounds(value, 12) == planned  # type: ignore[arg-type]  # also wrong types
