"""Modbus TCP: block reads, one request at a time, short patience, a breaker per unit.

Measured reasons (notes, section 2): time-out 1 s and no retries, or one dead unit starves the
others; the link is dropped after each time-out; every answer is checked for its length; a value of
several registers comes from one read only.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pymodbus
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from core.ids import new_id
from hardware import decoding, statuses
from hardware.decoding import Block, ModbusAddress
from hardware.drivers.base import Point, Sample, Sink, WriteAnswer, decoded, failed, unreached
from hardware.errors import DecodeProblem, LinkProblem

PATIENCE = 1.0
HURRY = 0.1
FAILURES_TO_OPEN = 3
PROBE_EVERY = 5.0
POLL_SECONDS = 1.0
ILLEGAL_ADDRESS = 2
BITS = ("C", "DI")


@dataclass(slots=True)
class Breaker:
    """Leaves a unit alone that did not answer three times; asks again every 5 s."""

    failures: int = 0
    next_probe: float = 0.0

    @property
    def suspect(self) -> bool:
        """The last request was not answered."""
        return self.failures > 0

    def allows(self, now: float) -> bool:
        """Whether to ask the unit now."""
        return self.failures < FAILURES_TO_OPEN or now >= self.next_probe

    def note(self, answered: bool, now: float) -> None:
        """Remember the outcome of a request."""
        self.failures = 0 if answered else self.failures + 1
        self.next_probe = now + PROBE_EVERY


@dataclass(frozen=True, slots=True)
class _Placed:
    point: Point
    place: ModbusAddress

    @property
    def span(self) -> tuple[str, int, int]:
        width = 1 if self.place.bit is not None else self.point.data_type.registers
        return self.place.table, self.place.start, width


@dataclass(slots=True)
class _UnitPlan:
    """The values of one unit, and the requests that fetch them."""

    spans: set[tuple[str, int, int]]
    blocks: list[Block]

    def split(self, refused: Block) -> None:
        """The device has an address in between that it does not know: ask for values singly."""
        inside = [s for s in sorted(self.spans) if s[0] == refused.table and refused.holds(*s[1:])]
        if len(inside) > 1:
            place = self.blocks.index(refused)
            self.blocks[place : place + 1] = [Block(*span) for span in inside]


class ModbusDriver:
    """One TCP connection to one address with any number of units behind it.

    `max_gap` is how many unused registers a block may span, `max_span` its width.
    """

    version = f"modbus 1 (pymodbus {pymodbus.__version__})"

    def __init__(
        self, host: str, port: int, *, max_gap: int = 32, max_span: int = decoding.WIDEST_READ
    ) -> None:
        self._host, self._port = host, port
        self._max_gap, self._max_span = max_gap, max_span
        self._client: AsyncModbusTcpClient | None = None
        self._breakers: dict[int, Breaker] = {}
        self._plans: dict[tuple[str, ...], dict[int, _UnitPlan]] = {}
        self._turn = asyncio.Lock()
        self._session = ""

    @property
    def identity(self) -> str:
        """Modbus has no identity but its address; a device code is read as a tag."""
        return f"modbus tcp {self._host}:{self._port}"

    @property
    def session(self) -> str:
        """Name of this connection."""
        return self._session

    async def connect(self) -> None:
        """Open the connection. Raises LinkProblem."""
        client = AsyncModbusTcpClient(
            self._host, port=self._port, timeout=PATIENCE, retries=0, reconnect_delay=0
        )
        try:
            open_now = await asyncio.wait_for(client.connect(), 2 * PATIENCE)
        except (OSError, TimeoutError, ModbusException) as error:
            client.close()
            raise LinkProblem(f"no Modbus device answers at {self.identity}: {error}") from error
        if not open_now:
            client.close()
            raise LinkProblem(f"no Modbus device answers at {self.identity}")
        self._client = client
        self._session = str(new_id())

    async def read(self, points: Sequence[Point], *, hurry: bool = False) -> list[Sample]:
        """Read all points in blocks, unit by unit; units that answered last come first."""
        plan = self._plan(points)
        words: dict[int, dict[Block, list[int] | Sample]] = {}
        answered = silent = 0
        async with self._turn:
            for unit in sorted(plan, key=lambda each: self._breaker(each).failures):
                if not self._breaker(unit).allows(time.monotonic()) and not hurry:
                    continue
                if (content := await self._read_unit(unit, plan[unit], hurry)) is None:
                    silent += 1
                    if not answered and silent >= min(2, len(plan)):
                        raise LinkProblem(f"{self.identity} does not answer any more")
                else:
                    answered += 1
                    words[unit] = content
        return [self._sample(point, words.get(point.unit_id or 0)) for point in points]

    async def subscribe(self, points: Sequence[Point], sink: Sink) -> None:
        """Poll every second (Modbus cannot subscribe); ends with LinkProblem."""
        for _ in itertools.count():
            begin = time.monotonic()
            sink(await self.read(points))
            await asyncio.sleep(max(0.05, POLL_SECONDS - (time.monotonic() - begin)))

    async def write(self, point: Point, value: Decimal) -> WriteAnswer:
        """Write one coil or one value in one request (FC 5, 6 or 16)."""
        place = decoding.parse_address(point.address)
        unit = point.unit_id or 0
        async with self._turn:
            try:
                answer = await self._send_write(point, place, unit, value)
            except (ModbusException, OSError, TimeoutError) as error:
                await self._again()
                return WriteAnswer(False, False, f"no answer: {error}")
        if answer.isError():
            return WriteAnswer(False, True, f"exception {answer.exception_code}")
        return WriteAnswer(True, True, "Good")

    async def browse(self, place: str) -> list[str]:
        """A Modbus device cannot say what it holds."""
        raise LinkProblem("a Modbus device has no list of its registers: take its manual")

    async def close(self) -> None:
        """Close the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def _breaker(self, unit: int) -> Breaker:
        return self._breakers.setdefault(unit, Breaker())

    def _plan(self, points: Sequence[Point]) -> dict[int, _UnitPlan]:
        name = tuple(point.key for point in points)
        if name not in self._plans:
            units: dict[int, set[tuple[str, int, int]]] = {}
            for point in points:
                placed = _Placed(point, decoding.parse_address(point.address))
                units.setdefault(point.unit_id or 0, set()).add(placed.span)
            self._plans[name] = {
                unit: _UnitPlan(spans, self._blocks(spans)) for unit, spans in units.items()
            }
        return self._plans[name]

    def _blocks(self, spans: set[tuple[str, int, int]]) -> list[Block]:
        return decoding.plan_blocks(spans, max_gap=self._max_gap, max_span=self._max_span)

    async def _read_unit(
        self, unit: int, plan: _UnitPlan, hurry: bool
    ) -> dict[Block, list[int] | Sample] | None:
        """The registers of each block, or None when the unit does not answer."""
        found: dict[Block, list[int] | Sample] = {}
        breaker = self._breaker(unit)
        patience = HURRY if hurry and breaker.suspect else PATIENCE
        for block in list(plan.blocks):
            try:
                found[block] = await asyncio.wait_for(self._request(unit, block), patience + 0.05)
            except (ModbusException, OSError, TimeoutError):
                breaker.note(False, time.monotonic())
                await self._again()
                return None
            content = found[block]
            if isinstance(content, Sample) and content.status_name == _exception(ILLEGAL_ADDRESS):
                plan.split(block)
        breaker.note(True, time.monotonic())
        return found

    async def _request(self, unit: int, block: Block) -> list[int] | Sample:
        """Registers or bits of one block; a sample that says why when the device refuses."""
        if self._client is None:
            raise ConnectionError("not connected")
        reads = {
            "IR": self._client.read_input_registers,
            "HR": self._client.read_holding_registers,
            "C": self._client.read_coils,
            "DI": self._client.read_discrete_inputs,
        }
        answer: ModbusPDU = await reads[block.table](block.start, count=block.count, device_id=unit)
        if answer.isError():
            return _refused(answer.exception_code)
        content = list(answer.bits if block.table in BITS else answer.registers)
        if block.table in BITS:
            content = [int(bit) for bit in content[: block.count]]
        if len(content) != block.count:
            # Seen in the wild: 10 registers where 20 were asked for, without any error.
            return _short(block, content)
        return content

    async def _again(self) -> None:
        """Drop the link after a time-out, so that a late answer can never be taken for another."""
        await self.close()
        await self.connect()

    async def _send_write(
        self, point: Point, place: ModbusAddress, unit: int, value: Decimal
    ) -> ModbusPDU:
        if self._client is None:
            raise ConnectionError("not connected")
        if place.table == "C":
            return await self._client.write_coil(place.start, bool(value), device_id=unit)
        registers = decoding.encode(
            point.wire(value), point.data_type, point.byte_order, point.word_order
        )
        if len(registers) == 1:
            return await self._client.write_register(place.start, registers[0], device_id=unit)
        return await self._client.write_registers(place.start, registers, device_id=unit)

    def _sample(self, point: Point, content: dict[Block, Any] | None) -> Sample:
        if content is None:
            return unreached(point, "the unit does not answer")
        placed = _Placed(point, decoding.parse_address(point.address))
        table, start, count = placed.span
        for block, words in content.items():
            if block.table == table and block.holds(start, count):
                if isinstance(words, Sample):
                    return failed(point, words.status, raw=words.raw, name=words.status_name)
                first = start - block.start
                return _decode(point, placed.place, words[first : first + count])
        raise DecodeProblem(f"{point.key} is in no block")


def _decode(point: Point, place: ModbusAddress, words: Sequence[int]) -> Sample:
    raw = decoding.hex_words(words)

    def wire() -> Decimal:
        if place.bit is not None:
            return Decimal(words[0] >> place.bit & 1)
        return decoding.decode(words, point.data_type, point.byte_order, point.word_order)

    return decoded(point, wire, raw=raw, status=statuses.GOOD)


def _refused(code: int) -> Sample:
    return Sample(
        key="",
        value=None,
        raw=f"exception {code}",
        status=statuses.BAD_DEVICE_FAILURE,
        status_name=_exception(code),
    )


def _exception(code: int) -> str:
    return f"ModbusException{code}"


def _short(block: Block, content: Sequence[int]) -> Sample:
    raw = f"{len(content)} of {block.count} registers: {decoding.hex_words(content)}"
    status = statuses.BAD_DECODING
    return Sample(key="", value=None, raw=raw, status=status, status_name="ShortAnswer")
