"""Decisions about values, writes and units: pure, no database, no wire.

Quality is computed, never copied (notes, section 5): status x link x age x range x stuck x
calibration x simulation. Whatever makes it doubtful is listed; the worst reason decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from core.clock import Moment
from hardware import statuses
from hardware.errors import BadValue, EquipmentNotSuitable, StaleValue, WriteNotAllowed
from hardware.words import Cleaning, Quality, Reason, WriteState

ALLOWED_OVERSHOOT = Decimal("0.01")
"""Share of the span by which noise at the ends of a range may pass them."""
MOST_CLOCK_SKEW = timedelta(seconds=2)
LATE_AFTER = timedelta(hours=1)

MAKES_BAD = frozenset(
    {
        Reason.NO_VALUE,
        Reason.NO_COMM,
        Reason.BAD_STATUS,
        Reason.STALE,
        Reason.OUT_OF_RANGE,
        Reason.NOT_FINITE,
        Reason.NOT_DECODABLE,
        Reason.STUCK,
        Reason.CALIBRATION_OVERDUE,
    }
)
MAKES_UNCERTAIN = frozenset({Reason.UNCERTAIN_STATUS})
SAYS = {
    Reason.NO_VALUE: "the device gave no value",
    Reason.NO_COMM: "there is no connection to the device",
    Reason.BAD_STATUS: "the device marks the value as bad",
    Reason.UNCERTAIN_STATUS: "the device marks the value as uncertain",
    Reason.STALE: "the value is too old",
    Reason.OUT_OF_RANGE: "the value lies outside the instrument's range",
    Reason.NOT_FINITE: "the device sent no finite number",
    Reason.NOT_DECODABLE: "the answer of the device cannot be decoded",
    Reason.STUCK: "the value has not moved where noise is expected",
    Reason.CLOCK_SKEW: "the clock of the device differs by more than 2 s",
    Reason.CALIBRATION_OVERDUE: "the calibration of the instrument is overdue",
    Reason.SIMULATED: "the value is simulated",
    Reason.BACK_FILLED: "the value was filled in after a gap",
    Reason.OVERFLOW: "the device lost values before this one",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """An instrument range, inclusive; either end may be open."""

    low: Decimal | None = None
    high: Decimal | None = None

    def plausible(self, value: Decimal) -> bool:
        """Inside, or outside by no more than noise at the ends explains."""
        slack = Decimal(0)
        if self.low is not None and self.high is not None:
            slack = (self.high - self.low) * ALLOWED_OVERSHOOT
        above = self.low is None or value >= self.low - slack
        return above and (self.high is None or value <= self.high + slack)


@dataclass(frozen=True, slots=True, kw_only=True)
class Age:
    """How old a value is: by real monotonic time since it was confirmed, and by its source time.

    `source_seconds` is None where the device sends no time or renews it on change only.
    """

    seconds: float
    source_seconds: float | None = None

    def stale(self, limit: float) -> bool:
        """Older than `limit` seconds by either measure (the limit itself is still fresh)."""
        return self.seconds > limit or (self.source_seconds or 0.0) > limit


@dataclass(frozen=True, slots=True)
class Judged:
    """A computed quality with all its reasons, worst first."""

    quality: Quality
    reasons: tuple[Reason, ...]

    def because(self) -> str:
        """The reasons as a sentence part for people."""
        return "; ".join(SAYS[reason] for reason in self.reasons) or "nothing is wrong with it"


def sample_reasons(
    status: int, value: Decimal | str | None, span: Range, *, link_up: bool = True
) -> tuple[Reason, ...]:
    """What is wrong with a sample as it comes in, before age and calibration are known."""
    found: list[Reason] = []
    if not link_up or status & 0xFFFF0000 == statuses.BAD_NO_COMMUNICATION:
        found.append(Reason.NO_COMM)
    elif status & 0xFFFF0000 == statuses.BAD_DECODING:
        found.append(Reason.NOT_DECODABLE)
    elif statuses.is_bad(status):
        found.append(Reason.BAD_STATUS)
    elif statuses.is_uncertain(status):
        found.append(Reason.UNCERTAIN_STATUS)
    if value is None:
        found.append(Reason.NO_VALUE)
    elif isinstance(value, Decimal) and not span.plausible(value):
        found.append(Reason.OUT_OF_RANGE)
    if statuses.overflowed(status):
        found.append(Reason.OVERFLOW)
    return tuple(found)


def clock_reasons(
    source: datetime | None, received: datetime, *, wanted: bool = True
) -> tuple[Reason, ...]:
    """Flags a device clock that differs from ours by more than 2 s (year 9999 has been seen)."""
    if source is None or not wanted:
        return ()
    return () if abs(source - received) <= MOST_CLOCK_SKEW else (Reason.CLOCK_SKEW,)


def judge(
    reasons: tuple[Reason, ...],
    *,
    age: Age | None = None,
    stale_after: float = 5.0,
    calibration_due: datetime | None = None,
    at: datetime | None = None,
    simulated: bool = False,
    gmp_site: bool = False,
) -> Judged:
    """The quality of a value now.

    `age` None means that freshness was judged already (a window of history). A simulated value is
    bad in a GMP site and only marked in a demonstration site (architecture, section 8).
    """
    found = list(reasons)
    if age is not None and age.stale(stale_after):
        found.append(Reason.STALE)
    if calibration_due is not None and at is not None and at > calibration_due:
        found.append(Reason.CALIBRATION_OVERDUE)
    if simulated:
        found.append(Reason.SIMULATED)
    bad = MAKES_BAD | {Reason.SIMULATED} if gmp_site else MAKES_BAD
    quality = Quality.GOOD
    if any(reason in MAKES_UNCERTAIN for reason in found):
        quality = Quality.UNCERTAIN
    if any(reason in bad for reason in found):
        quality = Quality.BAD
    return Judged(quality, tuple(sorted(dict.fromkeys(found), key=_worst_first)))


def check_usable(tag: str, judged: Judged, age: Age, *, accepted_because: str | None) -> None:
    """A value fills a GMP field only when good; an uncertain one when somebody says why.

    Raises StaleValue or BadValue naming tag, quality, reasons and age (URS-PRO-020).
    """
    if judged.quality is Quality.GOOD:
        return
    if judged.quality is Quality.UNCERTAIN and accepted_because:
        return
    kind = StaleValue if Reason.STALE in judged.reasons else BadValue
    raise kind(
        f"{tag} is {judged.quality}: {judged.because()} (age {age.seconds:.1f} s)",
        resolver=_who_resolves(judged),
        tag=tag,
        quality=judged.quality,
        reasons=", ".join(judged.reasons),
        age_seconds=f"{age.seconds:.1f}",
    )


def check_write(
    tag: str, value: Decimal, *, writable: bool, low: Decimal | None, high: Decimal | None
) -> None:
    """The tag is on the allow-list and the value within its write limits (URS-PRO-050)."""
    if not writable or low is None or high is None:
        raise WriteNotAllowed(
            f"{tag} is not on the list of tags that may be written",
            resolver="tag-map author and approver",
            tag=tag,
        )
    if not low <= value <= high:
        raise WriteNotAllowed(
            f"{tag}: {value} lies outside the write limits {low} to {high}",
            resolver="recipe author",
            tag=tag,
        )


def read_back_result(wanted: Decimal, shown: Decimal | None, tolerance: Decimal) -> WriteState:
    """What the device's answer after a write means."""
    if shown is None:
        return WriteState.UNKNOWN
    return WriteState.VERIFIED if abs(shown - wanted) <= tolerance else WriteState.MISMATCH


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStatus:
    """The status of a unit, as a decision needs it."""

    number: str
    cleaning: Cleaning
    clean_until: datetime | None = None
    allocated_to: str | None = None
    blocked_reason: str | None = None
    maintenance_order: str | None = None
    calibration_due: datetime | None = None
    check_required: bool = False
    checked_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason why a unit is not suitable, and who can take it away."""

    fact: str
    resolver: str


def cleaning_now(status: UnitStatus, at: datetime) -> Cleaning:
    """The cleaning status at this moment: an expired clean hold is "to be cleaned"."""
    if status.cleaning is Cleaning.CLEAN and status.clean_until and at > status.clean_until:
        return Cleaning.TO_BE_CLEANED
    return status.cleaning


def obstacles(
    status: UnitStatus,
    at: datetime,
    *,
    batch: str | None = None,
    must_be_clean: bool = True,
    must_be_calibrated: bool = True,
    clean_hold_left: timedelta = timedelta(0),
) -> list[Obstacle]:
    """Everything that keeps a unit from being used now for `batch` (URS-EQP-010)."""
    found = []
    if status.blocked_reason:
        found.append(Obstacle(f"blocked: {status.blocked_reason}", "quality unit"))
    if status.maintenance_order:
        found.append(Obstacle(f"in maintenance: {status.maintenance_order}", "maintenance"))
    if status.allocated_to and status.allocated_to != batch:
        found.append(Obstacle(f"in use by {status.allocated_to}", "shift supervisor"))
    if must_be_clean:
        found += _cleaning_obstacles(status, at, clean_hold_left)
    if must_be_calibrated and status.calibration_due and at > status.calibration_due:
        found.append(Obstacle(f"calibration overdue since {status.calibration_due:%F}", "ME"))
    if status.check_required and not (status.checked_until and at <= status.checked_until):
        found.append(Obstacle("the daily check has not been passed", "the person at the scale"))
    return found


def _cleaning_obstacles(status: UnitStatus, at: datetime, left: timedelta) -> list[Obstacle]:
    now = cleaning_now(status, at)
    if now is Cleaning.NOT_APPLICABLE:
        return []
    if now is not Cleaning.CLEAN:
        word = "in cleaning" if now is Cleaning.IN_CLEANING else "to be cleaned"
        return [Obstacle(word, "a person qualified for its cleaning")]
    if status.clean_until and at + left > status.clean_until:
        hours = left.total_seconds() / 3600
        return [
            Obstacle(f"less than {hours:g} h of its clean hold are left", "a person who cleans")
        ]
    return []


def check_suitable(number: str, found: list[Obstacle]) -> None:
    """Raises EquipmentNotSuitable naming every obstacle and who resolves it."""
    if found:
        raise EquipmentNotSuitable(
            f"{number} cannot be used: " + "; ".join(obstacle.fact for obstacle in found),
            resolver="; ".join(dict.fromkeys(obstacle.resolver for obstacle in found)),
            equipment=number,
        )


def is_late(ended_at: datetime, now: Moment) -> bool:
    """A log line written more than an hour after the act ended says so (URS-EQP-030)."""
    return now.site - ended_at > LATE_AFTER


def _worst_first(reason: Reason) -> int:
    return 0 if reason in MAKES_BAD else 1 if reason in MAKES_UNCERTAIN else 2


def _who_resolves(judged: Judged) -> str:
    if Reason.CALIBRATION_OVERDUE in judged.reasons:
        return "maintenance (calibration)"
    if judged.quality is Quality.UNCERTAIN:
        return "a second person, with a reason"
    return "maintenance (line and device); then read again"
