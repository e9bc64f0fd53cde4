"""Readings into records, and write requests, on a site whose clock is held."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.clock import HeldClock
from core.db import Database
from core.house import House
from core.sites import SiteMode
from hardware import commands, equipment_commands, queries, statuses
from hardware.commands import WriteOutcome
from hardware.errors import BadValue, StaleValue, UnknownTag, WriteNotAllowed
from hardware.events import WriteReported
from hardware.historian import Historian, Sampled
from hardware.historian import Session as Link
from hardware.words import Reason, WriteState
from tests.integration.hardware.conftest import KERN, START, allocated, dryer, make_site
from tests.support.places import site_url


def arrives(
    historian: Historian,
    value: str | None,
    *,
    tag: str = "FBD-01.TI102",
    status: int = statuses.GOOD,
    reasons: tuple[Reason, ...] = (),
    after: float = 0.0,
) -> None:
    """A sample comes in `after` seconds of site time behind START."""
    session = historian.open_session(
        Link(
            name="s-1",
            device="FBD-01",
            endpoint="opc.tcp://127.0.0.1:4840",
            identity="sha256:ab",
            gateway="gw-1",
            driver="opcua 1",
        )
    )
    at = START + timedelta(seconds=after)
    sample = Sampled(
        tag=tag,
        at=at,
        value=value,
        raw=f"Double {value}",
        status=status,
        status_name=statuses.name(status),
        reasons=reasons,
        source_at=at - timedelta(milliseconds=40),
        server_at=at,
        received_at=at,
        map_version=1,
        session=session,
    )
    historian.store([sample], [sample])


def answering_id(command: Callable[..., Any]) -> Callable[..., UUID]:
    def run(session: Session, *args: Any, **keywords: Any) -> UUID:
        row = command(session, *args, **keywords)
        session.flush()
        row_id: UUID = row.id
        return row_id

    return run


def take(house: House, **keywords: Any) -> None:
    house.perform(
        commands.take_reading,
        "FBD-01.TI102",
        in_record="batch/B-2045",
        step="G150#1",
        by=KERN,
        **keywords,
    )


@pytest.mark.urs("URS-PRO-010")
def test_a_reading_keeps_everything_that_is_needed_to_judge_it(
    house: House, historian: Historian, clock: HeldClock
) -> None:
    dryer(house)
    arrives(historian, "41.3")
    clock.move(timedelta(seconds=2))
    take(house)
    with house.reading() as session:
        (reading,) = queries.readings(session, "batch/B-2045")
        entry = trail.entries(session, Stream("equipment", "FBD-01"))[-1].data
    assert (reading.value_text, reading.value, reading.unit) == ("41.3", Decimal("41.3"), "Cel")
    assert (reading.raw, reading.status, reading.status_name) == ("Double 41.3", 0, "Good")
    assert (reading.quality, reading.reasons, reading.age_ms) == ("GOOD", ["simulated"], 2000)
    assert (reading.source_at, reading.received_at, reading.clock_offset_ms) == (
        START - timedelta(milliseconds=40),
        START,
        -40,
    )
    assert reading.address == "nsu=urn:demo:gran;s=FBD01.TI102"
    assert (reading.device, reading.link_session, reading.map_version) == ("FBD-01", "s-1", 1)
    assert (reading.gateway, reading.driver) == ("gw-1", "opcua 1")
    assert reading.calibration_due == START + timedelta(days=12)
    assert (reading.step, reading.asked_by, reading.simulated) == ("G150#1", "P-101", True)
    assert entry["action"] == "reading.taken"


@pytest.mark.urs("URS-PRO-020")
def test_a_stale_value_is_refused_naming_its_age_and_nothing_is_kept(
    house: House, historian: Historian, clock: HeldClock
) -> None:
    dryer(house)
    arrives(historian, "41.3")
    clock.move(timedelta(seconds=4))
    take(house)
    with pytest.raises(StaleValue, match=r"FBD-01.TI102 is BAD: .*\(age 4.0 s\)"):
        take(house, max_age=timedelta(seconds=3))
    clock.move(timedelta(seconds=2))
    with pytest.raises(StaleValue, match=r"age 6\.0 s"):
        take(house)
    with house.reading() as session:
        assert len(queries.readings(session, "batch/B-2045")) == 1


@pytest.mark.urs("URS-PRO-020")
def test_bad_and_never_seen_values_are_refused_and_uncertain_ones_need_a_reason(
    house: House, historian: Historian
) -> None:
    dryer(house)
    with pytest.raises(BadValue):
        take(house)
    arrives(historian, "41.3", status=0x808C0000, reasons=(Reason.BAD_STATUS,))
    with pytest.raises(BadValue, match="marks the value as bad"):
        take(house, accepted_because="looks right to me")
    arrives(historian, "41.3", reasons=(Reason.UNCERTAIN_STATUS,), after=1)
    with pytest.raises(BadValue, match="UNCERTAIN"):
        take(house)
    take(house, accepted_because="compared with the hand thermometer")
    with pytest.raises(UnknownTag):
        house.perform(commands.take_reading, "FBD-01.XX", by=KERN)


@pytest.mark.urs("URS-EQP-040")
def test_an_overdue_instrument_gives_no_reading(
    house: House, historian: Historian, clock: HeldClock
) -> None:
    dryer(house)
    clock.move(timedelta(days=12, seconds=1))
    arrives(historian, "41.3", after=12 * 86400 + 1)
    with pytest.raises(BadValue, match="overdue") as refused:
        take(house)
    assert "calibration" in refused.value.resolver


def test_a_simulated_value_fills_nothing_in_a_gmp_site(
    tmp_path: Path, clock: HeldClock, historian: Historian, house: House
) -> None:
    other = site_url(tmp_path / "gmp.db")
    make_site(other, SiteMode.GMP)
    database = Database(other)
    gmp = House(database, guards=house.guards, clock=clock)
    gmp.services["historian"] = historian
    dryer(gmp)
    arrives(historian, "41.3")
    with pytest.raises(BadValue, match="simulated"):
        take(gmp)
    database.close()


@pytest.mark.urs("URS-PRO-010")
def test_statistics_are_those_of_the_stored_samples(house: House, historian: Historian) -> None:
    dryer(house)
    for second, value in ((0, "40.0"), (10, "42.0"), (20, "44.0")):
        arrives(historian, value, after=second)
    end = START + timedelta(seconds=30)
    for statistic in ("mean", "maximum", "minimum", "change", "last"):
        house.perform(
            commands.take_statistic,
            "FBD-01.TI102",
            statistic,
            window_from=START,
            window_to=end,
            in_record="batch/B-2045",
            by=KERN,
        )
    with house.reading() as session:
        taken = {r.statistic: r.value for r in queries.readings(session, "batch/B-2045")}
    assert taken == {"mean": 42, "maximum": 44, "minimum": 40, "change": 4, "last": 44}
    assert historian.mean_of_last("FBD-01.TI102", timedelta(seconds=10), end) == 44
    assert historian.mean_of_last("FBD-01.TI102", timedelta(seconds=60), end) is None
    warm = historian.held_for(
        ["FBD-01.TI102"], lambda v: v["FBD-01.TI102"] >= 42, timedelta(seconds=20), end
    )
    assert warm
    with pytest.raises(BadValue, match="no usable value"):
        house.perform(
            commands.take_statistic,
            "FBD-01.TI102",
            "mean",
            window_from=START + timedelta(hours=1),
            window_to=START + timedelta(hours=2),
            by=KERN,
        )


def ask(house: House, value: str, *, key: str = "k", tag: str = "FBD-01.TC103") -> UUID:
    return house.perform(
        answering_id(commands.request_write),
        tag,
        Decimal(value),
        key=key,
        in_record="batch/B-2045",
        by=KERN,
    )


@pytest.mark.urs("URS-PRO-050")
@pytest.mark.parametrize(
    ("tag", "value", "problem"),
    [
        ("FBD-01.TC103", "80.1", "outside the write limits 20 to 80"),
        ("FBD-01.TI102", "40", "not on the list"),
    ],
)
def test_a_write_outside_limits_or_list_is_not_even_asked_for(
    house: House, tag: str, value: str, problem: str
) -> None:
    dryer(house)
    allocated(house)
    with pytest.raises(WriteNotAllowed, match=problem):
        ask(house, value, tag=tag)
    with house.reading() as session:
        assert not queries.open_writes(session)


@pytest.mark.urs("URS-PRO-050")
def test_only_the_batch_that_has_the_unit_writes_to_it(house: House) -> None:
    dryer(house)
    with pytest.raises(WriteNotAllowed, match="it is free"):
        ask(house, "60")
    allocated(house, "B-2041")
    with pytest.raises(WriteNotAllowed, match="with B-2041"):
        ask(house, "60")


@pytest.mark.urs("URS-PRO-050")
def test_a_device_that_may_not_be_written_refuses_whatever_its_map_says(house: House) -> None:
    dryer(house, writable=False)
    allocated(house)
    with pytest.raises(WriteNotAllowed, match="not on the list"):
        ask(house, "60")


@pytest.mark.urs("URS-PRO-050")
def test_the_same_key_is_the_same_write_and_never_a_second_one(house: House) -> None:
    dryer(house)
    allocated(house)
    assert ask(house, "60") == ask(house, "60")
    with pytest.raises(WriteNotAllowed, match="already asked for"):
        ask(house, "61")
    with house.reading() as session:
        assert len(queries.open_writes(session)) == 1


@pytest.mark.urs("URS-PRO-050")
def test_a_result_is_final_and_told_once(house: House) -> None:
    told: list[WriteReported] = []
    house.events.on(WriteReported, lambda session, event: told.append(event))
    dryer(house)
    allocated(house)
    request = ask(house, "60")
    assert house.perform(commands.claim_write, request, gateway="gw-1", by=KERN)
    assert not house.perform(commands.claim_write, request, gateway="gw-2", by=KERN)
    clamped = WriteOutcome(result=WriteState.MISMATCH, read_back=Decimal("55.0"))
    house.perform(commands.report_write, request, clamped, by=KERN)
    late = WriteOutcome(result=WriteState.VERIFIED, read_back=Decimal("60.0"))
    house.perform(commands.report_write, request, late, by=KERN)
    with house.reading() as session:
        row = queries.write_request(session, request)
        entries = trail.entries(session, Stream("batch", "B-2045"))
    assert (row.state, row.read_back) == (WriteState.MISMATCH, Decimal("55.0"))
    assert [event.result for event in told] == [WriteState.MISMATCH]
    assert [entry.action for entry in entries] == [
        "write.requested",
        "write.claimed",
        "write.reported",
    ]


@pytest.mark.urs("URS-PRO-050")
def test_a_request_nobody_took_in_time_is_never_sent_late(house: House, clock: HeldClock) -> None:
    dryer(house)
    allocated(house)
    request = ask(house, "60")
    clock.move(timedelta(seconds=31))
    assert not house.perform(commands.claim_write, request, gateway="gw-1", by=KERN)
    with house.reading() as session:
        assert queries.write_request(session, request).state == WriteState.REFUSED


def test_releasing_the_unit_ends_the_right_to_write(house: House) -> None:
    dryer(house)
    allocated(house)
    ask(house, "60")
    house.perform(equipment_commands.release, "FBD-01", batch="B-2045", by=KERN)
    with pytest.raises(WriteNotAllowed, match="it is free"):
        ask(house, "61", key="k2")


@pytest.mark.urs("URS-PRO-050", "URS-EXE-080")
def test_what_no_gateway_has_taken_is_not_sent_after_the_end_of_its_batch(house: House) -> None:
    dryer(house)
    allocated(house)
    waiting, taken = ask(house, "60"), ask(house, "61", key="k2")
    assert house.perform(commands.claim_write, taken, gateway="gw-1", by=KERN)
    batch, why = Stream("batch", "B-2045"), "B-2045 was aborted"
    with (
        house.transaction() as session,
        trail.act(session, "batch.ended", stream=batch, by=KERN) as act,
    ):
        tags = commands.withdraw_writes(session, str(batch), why, by=KERN, at=START)
        act.facts["not_sent"] = tags
    assert tags == ["FBD-01.TC103"]
    assert not house.perform(commands.claim_write, waiting, gateway="gw-1", by=KERN)
    with house.reading() as session:
        states = [queries.write_request(session, each).state for each in (waiting, taken)]
    assert states == [WriteState.REFUSED, WriteState.CLAIMED]
