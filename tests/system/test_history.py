"""Two past batches, made through the in-process plant, leave what section 11 tells of them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from decimal import Decimal as D

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app import keybook
from audit.models import Entry
from audit.verifying import verify_site
from ebr.models import HoldTime, ProcedureRun, StepRecord, StepSignature
from hardware import queries as plant
from hardware.models import Reading
from inventory import queries as stock
from maintenance import queries as maintenance
from production.models import Batch, Disposition
from quality import queries as quality
from tests.support.history import Past

CUT, STOPPED = "B-2033", "B-2034"
SIGNED_ACTS = 102


def decisions(past: Past) -> dict[str, str]:
    """What was decided on each batch."""
    found: dict[str, str] = past.ask(
        lambda session: {row.number: row.disposition for row in session.scalars(select(Batch))}
    )
    return found


def test_both_are_released_by_somebody_who_took_no_part(past: Past) -> None:
    released = Disposition.RELEASED_FOR_PACKAGING
    assert decisions(past) == {CUT: released, STOPPED: released}
    for number in (CUT, STOPPED):
        decision = past.ask(quality.standing_decision, f"batch/{number}")
        assert (decision.by, past.ask(stock.lot, number).status) == ("P-107", "released")


@pytest.mark.urs("URS-SIG-010")
def test_each_has_the_signed_acts_of_a_clean_batch(past: Past) -> None:
    counts: dict[str, int] = past.ask(_signed_acts)
    assert counts == {CUT: SIGNED_ACTS, STOPPED: SIGNED_ACTS}


def _signed_acts(session: Session) -> dict[str, int]:
    rows = session.execute(
        select(ProcedureRun.number, func.count())
        .join(StepRecord, StepRecord.run_id == ProcedureRun.id)
        .join(StepSignature, StepSignature.step_id == StepRecord.id)
        .group_by(ProcedureRun.number)
    )
    return {number: count for number, count in rows}  # noqa: C416 -- rows are no pairs


@pytest.mark.urs("URS-PRO-040")
def test_95_s_without_the_dryer_are_a_major_exception(past: Past) -> None:
    (case,) = past.exceptions(CUT)
    assert (case.type, case.severity, case.state) == ("data_gap", "major", "decided")
    start = past.s - timedelta(days=120)
    # The last one is open: the plant was left when the history came to its end.
    gap, left = past.ask(plant.gaps, "FBD-01", start, past.s)
    assert left.ended_at is None
    length = gap.ended_at - gap.started_at
    assert timedelta(seconds=95) <= length <= timedelta(seconds=115)


@pytest.mark.urs("URS-DEV-010", "URS-DEV-030")
def test_its_deviation_is_closed_with_a_reason(past: Past) -> None:
    (found,) = past.ask(quality.deviations)
    assert (found.number, found.record) == ("DEV-306", f"batch/{CUT}")
    assert (found.state, found.closed_by) == ("closed", "P-107")
    assert found.conclusion
    assert found.exception == past.exceptions(CUT)[0].number


def test_a_press_that_stood_for_a_while_is_no_exception_but_shows(past: Past) -> None:
    assert past.exceptions(STOPPED) == []
    lasted = {number: past.lasted(number, "C080") for number in (CUT, STOPPED)}
    stood = lasted[STOPPED] - lasted[CUT]
    assert timedelta(minutes=8) <= stood <= timedelta(minutes=11)


@pytest.mark.urs("URS-PRO-010")
def test_readings_say_that_they_come_from_the_simulated_cell_in_process(past: Past) -> None:
    readings: list[Reading] = past.ask(lambda session: list(session.scalars(select(Reading))))
    assert len(readings) > 100
    assert {reading.driver for reading in readings} == {"in-process simulator 1"}
    assert all(reading.simulated for reading in readings)


@pytest.mark.urs("URS-EQP-020")
def test_units_were_cleaned_and_no_hold_time_of_them_was_exceeded(past: Past) -> None:
    cleanings = past.ask(maintenance.cleanings)
    assert Counter(each.state for each in cleanings) == {"verified": len(cleanings)}
    assert all(each.performed_by != each.verified_by for each in cleanings)
    dirty = past.ask(
        lambda session: list(
            session.scalars(select(HoldTime).where(HoldTime.equipment.is_not(None)))
        )
    )
    assert len(dirty) == 2 * 5
    assert all(hold.ended_at is not None and not hold.exceeded for hold in dirty)
    assert past.ask(plant.equipment, "GRA-01").last_batch == STOPPED
    assert past.ask(plant.equipment, "GRA-01").allocated_to is None


def test_material_of_the_past_is_used_up_and_the_reserve_is_whole(past: Past) -> None:
    def left(number: str) -> D:
        found = past.ask(stock.containers_of, number, with_content=True)
        return sum((past.ask(stock.content_of, each) for each in found), D(0))

    assert left("PA-0457") == D("175")
    assert left("MC-2210") == D("40")
    for weighed in past.ask(stock.containers_of_batch, CUT, step="D040"):
        assert left(weighed.lot) == 0


@pytest.mark.urs("URS-AUD-050")
def test_the_whole_site_verifies(past: Past) -> None:
    def problems(session: Session) -> list[str]:
        book = keybook.of_site(session, past.house.services["site_keys"])
        return [str(problem) for problem in verify_site(session, book).problems]

    assert past.ask(problems) == []


@pytest.mark.urs("URS-TIM-020")
def test_site_time_never_goes_back_and_stays_in_the_past(past: Past) -> None:
    times = past.ask(lambda s: list(s.scalars(select(Entry.at).order_by(Entry.id))))
    assert times == sorted(times)
    assert times[-1] < past.s
    assert past.ended < past.s
