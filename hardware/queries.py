"""Reads: units and their suitability, tags, current values with quality, gaps and the log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from core.clock import Moment
from core.db import site_of
from core.house import moment, service
from core.sites import SiteMode, the_site
from hardware import rules, statuses
from hardware.errors import UnknownEquipment, UnknownTag
from hardware.historian import Historian, Stored, as_decimal
from hardware.models import (
    Calibration,
    Device,
    Equipment,
    EquipmentStateEvent,
    GapEvent,
    LogbookLine,
    Reading,
    Tag,
    TagMapVersion,
    WriteRequest,
)
from hardware.rules import Age, Judged, Obstacle, UnitStatus
from hardware.words import Cleaning, MapState, Quality, Reason, SourceTime


@dataclass(frozen=True, slots=True, kw_only=True)
class TagNow:
    """What is known of a tag at this moment; never a last value that looks current.

    `age_s` is real seconds since the gateway confirmed the value. `text` is the value as taken,
    also when it is bad: look at `quality` first.
    """

    tag: str
    value: Decimal | None
    text: str | None
    unit: str
    quality: Quality
    reasons: tuple[Reason, ...]
    because: str
    age_s: float
    source_at: datetime | None
    server_at: datetime | None
    received_at: datetime | None
    status: int
    status_name: str
    simulated: bool
    stored: Stored | None

    @property
    def good(self) -> bool:
        """It may fill a GMP field."""
        return self.quality is Quality.GOOD


def historian(session: Session) -> Historian:
    """The historian that the house was composed with (service ``historian``)."""
    found: Historian = service(session, "historian")
    return found


def equipment(session: Session, number: str) -> Equipment:
    """The unit with this number. Raises UnknownEquipment."""
    # The key begins with the site: without it all units would be read.
    query = select(Equipment).where(
        Equipment.site_id == site_of(session), Equipment.number == number
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise UnknownEquipment(f"there is no unit {number}", resolver="maintenance (master data)")
    return found


def is_unit(session: Session, number: str) -> bool:
    """Whether a code is the number of a unit."""
    found = session.scalars(select(Equipment.id).where(Equipment.number == number)).first()
    return found is not None


def equipment_list(
    session: Session, *, equipment_class: str | None = None, room: str | None = None
) -> Sequence[Equipment]:
    """Units by number, of one class or room if given."""
    query = select(Equipment).order_by(Equipment.number)
    if equipment_class is not None:
        query = query.where(Equipment.equipment_class == equipment_class)
    if room is not None:
        query = query.where(Equipment.room == room)
    return session.scalars(query).all()


def parts_of(session: Session, number: str) -> Sequence[Equipment]:
    """Units that belong to this one for good (BV-01 to GRA-01), by number."""
    query = select(Equipment).where(Equipment.parent == number).order_by(Equipment.number)
    return session.scalars(query).all()


def status_of(unit: Equipment) -> UnitStatus:
    """The status of a unit as rules need it."""
    return UnitStatus(
        number=unit.number,
        cleaning=Cleaning(unit.cleaning),
        clean_until=unit.clean_until,
        allocated_to=unit.allocated_to,
        blocked_reason=unit.blocked_reason,
        maintenance_order=unit.maintenance_order,
        calibration_due=unit.calibration_due,
        check_required=unit.check_required,
        checked_until=unit.checked_until,
    )


def obstacles(
    session: Session,
    number: str,
    *,
    batch: str | None = None,
    must_be_clean: bool = True,
    must_be_calibrated: bool = True,
    clean_hold_left: timedelta = timedelta(0),
) -> list[Obstacle]:
    """Everything that keeps a unit from being used now; empty when it is suitable."""
    return rules.obstacles(
        status_of(equipment(session, number)),
        moment(session).site,
        batch=batch,
        must_be_clean=must_be_clean,
        must_be_calibrated=must_be_calibrated,
        clean_hold_left=clean_hold_left,
    )


def obstacles_for_its_batch(unit: Equipment, at: datetime) -> list[Obstacle]:
    """What keeps a unit from being used by the batch that it is allocated to, or by any."""
    return rules.obstacles(
        status_of(unit),
        at,
        batch=unit.allocated_to,
        must_be_clean=unit.cleaning != Cleaning.NOT_APPLICABLE,
    )


def tag(session: Session, key: str) -> Tag:
    """The tag ``FBD-01.TI102`` of the unit's effective map. Raises UnknownTag."""
    unit, _, name = key.rpartition(".")
    found = session.scalars(
        _effective_tags().where(Tag.equipment == unit, Tag.name == name)
    ).one_or_none()
    if found is None:
        raise UnknownTag(
            f"no effective tag map has {key}", resolver="tag-map author and approver", tag=key
        )
    return found


