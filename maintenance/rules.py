"""Pure decisions of maintenance: order states, counter limits, calibration data, clean holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from maintenance.errors import CalibrationIncomplete, LimitMissing, WorkNotInState

CLEAN_HOLD = timedelta(days=7)
"""How long a unit stays clean, dry and closed, when its properties say nothing else."""

MOVES: Mapping[str, frozenset[str]] = {
    "due": frozenset({"in_work"}),
    "in_work": frozenset({"to_verify"}),
    "to_verify": frozenset({"closed", "in_work"}),
    "closed": frozenset(),
}
"""Where a maintenance order can go; who verifies may send it back to work."""

PREFIXES: Mapping[str, str] = {"order": "WO-", "cleaning": "CL-", "calibration": "CAL-"}


def number(prefix: str, value: int) -> str:
    """``WO-0001``: prefix and at least four digits."""
    return f"{prefix}{value:04d}"


def can_move(state: str, to: str) -> bool:
    """Whether an order in that state can go there."""
    return to in MOVES.get(state, frozenset())


def check_move(name: str, state: str, to: str) -> None:
    """Raises WorkNotInState when the order cannot go there from where it is."""
    if not can_move(state, to):
        raise WorkNotInState(
            f"{name} is {said(state)}: it cannot be {said(to)} now",
            resolver="look at the maintenance board",
        )


def said(state: str) -> str:
    """A state as people read it."""
    return state.replace("_", " ")


def check_counter_limit(counted: Decimal | None, limit: Decimal | None) -> None:
    """A new limit is given and lies above what the counter showed. Raises LimitMissing."""
    if limit is None:
        raise LimitMissing(
            "the usage counter needs a new limit after its inspection", resolver="maintenance"
        )
    if counted is not None and limit <= counted:
        raise LimitMissing(
            f"the new limit {limit} is not above the {counted} counted already",
            resolver="maintenance",
        )


def check_calibration(
    certificate: str, performed_at: datetime, due_at: datetime, at: datetime
) -> None:
    """The calibration lies in the past, is due after it, and names its certificate."""
    problem = None
    if not certificate.strip():
        problem = "a calibration names its certificate"
    elif performed_at > at:
        problem = "the calibration lies in the future"
    elif due_at <= performed_at:
        problem = "the next calibration is due after this one"
    if problem:
        raise CalibrationIncomplete(problem, resolver="who performed the calibration")


def clean_until(verified_from: datetime, hold: timedelta | None) -> datetime:
    """End of the clean hold, counted from the cleaning itself, not from its verification."""
    return verified_from + (CLEAN_HOLD if hold is None else hold)
