"""How many rounds a border begins next. Pure: the engine counts, SpiffWorkflow never does."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from workflows.expressions.types import UNKNOWN, Unknown
from workflows.words import LoopKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Rounds of one border: planned (None: open-ended), begun, ended, and the most allowed."""

    planned: int | None
    started: int
    done: int
    most: int


def rounds_to_begin(kind: LoopKind, tally: Tally) -> int:
    """How many rounds begin now; 0 when the border waits or is over."""
    if kind is LoopKind.STANDARD:
        return 1 if tally.started == tally.done < tally.most else 0
    planned = tally.planned or 0
    if kind is LoopKind.PARALLEL:
        return planned - tally.started
    return 1 if tally.started == tally.done < planned else 0


def is_over(kind: LoopKind, tally: Tally) -> bool:
    """Whether the last round has ended, without any completion condition."""
    return tally.done >= (tally.most if kind is LoopKind.STANDARD else tally.planned or 0)


def planned_rounds(value: Decimal | bool | str | Unknown, most: int) -> int | str:
    """The whole number of rounds that a cardinality asks for, or what is wrong with it."""
    if value is UNKNOWN or isinstance(value, (bool, str)):
        return "the number of rounds is not known"
    if value != value.to_integral_value() or value < 0:
        return f"{value} is not a number of rounds"
    if value > most:
        return f"{value} rounds are asked for, at most {most} are allowed"
    return int(value)
