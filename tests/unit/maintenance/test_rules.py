"""Pure decisions of maintenance."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest

from maintenance import rules
from maintenance.errors import CalibrationIncomplete, LimitMissing, WorkNotInState
from maintenance.models import OrderState

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
ALLOWED = {
    ("due", "in_work"),
    ("in_work", "to_verify"),
    ("to_verify", "closed"),
    ("to_verify", "in_work"),
}


@pytest.mark.urs("URS-EQP-050")
def test_an_order_goes_only_the_ways_of_the_board() -> None:
    states = [state.value for state in OrderState]
    assert {pair for pair in product(states, states) if rules.can_move(*pair)} == ALLOWED


def test_a_way_that_is_not_on_the_board_is_refused_in_words() -> None:
    with pytest.raises(WorkNotInState, match="WO-0001 is to verify: it cannot be due now"):
        rules.check_move("WO-0001", "to_verify", "due")


@pytest.mark.urs("URS-EQP-050")
@pytest.mark.parametrize(("limit", "accepted"), [("100", False), ("100.01", True), ("99", False)])
def test_a_new_limit_lies_above_the_count(limit: str, accepted: bool) -> None:
    if accepted:
        rules.check_counter_limit(Decimal(100), Decimal(limit))
    else:
        with pytest.raises(LimitMissing):
            rules.check_counter_limit(Decimal(100), Decimal(limit))


@pytest.mark.urs("URS-EQP-050")
def test_a_new_limit_is_asked_for_even_when_nothing_was_counted() -> None:
    with pytest.raises(LimitMissing):
        rules.check_counter_limit(None, None)
    rules.check_counter_limit(None, Decimal(1))


@pytest.mark.urs("URS-EQP-040")
def test_a_calibration_lies_in_the_past_and_is_due_later() -> None:
    rules.check_calibration("CAL-1", AT, AT + timedelta(days=1), AT)
    with pytest.raises(CalibrationIncomplete, match="future"):
        rules.check_calibration("CAL-1", AT + timedelta(seconds=1), AT + timedelta(days=1), AT)
    with pytest.raises(CalibrationIncomplete, match="due after"):
        rules.check_calibration("CAL-1", AT, AT, AT)
    with pytest.raises(CalibrationIncomplete, match="certificate"):
        rules.check_calibration("  ", AT, AT + timedelta(days=1), AT)


@pytest.mark.urs("URS-EQP-020")
def test_the_clean_hold_counts_from_the_cleaning() -> None:
    assert rules.clean_until(AT, timedelta(hours=72)) == AT + timedelta(hours=72)
    assert rules.clean_until(AT, None) == AT + timedelta(days=7)


def test_numbers_have_at_least_four_digits() -> None:
    assert rules.number("CL-", 312) == "CL-0312"
    assert rules.number("WO-", 12345) == "WO-12345"
