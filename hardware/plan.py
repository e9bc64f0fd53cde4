"""What is to be watched: devices and effective tags of the site database, grouped by line."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from hardware import queries
from hardware.drivers.base import Point
from hardware.errors import LinkProblem
from hardware.link import Line
from hardware.models import Device, Tag
from hardware.recorder import Watched
from hardware.rules import Range
from hardware.words import Order, SourceTime, TagType


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the site database says is to be watched."""

    lines: dict[str, Line]
    watched: tuple[Watched, ...]
    devices: dict[str, dict[str, Any]]
    fingerprint: str


def load_plan(session: Session) -> Plan:
    """Devices and effective tags, grouped by line."""
    devices = {device.name: device for device in queries.devices(session) if device.enabled}
    tags = [tag for tag in queries.tags(session) if tag.device in devices]
    watched = tuple(_watched(tag, devices[tag.device]) for tag in tags)
    lines: dict[str, list[Point]] = {}
    for each in watched:
        lines.setdefault(devices[each.point.device].line, []).append(each.point)
    plans = {
        name: Line(
            name=name,
            endpoint=devices[points[0].device].endpoint,
            points=tuple(points),
            fingerprint=_digest([repr(devices[p.device].settings) for p in points]),
        )
        for name, points in lines.items()
    }
    return Plan(
        lines=plans,
        watched=watched,
        devices={name: _facts(device) for name, device in devices.items()},
        fingerprint=_digest([repr(plans), repr(watched)]),
    )


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Host and port of ``opc.tcp://host:port/path`` or ``host:port``. Raises LinkProblem."""
    address = endpoint.removeprefix("opc.tcp://").partition("/")[0]
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        raise LinkProblem(f"{endpoint!r} is no address: write host:port")
    return host, int(port)


def _watched(tag: Tag, device: Device) -> Watched:
    point = Point(
        key=tag.key,
        device=tag.device,
        unit_id=device.unit,
        address=tag.address,
        data_type=TagType(tag.data_type),
        byte_order=Order(tag.byte_order),
        word_order=Order(tag.word_order),
        scale=tag.scale,
        offset=tag.offset,
        decimals=tag.decimals,
        unit=tag.unit,
        sampling_ms=tag.sampling_ms,
    )
    return Watched(
        point=point,
        span=Range(low=tag.range_low, high=tag.range_high),
        dead_band=tag.dead_band,
        stuck_seconds=tag.stuck_seconds,
        source_time=SourceTime(tag.source_time),
        map_version=tag.map.number,
    )


def _facts(device: Device) -> dict[str, Any]:
    return {
        "protocol": device.protocol,
        "endpoint": device.endpoint,
        "settings": dict(device.settings),
        "line": device.line,
    }


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
