"""Quality, writes and suitability as truth tables."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hardware import rules, statuses
from hardware.errors import BadValue, StaleValue, WriteNotAllowed
from hardware.rules import Age, Range, UnitStatus
from hardware.words import Cleaning, Quality, Reason, WriteState

NOW = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
SPAN = Range(low=Decimal(0), high=Decimal(100))


@pytest.mark.urs("URS-PRO-020")
@pytest.mark.parametrize(
    ("status", "value", "reasons", "quality"),
    [
        (statuses.GOOD, "20", (), Quality.GOOD),
        (statuses.UNCERTAIN_LAST_USABLE, "20", (Reason.UNCERTAIN_STATUS,), Quality.UNCERTAIN),
        (statuses.BAD_DEVICE_FAILURE, "20", (Reason.BAD_STATUS,), Quality.BAD),
        (statuses.BAD_DECODING, None, (Reason.NOT_DECODABLE, Reason.NO_VALUE), Quality.BAD),
        (statuses.BAD_NO_COMMUNICATION, None, (Reason.NO_COMM, Reason.NO_VALUE), Quality.BAD),
        (statuses.GOOD, None, (Reason.NO_VALUE,), Quality.BAD),
        (statuses.GOOD, "101.1", (Reason.OUT_OF_RANGE,), Quality.BAD),
        (statuses.GOOD, "-1", (), Quality.GOOD),
        (statuses.GOOD, "-1.01", (Reason.OUT_OF_RANGE,), Quality.BAD),
        (0x480, "20", (Reason.OVERFLOW,), Quality.GOOD),
    ],
)
def test_status_and_range_decide_the_quality_of_a_sample(
    status: int, value: str | None, reasons: tuple[Reason, ...], quality: Quality
) -> None:
    number = None if value is None else Decimal(value)
    found = rules.sample_reasons(status, number, SPAN)
    assert found == reasons
    assert rules.judge(found).quality is quality


@pytest.mark.urs("URS-PRO-020")
def test_a_value_is_fresh_at_its_limit_and_stale_just_after() -> None:
    fresh = rules.judge((), age=Age(seconds=5.0), stale_after=5)
    stale = rules.judge((), age=Age(seconds=5.001), stale_after=5)
    by_source = rules.judge((), age=Age(seconds=0.1, source_seconds=5.2), stale_after=5)
    assert (fresh.quality, stale.quality) == (Quality.GOOD, Quality.BAD)
    assert by_source.reasons == (Reason.STALE,)


@pytest.mark.urs("URS-EQP-040")
def test_calibration_counts_to_the_second() -> None:
    due = rules.judge((), calibration_due=NOW, at=NOW)
    over = rules.judge((), calibration_due=NOW, at=NOW + timedelta(seconds=1))
    assert (due.quality, over.quality) == (Quality.GOOD, Quality.BAD)


@pytest.mark.parametrize(("gmp", "quality"), [(False, Quality.GOOD), (True, Quality.BAD)])
def test_a_simulated_value_is_marked_and_useless_in_a_gmp_site(gmp: bool, quality: Quality) -> None:
    judged = rules.judge((), simulated=True, gmp_site=gmp)
    assert (judged.quality, judged.reasons) == (quality, (Reason.SIMULATED,))


@pytest.mark.urs("URS-PRO-020")
def test_only_a_good_value_or_an_accepted_uncertain_one_is_usable() -> None:
    age = Age(seconds=1.5)
    uncertain = rules.judge((Reason.UNCERTAIN_STATUS,))
    rules.check_usable("T", rules.judge(()), age, accepted_because=None)
    rules.check_usable("T", uncertain, age, accepted_because="probe checked by hand")
    with pytest.raises(BadValue, match="UNCERTAIN"):
        rules.check_usable("T", uncertain, age, accepted_because=None)
    with pytest.raises(BadValue) as refused:
        rules.check_usable(
            "T", rules.judge((Reason.BAD_STATUS,)), age, accepted_because="I want it"
        )
    assert not isinstance(refused.value, StaleValue)
    with pytest.raises(StaleValue, match=r"too old \(age 1.5 s\)"):
        rules.check_usable("T", rules.judge((Reason.STALE,)), age, accepted_because="I want it")


def test_a_device_clock_is_flagged_beyond_two_seconds() -> None:
    assert rules.clock_reasons(NOW, NOW + timedelta(seconds=2)) == ()
    assert rules.clock_reasons(NOW + timedelta(seconds=2.1), NOW) == (Reason.CLOCK_SKEW,)
    assert rules.clock_reasons(None, NOW) == ()


@pytest.mark.urs("URS-PRO-050")
@pytest.mark.parametrize(
    ("value", "writable", "allowed"),
    [("75", True, True), ("20", True, True), ("80", True, False), ("19.9", True, False),
     ("50", False, False)],
)  # fmt: skip
def test_a_write_needs_the_allow_list_and_the_limits(
    value: str, writable: bool, allowed: bool
) -> None:
    def check() -> None:
        rules.check_write("T", Decimal(value), writable=writable, low=Decimal(20), high=Decimal(75))

    if allowed:
        check()
    else:
        with pytest.raises(WriteNotAllowed):
            check()


@pytest.mark.urs("URS-PRO-050")
@pytest.mark.parametrize(
    ("shown", "result"),
    [("75.0", WriteState.VERIFIED), ("74.95", WriteState.VERIFIED), ("74.9", WriteState.MISMATCH),
     (None, WriteState.UNKNOWN)],
)  # fmt: skip
def test_the_read_back_decides(shown: str | None, result: WriteState) -> None:
    number = None if shown is None else Decimal(shown)
    assert rules.read_back_result(Decimal(75), number, Decimal("0.05")) is result


@pytest.mark.urs("URS-EQP-010")
def test_all_obstacles_are_named_at_once() -> None:
    status = UnitStatus(
        number="GRA-01",
        cleaning=Cleaning.TO_BE_CLEANED,
        allocated_to="B-2041",
        blocked_reason="crack",
        maintenance_order="MO-1",
        calibration_due=NOW - timedelta(days=1),
        check_required=True,
    )
    found = rules.obstacles(status, NOW, batch="B-2045")
    assert [obstacle.fact.split(":")[0].split(" ")[0] for obstacle in found] == [
        "blocked", "in", "in", "to", "calibration", "the",
    ]  # fmt: skip
    free = UnitStatus(number="GRA-01", cleaning=Cleaning.NOT_APPLICABLE)
    assert rules.obstacles(free, NOW) == []
