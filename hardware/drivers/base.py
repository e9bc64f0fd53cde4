"""What a driver is: connect, read, subscribe, write, browse, close (style, habit 13).

A driver object serves one connection and is thrown away with it. It raises `LinkProblem` when the
connection is of no use any more; what is wrong with a single value stands in its sample.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from hardware import decoding, statuses
from hardware.errors import DecodeProblem
from hardware.words import Order, TagType


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What a driver needs to know of a tag."""

    key: str
    device: str
    unit_id: int | None
    address: str
    data_type: TagType
    byte_order: Order
    word_order: Order
    scale: Decimal
    offset: Decimal
    decimals: int | None
    unit: str
    sampling_ms: int

    def engineering(self, wire: Decimal) -> Decimal:
        """The value in the tag's unit."""
        return decoding.to_engineering(
            wire, scale=self.scale, offset=self.offset, decimals=self.decimals
        )

    def wire(self, value: Decimal) -> Decimal:
        """The value as the device counts it. DecodeProblem when it cannot express it."""
        return decoding.to_wire(
            value, data_type=self.data_type, scale=self.scale, offset=self.offset
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One value as it came: full status, and the times of the device where it sends them.

    `value` is a decimal in the tag's unit, or text, or None; look at `status` first.
    """

    key: str
    value: Decimal | str | None
    raw: str
    status: int
    status_name: str
    source_at: datetime | None = None
    server_at: datetime | None = None

    @property
    def reached(self) -> bool:
        """The device itself answered, whatever it said."""
        return self.status & 0xFFFF0000 != statuses.BAD_NO_COMMUNICATION


@dataclass(frozen=True, slots=True)
class WriteAnswer:
    """What the device said to a write: taken, refused (no effect), or nothing (nobody knows)."""

    taken: bool
    answered: bool
    status: str


Sink = Callable[[Sequence[Sample]], None]


class Driver(Protocol):
    """One connection to one line."""

    version: str
    """Driver and library with their versions, for the provenance of readings."""

    @property
    def identity(self) -> str:
        """Who the partner is: certificate thumbprint or address."""

    @property
    def session(self) -> str:
        """Name of this connection, unique in time."""

    async def connect(self) -> None:
        """Open, check trust, resolve addresses. Raises LinkProblem in words for people."""

    async def read(self, points: Sequence[Point], *, hurry: bool = False) -> list[Sample]:
        """Read all points now, in few requests; one sample per point, in their order.

        `hurry` gives a device that did not answer lately a tenth of the usual patience.
        """

    async def subscribe(self, points: Sequence[Point], sink: Sink) -> None:
        """Deliver samples until the connection ends; then raise LinkProblem."""

    async def write(self, point: Point, value: Decimal) -> WriteAnswer:
        """Write one value in the tag's unit, once."""

    async def browse(self, place: str) -> list[str]:
        """Addresses below a place that could become tags."""

    async def close(self) -> None:
        """Close the connection; never raises for a broken one."""


def unreached(point: Point, why: str = "") -> Sample:
    """The sample of a point whose device cannot be reached."""
    return failed(point, statuses.BAD_NO_COMMUNICATION, raw=why)


def failed(point: Point, status: int, *, raw: str = "", name: str | None = None) -> Sample:
    """A sample without value."""
    return Sample(
        key=point.key,
        value=None,
        raw=raw,
        status=status,
        status_name=name or statuses.name(status),
    )


def decoded(
    point: Point, wire: Callable[[], Decimal], *, raw: str, status: int, **times: Any
) -> Sample:
    """A sample whose number comes from `wire`; what cannot be decoded is bad."""
    try:
        value = point.engineering(wire())
    except DecodeProblem as problem:
        return failed(point, statuses.BAD_DECODING, raw=f"{raw} ({problem})")
    return Sample(
        key=point.key,
        value=value,
        raw=raw,
        status=status,
        status_name=statuses.name(status),
        **times,
    )