def tags(
    session: Session, *, unit: str | None = None, devices: Iterable[str] | None = None
) -> Sequence[Tag]:
    """All tags of effective maps by unit and name, of one unit or some devices if given."""
    query = _effective_tags().order_by(Tag.equipment, Tag.name)
    if unit is not None:
        query = query.where(Tag.equipment == unit)
    if devices is not None:
        query = query.where(Tag.device.in_(list(devices)))
    return session.scalars(query).all()


def current(session: Session, key: str) -> TagNow:
    """The tag's value now, with computed quality. Raises UnknownTag."""
    found = tag(session, key)
    return tag_now(session, found, historian(session).current(key))


def current_of(session: Session, keys: Iterable[str]) -> dict[str, TagNow]:
    """Current values of several tags in one look, for the polling endpoint and for conditions."""
    found = [tag(session, key) for key in keys]
    stored = historian(session).current_of([each.key for each in found])
    around = _surroundings(session, [each.instrument for each in found])
    return {each.key: _judged(each, stored.get(each.key), around) for each in found}


def tag_now(session: Session, found: Tag, stored: Stored | None) -> TagNow:
    """Judge a stored value at this moment: age, calibration and simulation come in here."""
    return _judged(found, stored, _surroundings(session, [found.instrument]))


def judge_window(session: Session, found: Tag) -> Judged:
    """Whether the instrument of a tag may be used over a window that is known to be good."""
    around = _surroundings(session, [found.instrument])
    return rules.judge(
        (),
        calibration_due=around.due.get(found.instrument),
        at=around.at,
        simulated=found.simulated,
        gmp_site=around.gmp_site,
    )


@dataclass(frozen=True, slots=True)
class _Surroundings:
    """What besides the sample decides about its quality now."""

    at: datetime
    gmp_site: bool
    due: dict[str, datetime | None]


def _surroundings(session: Session, instruments: Iterable[str]) -> _Surroundings:
    units = session.scalars(select(Equipment).where(Equipment.number.in_(set(instruments))))
    return _Surroundings(
        at=moment(session).site,
        gmp_site=the_site(session).mode == SiteMode.GMP,
        due={unit.number: unit.calibration_due for unit in units},
    )


def _judged(found: Tag, stored: Stored | None, around: _Surroundings) -> TagNow:
    judged = rules.judge(
        (Reason.NO_VALUE,) if stored is None else stored.sample.reasons,
        age=None if stored is None else age_of(found, stored),
        stale_after=found.stale_seconds,
        calibration_due=around.due.get(found.instrument),
        at=around.at,
        simulated=found.simulated,
        gmp_site=around.gmp_site,
    )
    if stored is None:
        return _unseen(found, judged)
    sample = stored.sample
    return TagNow(
        tag=found.key,
        value=as_decimal(sample.value),
        text=sample.value,
        unit=found.unit,
        quality=judged.quality,
        reasons=judged.reasons,
        because=judged.because(),
        age_s=stored.age_seconds,
        source_at=sample.source_at,
        server_at=sample.server_at,
        received_at=sample.received_at,
        status=sample.status,
        status_name=sample.status_name,
        simulated=found.simulated,
        stored=stored,
    )


def age_of(found: Tag, stored: Stored) -> Age:
    """Age by receipt, and by source where the device renews its time with every scan."""
    cyclic = found.source_time == SourceTime.CYCLIC
    return Age(
        seconds=stored.age_seconds,
        source_seconds=stored.source_age_seconds if cyclic else None,
    )


def _unseen(found: Tag, judged: Judged) -> TagNow:
    return TagNow(
        tag=found.key,
        value=None,
        text=None,
        unit=found.unit,
        quality=judged.quality,
        reasons=judged.reasons,
        because="the gateway has not seen this tag yet",
        age_s=float("inf"),
        source_at=None,
        server_at=None,
        received_at=None,
        status=statuses.BAD_WAITING,
        status_name=statuses.name(statuses.BAD_WAITING),
        simulated=found.simulated,
        stored=None,
    )


def calibration_due(session: Session, instrument: str) -> datetime | None:
    """When the calibration of an instrument ends; None when it needs none."""
    return session.scalars(
        select(Equipment.calibration_due).where(Equipment.number == instrument)
    ).one_or_none()


def devices(session: Session) -> Sequence[Device]:
    """All devices by name."""
    return session.scalars(select(Device).order_by(Device.name)).all()


def device(session: Session, name: str) -> Device:
    """The device with this name. Raises UnknownEquipment."""
    found = session.scalars(select(Device).where(Device.name == name)).one_or_none()
    if found is None:
        raise UnknownEquipment(f"there is no device {name}", resolver="maintenance (master data)")
    return found


def readings(session: Session, record: str) -> Sequence[Reading]:
    """Readings taken into a record, in the order they were taken."""
    return session.scalars(
        select(Reading).where(Reading.record == record).order_by(Reading.taken_at, Reading.id)
    ).all()


