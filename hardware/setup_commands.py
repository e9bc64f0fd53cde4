"""Master data of the equipment layer: units, devices, and tag maps that a second person approves.

A tag map is replaced as a whole by its next version; rows of a version never change
(URS-PRO-030).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.errors import Invalid
from core.types import to_json
from hardware import decoding, queries
from hardware.errors import DecodeProblem, MapNotApproved
from hardware.models import Device, Equipment, Tag, TagMapVersion
from hardware.words import Cleaning, MapState, Order, Protocol, SourceTime, TagType


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEquipment:
    """A unit as it is entered into the master data; see `Equipment` for the fields."""

    number: str
    name: str
    equipment_class: str
    room: str | None = None
    parent: str | None = None
    properties: Mapping[str, Any] | None = None
    cleaning: Cleaning = Cleaning.NOT_APPLICABLE
    clean_until: datetime | None = None
    calibration_due: datetime | None = None
    calibration_last_good: datetime | None = None
    check_required: bool = False
    counter_tag: str | None = None
    counter_limit: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagSpec:
    """One tag as its author writes it; see `Tag` for the meaning of the fields."""

    name: str
    description: str
    device: str
    address: str
    data_type: TagType
    unit: str
    byte_order: Order = Order.HIGH_FIRST
    word_order: Order = Order.HIGH_FIRST
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    decimals: int | None = None
    range_low: Decimal | None = None
    range_high: Decimal | None = None
    rollover: Decimal | None = None
    stale_seconds: int = 5
    sampling_ms: int = 500
    dead_band: Decimal = Decimal(0)
    stuck_seconds: int | None = None
    source_time: SourceTime = SourceTime.CYCLIC
    writable: bool = False
    write_low: Decimal | None = None
    write_high: Decimal | None = None
    tolerance: Decimal | None = None
    gmp: bool = True
    simulated: bool = False
    instrument: str | None = None


def register_equipment(
    session: Session, new: NewEquipment, *, by: Actor, at: datetime
) -> Equipment:
    """Enter a unit into the master data."""
    unit = Equipment(**{**_fields(new), "properties": dict(new.properties or {})})
    stream = Stream("equipment", new.number)
    with trail.act(session, "equipment.registered", stream=stream, by=by):
        session.add(unit)
    return unit


def register_device(
    session: Session,
    name: str,
    *,
    protocol: Protocol,
    endpoint: str,
    unit: int | None = None,
    settings: Mapping[str, Any] | None = None,
    writable: bool = False,
    by: Actor,
    at: datetime,
) -> Device:
    """Enter a device: an OPC UA server, or a unit behind a Modbus TCP address."""
    device = Device(
        name=name,
        protocol=protocol.value,
        endpoint=endpoint,
        unit=unit,
        settings=dict(settings or {}),
        writable=writable,
    )
    with trail.act(session, "device.registered", stream=Stream("device", name), by=by):
        session.add(device)
    return device


def move_device(
    session: Session, name: str, *, endpoint: str, reason: str, by: Actor, at: datetime
) -> Device:
    """A device is reached at another address (simulators start on free ports)."""
    device = queries.device(session, name)
    if device.endpoint == endpoint:
        return device
    with trail.act(session, "device.moved", stream=Stream("device", name), by=by, reason=reason):
        device.endpoint = endpoint
    return device


def propose_tag_map(
    session: Session, equipment: str, specs: Sequence[TagSpec], *, by: Actor, at: datetime
) -> TagMapVersion:
    """Draw up the next version of a unit's tag map; it is used once somebody else approved it."""
    queries.equipment(session, equipment)
    for spec in specs:
        _check_spec(session, spec)
    number = _next_number(session, equipment)
    version = TagMapVersion(
        equipment=equipment,
        number=number,
        state=MapState.DRAFT.value,
        digest=map_digest(equipment, specs),
        author=by.id,
        authored_at=at,
    )
    stream = Stream("equipment", equipment)
    with trail.act(session, "tag_map.proposed", stream=stream, by=by, object=f"tag map v{number}"):
        session.add(version)
        session.flush()
        session.add_all(_tag(version, equipment, spec) for spec in specs)
    return version


def approve_tag_map(
    session: Session, equipment: str, number: int, *, by: Actor, at: datetime
) -> TagMapVersion:
    """Put a version into force; the former one is superseded. Its author may not approve it."""
    versions = {version.number: version for version in _versions(session, equipment)}
    version = versions.get(number)
    if version is None or version.state != MapState.DRAFT:
        raise MapNotApproved(
            f"tag map v{number} of {equipment} is no draft", resolver="tag-map author"
        )
    if version.author == by.id:
        raise MapNotApproved(
            f"tag map v{number} of {equipment} was drawn up by {by.name}",
            resolver="another person with the right to approve tag maps",
        )
    stream = Stream("equipment", equipment)
    with trail.act(session, "tag_map.approved", stream=stream, by=by, object=f"tag map v{number}"):
        former = queries.effective_map(session, equipment)
        if former is not None:
            former.state = MapState.SUPERSEDED
            session.flush()
        version.state = MapState.EFFECTIVE
        version.approved_by, version.approved_at = by.id, at
    return version


def map_digest(equipment: str, specs: Sequence[TagSpec]) -> str:
    """SHA-256 over the canonical content of a map, independent of the order of its rows."""
    rows = [_words(_fields(spec)) for spec in sorted(specs, key=lambda spec: spec.name)]
    text = to_json({"equipment": equipment, "tags": rows})
    return hashlib.sha256(text.encode()).hexdigest()


def _check_spec(session: Session, spec: TagSpec) -> None:
    device = queries.device(session, spec.device)
    try:
        if device.protocol == Protocol.MODBUS:
            place = decoding.parse_address(spec.address)
            _check_modbus(spec, place)
        elif not spec.address.startswith("nsu=") or ";" not in spec.address:
            # A bare namespace index may mean another variable after a restart of the server.
            raise DecodeProblem(f"{spec.address!r} must name its namespace: nsu=urn:...;s=...")
    except DecodeProblem as problem:
        raise Invalid(f"{spec.name}: {problem}", resolver="tag-map author") from problem


def _check_modbus(spec: TagSpec, place: decoding.ModbusAddress) -> None:
    if spec.data_type is TagType.TEXT:
        raise DecodeProblem("text is not read over Modbus")
    is_bit = place.bit is not None or place.table in ("C", "DI")
    if is_bit != (spec.data_type is TagType.BOOL):
        raise DecodeProblem(f"{spec.address} does not hold a value of type {spec.data_type}")
    if spec.writable and (place.table in ("IR", "DI") or place.bit is not None):
        raise DecodeProblem(f"{spec.address} cannot be written")
    if spec.source_time is not SourceTime.NONE:
        raise DecodeProblem("Modbus carries no time: set source_time to none")


def _next_number(session: Session, equipment: str) -> int:
    return max((version.number for version in _versions(session, equipment)), default=0) + 1


def _versions(session: Session, equipment: str) -> Sequence[TagMapVersion]:
    return queries.map_versions(session, equipment)


def _tag(version: TagMapVersion, equipment: str, spec: TagSpec) -> Tag:
    fields = _fields(spec)
    fields["instrument"] = spec.instrument or equipment
    return Tag(map_id=version.id, equipment=equipment, **fields)


def _fields(row: Any) -> dict[str, Any]:
    return asdict(row)


def _words(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        key: str(value) if isinstance(value, Decimal) else value for key, value in fields.items()
    }
