"""What happened between the batches: calibrations, a deputy, a supplier notice, a late result.

Each is done when the history comes to its day; demonstration plant, sections 2, 8 and 9.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from app.history import supply
from app.history.stage import PastStage
from app.seed import definitions
from hardware.words import Verdict
from maintenance import queries as maintenance
from maintenance.commands import calibrating
from maintenance.commands.calibrating import Calibrate
from personnel import commands as people

WEBER, VOGEL = "P-110", "P-105"
BENCH_SCALE = "WGH-02"
LAST_GOOD, FOUND_BAD = 38.0, 20.0
"""Days before S on which the bench scale was last good, and was found out of its limits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happens `days` before S, before the first batch that is begun later."""

    days: float
    what: str
    act: Callable[[PastStage], None]


def deputy(stage: PastStage) -> None:
    """Roth is asked to stand in for the supervisor for ten days; another administrator grants."""
    first, second = stage.people["A-001"].actor, stage.people["A-002"].actor
    asked = stage.house.perform(
        people.request_role,
        "P-102",
        "SU",
        reason="deputy of the supervisor during holidays",
        until=stage.s - timedelta(days=30),
        by=first,
    )
    stage.house.perform(people.grant_role, asked, by=second)


def calibrate(
    stage: PastStage,
    unit: str,
    *,
    days: float,
    due: float,
    as_found: Verdict = Verdict.PASS,
    remark: str | None = None,
) -> None:
    """A calibration `days` before S, due `due` days after S (negative: before), checked by a
    second person."""
    performed_at = stage.s - timedelta(days=days)
    command = Calibrate(
        equipment=unit,
        performed_at=performed_at,
        due_at=stage.s + timedelta(days=due),
        as_found=as_found,
        as_left=Verdict.PASS,
        certificate=f"KAL-{performed_at:%y%m%d}-{unit}",
        remark=remark,
    )
    stage.acting(WEBER).sign(
        calibrating.calibrate, command, meaning="performed", record=f"equipment/{unit}"
    )
    (newest,) = stage.ask(maintenance.calibrations, unit)[-1:]
    stage.acting(VOGEL).sign(
        calibrating.verify_calibration,
        newest.number,
        meaning="verified",
        record=f"calibration/{newest.number}",
    )


def calibrate_bench_scale(stage: PastStage) -> None:
    """The last time that it was good as found."""
    calibrate(stage, BENCH_SCALE, days=LAST_GOOD, due=7)


def calibrate_scales(stage: PastStage) -> None:
    """The other scales; one of them is due on the day before S and will be forgotten."""
    for unit, due in (("WGH-01", 60.0), ("WGH-03", 60.0), ("BAL-01", 60.0), ("BAL-02", -1.0)):
        calibrate(stage, unit, days=30, due=due)


def certificate_of_bench_scale(stage: PastStage) -> None:
    """Adjusted at S - 20 d; the certificate comes late and says that it was wrong as found."""
    calibrate(
        stage,
        BENCH_SCALE,
        days=FOUND_BAD,
        due=25,
        as_found=Verdict.FAIL,
        remark="0.009 kg low at 20 kg as found, adjusted; certificate received late",
    )


def propose(stage: PastStage) -> None:
    """v4 of the recipe comes into review."""
    definitions.propose(stage.house, dict(stage.people))


def deliver_expired(stage: PastStage) -> None:
    """A lot whose last day was yesterday, with the status that nobody has changed."""
    supply.deliver_later(stage, "MC-2188")


HAPPENINGS = (
    Happening(days=40.0, what="a deputy for the supervisor", act=deputy),
    Happening(days=LAST_GOOD, what="WGH-02 is calibrated", act=calibrate_bench_scale),
    Happening(days=30.0, what="scales are calibrated", act=calibrate_scales),
    Happening(days=9.0, what="supplier notice on CC-0771", act=supply.block_recalled),
    Happening(days=1.2, what="v4 of the recipe is proposed", act=propose),
    Happening(days=1.1, what="WGH-02 was wrong as found", act=certificate_of_bench_scale),
    Happening(
        days=1.0,
        what="a rest of expired cellulose is found",
        act=deliver_expired,
    ),
)


def between(stage: PastStage, earlier: float, later: float) -> None:
    """Everything that happened from `earlier` (excluded) to `later` (included) days before S."""
    for happening in HAPPENINGS:
        if later <= happening.days < earlier:
            stage.wait_until(stage.s - timedelta(days=happening.days), happening.what)
            stage.say(f"    {happening.days:.0f} days before: {happening.what}")
            happening.act(stage)