def readings_between(
    session: Session, instrument: str, start: datetime, end: datetime
) -> Sequence[Reading]:
    """Readings by one instrument: the look-back list after an as-found failure (URS-EQP-040)."""
    return session.scalars(
        select(Reading)
        .where(Reading.instrument == instrument, Reading.taken_at.between(start, end))
        .order_by(Reading.taken_at, Reading.id)
    ).all()


def write_request(session: Session, request_id: UUID) -> WriteRequest:
    """One write request. Raises KeyError."""
    found = session.get(WriteRequest, request_id)
    if found is None:
        raise KeyError(request_id)
    return found


def write_by_key(session: Session, key: str) -> WriteRequest | None:
    """The write request with this key, if it was ever made."""
    return session.scalars(select(WriteRequest).where(WriteRequest.key == key)).one_or_none()


def open_writes(session: Session) -> Sequence[WriteRequest]:
    """Requests that have no result yet, oldest first."""
    return session.scalars(
        select(WriteRequest)
        .where(WriteRequest.state.in_(("REQUESTED", "CLAIMED")))
        .order_by(WriteRequest.requested_at, WriteRequest.id)
    ).all()


def gaps(session: Session, unit: str, start: datetime, end: datetime) -> list[GapEvent]:
    """Gaps of a unit that touch [start, end]: of each the end row, or the start row while open."""
    query = select(GapEvent).where(GapEvent.started_at <= end).order_by(GapEvent.started_at)
    last: dict[UUID, GapEvent] = {}
    for event in session.scalars(query):
        if unit in event.equipment and (event.gap not in last or event.edge == "end"):
            last[event.gap] = event
    return [gap for gap in last.values() if gap.ended_at is None or gap.ended_at >= start]


def open_gap(session: Session, name: str) -> GapEvent | None:
    """The start row of the gap of a device that has not ended, or None."""
    ended = select(GapEvent.gap).where(GapEvent.edge == "end")
    return session.scalars(
        select(GapEvent)
        .where(GapEvent.device == name, GapEvent.edge == "start", GapEvent.gap.not_in(ended))
        .order_by(GapEvent.started_at.desc())
        .limit(1)
    ).one_or_none()


def logbook(session: Session, unit: str) -> Sequence[LogbookLine]:
    """The log of a unit in the order it was written."""
    return session.scalars(
        select(LogbookLine).where(LogbookLine.equipment == unit).order_by(LogbookLine.line)
    ).all()


def next_line(session: Session, unit: str) -> int:
    """The number that the next line of a unit's log gets."""
    last = session.scalars(
        select(func.max(LogbookLine.line)).where(LogbookLine.equipment == unit)
    ).one()
    return (last or 0) + 1


def calibrations(session: Session, unit: str) -> Sequence[Calibration]:
    """Calibrations of a unit, oldest first, superseded ones included."""
    return session.scalars(
        select(Calibration)
        .where(Calibration.site_id == site_of(session), Calibration.equipment == unit)
        .order_by(Calibration.performed_at, Calibration.id)
    ).all()


def status_history(session: Session, unit: str) -> Sequence[EquipmentStateEvent]:
    """Changes of a unit's status, oldest first."""
    return session.scalars(
        select(EquipmentStateEvent)
        .where(EquipmentStateEvent.equipment == unit)
        .order_by(EquipmentStateEvent.at, EquipmentStateEvent.id)
    ).all()


def cleaning_now(unit: Equipment, now: Moment) -> Cleaning:
    """The cleaning status at this moment; a clean hold that has run out counts as dirty."""
    return rules.cleaning_now(status_of(unit), now.site)


def effective_map(session: Session, unit: str) -> TagMapVersion | None:
    """The tag map version in force for a unit."""
    return session.scalars(
        select(TagMapVersion).where(
            TagMapVersion.equipment == unit, TagMapVersion.state == MapState.EFFECTIVE
        )
    ).one_or_none()


def _effective_tags() -> Select[Tag]:
    return select(Tag).join(Tag.map).where(TagMapVersion.state == MapState.EFFECTIVE)


def units_counted_by(session: Session, key: str) -> Sequence[Equipment]:
    """Units whose usage is counted by this tag (a tool set by the press it sits in)."""
    return session.scalars(
        select(Equipment).where(Equipment.counter_tag == key).order_by(Equipment.number)
    ).all()


def counters(session: Session) -> Sequence[Equipment]:
    """Units with a usage counter whose limit has not been passed yet."""
    return session.scalars(
        select(Equipment).where(
            Equipment.counter_tag.is_not(None), Equipment.counter_tripped_at.is_(None)
        )
    ).all()


def map_versions(session: Session, unit: str) -> Sequence[TagMapVersion]:
    """All versions of a unit's tag map, oldest first."""
    return session.scalars(
        select(TagMapVersion).where(TagMapVersion.equipment == unit).order_by(TagMapVersion.number)
    ).all()
