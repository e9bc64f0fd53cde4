"""Readings taken into records, writes to equipment, and gaps of the links.

A reading belongs to the act that takes it (a step); taken alone it is an act of its own on the
unit. Writes are asked for here and carried out by the gateway, which reports back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from core.house import moment
from hardware import decoding, queries, rules, statuses
from hardware.errors import BadValue, DecodeProblem, WriteNotAllowed
from hardware.events import CounterOverLimit, LinkLost, LinkRestored, WriteReported
from hardware.models import Equipment, GapEvent, Reading, Tag, WriteRequest
from hardware.queries import TagNow
from hardware.words import Dimension, Quality, Reason, TagType, WriteState

WRITE_PATIENCE = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteOutcome:
    """What the gateway found when it carried out a write."""

    result: WriteState
    old_value: Decimal | None = None
    read_back: Decimal | None = None
    status: str | None = None
    problem: str | None = None


@contextmanager
def within_act(
    session: Session, action: str, *, stream: Stream, by: Actor, object: str = ""
) -> Iterator[trail.Act]:
    """The act under way, or a new one when nothing is under way."""
    under_way = trail.current(session)
    if under_way is not None:
        yield under_way
        session.flush()
        return
    with trail.act(session, action, stream=stream, by=by, object=object) as this:
        yield this


def take_reading(
    session: Session,
    tag: str,
    *,
    in_record: str | None = None,
    step: str | None = None,
    max_age: timedelta | None = None,
    accepted_because: str | None = None,
    now: TagNow | None = None,
    by: Actor,
    at: datetime,
) -> Reading:
    """Take the current value of a tag into the record, with everything needed to judge it.

    `max_age` tightens the tag's own limit. `now` is a value looked up just before (its age goes on
    counting); without it the historian is asked. `accepted_because` lets an UNCERTAIN value in (a
    second person and this reason, URS-PRO-020). Raises BadValue, StaleValue, UnknownTag.
    """
    found = queries.tag(session, tag)
    seen = now if now is not None and now.stored is not None else queries.current(session, tag)
    _check_usable(found, seen, max_age, accepted_because)
    with within_act(session, "reading.taken", stream=_unit(found), by=by, object=tag):
        reading = _reading(session, found, seen, by, at)
        reading.record, reading.step = in_record, step
        reading.accepted_because = accepted_because if not seen.good else None
        session.add(reading)
    watch_counter(session, found, reading.value, by=by, at=at)
    return reading


def take_statistic(
    session: Session,
    tag: str,
    statistic: str,
    *,
    window_from: datetime,
    window_to: datetime,
    in_record: str | None = None,
    step: str | None = None,
    by: Actor,
    at: datetime,
) -> Reading:
    """Take a number over a window of site time: mean, minimum, maximum, change, last,
    standard_deviation.

    The value is reproducible from the stored samples (URS-PRO-010); the mean is weighted with
    time, holes count for nothing and are the business of gap exceptions. Raises BadValue when
    nothing usable lies in the window, ValueError for an unknown statistic.
    """
    found = queries.tag(session, tag)
    seen = queries.current(session, tag)
    judged = queries.judge_window(session, found)
    rules.check_usable(tag, judged, rules.Age(seconds=0.0), accepted_because=None)
    value, samples = _statistic(session, found, statistic, window_from, window_to)
    if value is None or seen.stored is None:
        raise BadValue(
            f"{tag} gave no usable value between {window_from:%T} and {window_to:%T} UTC",
            resolver="maintenance (line and device)",
            tag=tag,
        )
    with within_act(session, "reading.taken", stream=_unit(found), by=by, object=tag):
        reading = _reading(session, found, seen, by, at)
        reading.statistic, reading.samples = statistic, samples
        reading.window_from, reading.window_to = window_from, window_to
        reading.value, reading.value_text = value, format(value, "f")
        reading.raw, reading.age_ms = "", 0
        reading.status, reading.status_name = statuses.GOOD, statuses.name(statuses.GOOD)
        reading.quality = judged.quality.value
        reading.reasons = [reason.value for reason in judged.reasons]
        reading.record, reading.step = in_record, step
        session.add(reading)
    return reading


def request_write(
    session: Session,
    tag: str,
    value: Decimal,
    *,
    key: str,
    in_record: str,
    step: str | None = None,
    tolerance: Decimal | None = None,
    by: Actor,
    at: datetime,
) -> WriteRequest:
    """Ask the gateway to write a set point once; the same `key` never writes twice.

    Refused (WriteNotAllowed) when the tag or its device is not on the allow-list, the value lies
    outside the write limits or cannot be expressed on the wire, or the unit is not allocated to
    the record that asks (URS-PRO-050). `tolerance` of the recipe step replaces the tag's own.
    """
    known = queries.write_by_key(session, key)
    if known is not None:
        return _same_request(known, tag, value)
    found = queries.tag(session, tag)
    _check_write(session, found, value, in_record)
    request = WriteRequest(
        key=key,
        tag=tag,
        tag_id=found.id,
        device=found.device,
        value=value,
        tolerance=tolerance if tolerance is not None else found.tolerance,
        unit=found.unit,
        record=in_record,
        step=step,
        requested_by=by.id,
        requested_at=at,
        expires_at=moment(session).steady + WRITE_PATIENCE,
    )
    stream = Stream.parse(in_record)
    with within_act(session, "write.requested", stream=stream, by=by, object=step or tag):
        session.add(request)
    return request


def claim_write(
    session: Session, request_id: UUID, *, gateway: str, by: Actor, at: datetime
) -> bool:
    """The gateway takes a request; False when it is not open any more (somebody else has it).

    A request that waited too long is refused instead of sent late.
    """
    request = queries.write_request(session, request_id)
    if request.state != WriteState.REQUESTED:
        return False
    if moment(session).steady > request.expires_at:
        outcome = WriteOutcome(
            result=WriteState.REFUSED, problem="no gateway took the request in time; not sent"
        )
        report_write(session, request_id, outcome, by=by, at=at)
        return False
    with _act_on(session, "write.claimed", request, by):
        request.state, request.claimed_by, request.claimed_at = WriteState.CLAIMED, gateway, at
    return True


def report_write(
    session: Session, request_id: UUID, outcome: WriteOutcome, *, by: Actor, at: datetime
) -> WriteRequest:
    """The gateway reports how a write ended; tells WriteReported. A final result stays."""
    request = queries.write_request(session, request_id)
    if WriteState(request.state).final:
        return request
    with _act_on(session, "write.reported", request, by):
        request.state, request.status = outcome.result, outcome.status
        request.old_value, request.read_back = outcome.old_value, outcome.read_back
        request.problem, request.reported_at = outcome.problem, at
        session.flush()
        publish(session, _reported(request, outcome))
    return request


def withdraw_writes(
    session: Session, record: str, why: str, *, by: Actor, at: datetime
) -> list[str]:
    """The record that asked has ended: what no gateway has taken yet is not sent; answers the tags.

    Inside the act of who ends it. What a gateway has taken already is on its way and is reported.
    """
    waiting = [
        request
        for request in queries.open_writes(session)
        if request.record == record and request.state == WriteState.REQUESTED
    ]
    for request in waiting:
        request.state, request.problem = WriteState.REFUSED, f"not sent: {why}"
        request.reported_at = at
    session.flush()
    return [request.tag for request in waiting]


def begin_gap(
    session: Session,
    device: str,
    *,
    gap: UUID,
    cause: str,
    gateway: str,
    started_at: datetime,
    by: Actor,
    at: datetime,
) -> GapEvent | None:
    """No data comes from a device since `started_at`; tells LinkLost (URS-PRO-040).

    None when a gap of this device is open already.
    """
    if queries.open_gap(session, device) is not None:
        return None
    units = units_of(session, device)
    event = GapEvent(
        gap=gap,
        edge="start",
        device=device,
        equipment=list(units),
        started_at=started_at,
        real_at=moment(session).real,
        cause=cause,
        gateway=gateway,
    )
    with trail.act(session, "link.lost", stream=Stream("device", device), by=by):
        session.add(event)
        publish(
            session,
            LinkLost(device=device, equipment=units, gap=gap, started_at=started_at, cause=cause),
        )
    return event


def end_gap(
    session: Session, device: str, *, gateway: str, ended_at: datetime, by: Actor, at: datetime
) -> GapEvent | None:
    """Data comes again since `ended_at`; tells LinkRestored. None when no gap was open."""
    start = queries.open_gap(session, device)
    if start is None:
        return None
    ended_at = max(ended_at, start.started_at)
    event = GapEvent(
        gap=start.gap,
        edge="end",
        device=device,
        equipment=start.equipment,
        started_at=start.started_at,
        ended_at=ended_at,
        real_at=moment(session).real,
        cause=start.cause,
        gateway=gateway,
    )
    with trail.act(session, "link.restored", stream=Stream("device", device), by=by):
        session.add(event)
        publish(
            session,
            LinkRestored(
                device=device,
                equipment=tuple(start.equipment),
                gap=start.gap,
                started_at=start.started_at,
                ended_at=ended_at,
            ),
        )
    return event


def watch_counter(
    session: Session, tag: Tag, value: Decimal | None, *, by: Actor, at: datetime
) -> bool:
    """Tell CounterOverLimit once when a usage counter has passed its limit; True when told."""
    if value is None:
        return False
    told = False
    for unit in queries.units_counted_by(session, tag.key):
        limit = unit.counter_limit
        if limit is None or value <= limit or unit.counter_tripped_at is not None:
            continue
        _trip(session, unit, tag, value, limit, by, at)
        told = True
    return told


def units_of(session: Session, device: str) -> tuple[str, ...]:
    """Numbers of the units that have tags on a device, in order."""
    return tuple(sorted({tag.equipment for tag in queries.tags(session, devices=[device])}))


def _trip(
    session: Session,
    unit: Equipment,
    tag: Tag,
    value: Decimal,
    limit: Decimal,
    by: Actor,
    at: datetime,
) -> None:
    facts = {"dimension": Dimension.COUNTER.value, "value": str(value), "limit": str(limit)}
    stream = Stream("equipment", unit.number)
    with trail.act(
        session, "equipment.counter_passed", stream=stream, by=by, object=tag.key, facts=facts
    ):
        unit.counter_tripped_at = at
        session.flush()
        publish(
            session,
            CounterOverLimit(equipment=unit.number, tag=tag.key, value=value, limit=limit, at=at),
        )


def _unit(tag: Tag) -> Stream:
    return Stream("equipment", tag.equipment)


@contextmanager
def _act_on(session: Session, action: str, request: WriteRequest, by: Actor) -> Iterator[trail.Act]:
    place = request.step or request.tag
    stream = Stream.parse(request.record)
    with trail.act(session, action, stream=stream, by=by, object=place) as this:
        yield this


def _check_usable(
    tag: Tag, seen: TagNow, max_age: timedelta | None, accepted_because: str | None
) -> None:
    judged = rules.Judged(seen.quality, seen.reasons)
    if seen.stored is None:
        age = rules.Age(seconds=float("inf"))
    else:
        age = queries.age_of(tag, seen.stored)
        limit = float(tag.stale_seconds)
        if max_age is not None:
            limit = min(max_age.total_seconds(), limit)
        if age.stale(limit):
            reasons = tuple(dict.fromkeys((Reason.STALE, *seen.reasons)))
            judged = rules.Judged(Quality.BAD, reasons)
    rules.check_usable(tag.key, judged, age, accepted_because=accepted_because)


def _reading(session: Session, tag: Tag, seen: TagNow, by: Actor, at: datetime) -> Reading:
    if seen.stored is None:
        raise BadValue(f"{tag.key} was never seen", resolver="maintenance", tag=tag.key)
    sample, link = seen.stored.sample, seen.stored.session
    return Reading(
        tag=tag.key,
        map_version=sample.map_version,
        tag_id=tag.id,
        statistic="last",
        samples=1,
        raw=sample.raw,
        value_text=sample.value or "",
        value=seen.value,
        unit=tag.unit,
        status=sample.status,
        status_name=sample.status_name,
        quality=seen.quality.value,
        reasons=[reason.value for reason in seen.reasons],
        age_ms=round(seen.age_s * 1000),
        source_at=sample.source_at,
        server_at=sample.server_at,
        received_at=sample.received_at,
        clock_offset_ms=_offset_ms(sample.source_at, sample.received_at),
        device=tag.device,
        endpoint=link.endpoint,
        server_identity=link.identity,
        address=tag.address,
        link_session=link.name,
        gateway=link.gateway,
        driver=link.driver,
        instrument=tag.instrument,
        calibration_due=queries.calibration_due(session, tag.instrument),
        simulated=tag.simulated,
        asked_by=by.id,
        taken_at=at,
    )


def _offset_ms(source: datetime | None, received: datetime) -> int | None:
    return None if source is None else (source - received) // timedelta(milliseconds=1)


def _statistic(
    session: Session, tag: Tag, statistic: str, start: datetime, end: datetime
) -> tuple[Decimal | None, int]:
    store = queries.historian(session)
    summary = store.summary(tag.key, start, end)
    if statistic == "change":
        rise = store.total_since(tag.key, start, end, rollover=tag.rollover)
        return (None if summary.empty else rise), summary.samples
    numbers = {
        "last": summary.last,
        "mean": summary.mean,
        "minimum": summary.minimum,
        "maximum": summary.maximum,
        "standard_deviation": summary.deviation,
    }
    if statistic not in numbers:
        raise ValueError(f"{statistic!r} is no statistic of a tag")
    return numbers[statistic], summary.samples


def _check_write(session: Session, tag: Tag, value: Decimal, record: str) -> None:
    device = queries.device(session, tag.device)
    rules.check_write(
        tag.key,
        value,
        writable=tag.writable and device.writable,
        low=tag.write_low,
        high=tag.write_high,
    )
    unit = queries.equipment(session, tag.equipment)
    wanted = Stream.parse(record).key
    if unit.allocated_to != wanted:
        raise WriteNotAllowed(
            f"{tag.equipment} is not allocated to {wanted}"
            f" (it is {'free' if unit.allocated_to is None else 'with ' + unit.allocated_to})",
            resolver="shift supervisor",
            tag=tag.key,
        )
    try:
        decoding.to_wire(
            value, data_type=TagType(tag.data_type), scale=tag.scale, offset=tag.offset
        )
    except DecodeProblem as problem:
        raise WriteNotAllowed(str(problem), resolver="recipe author", tag=tag.key) from problem


def _same_request(known: WriteRequest, tag: str, value: Decimal) -> WriteRequest:
    if known.tag != tag or known.value != value:
        raise WriteNotAllowed(
            f"the write {known.key} was already asked for with {known.tag} = {known.value}",
            resolver="look at the earlier request",
            tag=tag,
        )
    return known


def _reported(request: WriteRequest, outcome: WriteOutcome) -> WriteReported:
    return WriteReported(
        request_id=request.id,
        key=request.key,
        tag=request.tag,
        record=request.record,
        step=request.step,
        result=outcome.result,
        wanted=request.value,
        read_back=outcome.read_back,
        old_value=outcome.old_value,
        problem=outcome.problem,
    )


def note_counter(session: Session, tag: str, value: Decimal, *, by: Actor, at: datetime) -> bool:
    """The gateway saw a usage counter beyond its limit; True when it was told for the first
    time."""
    return watch_counter(session, queries.tag(session, tag), value, by=by, at=at)
