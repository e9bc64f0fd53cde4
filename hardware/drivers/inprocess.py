"""The in-process driver: values of the simulated cell without a socket.

It goes the way of the wire all the same: an OPC UA value is what the node would show, a Modbus
value is encoded into registers by the simulators' own table and decoded by the tag map, so that a
wrong address, scale or word order is found here as well. For making a demonstration history fast;
its provenance says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.errors import Refusal
from core.ids import new_id
from hardware import decoding, statuses
from hardware.decoding import ModbusAddress
from hardware.drivers.base import Point, Sample, Sink, WriteAnswer, decoded, unreached
from hardware.errors import LinkProblem
from hardware.simulators.cell import Cell
from hardware.simulators.lines import MODBUS_SERVER, OPCUA_SERVER, Lines
from hardware.simulators.models.unit import Number
from hardware.simulators.nodes import NAMESPACE, NODES, PlantNode
from hardware.simulators.registers import MAPS, Register, RegisterMap

NODE_PREFIX = f"nsu={NAMESPACE};s="
BY_NODE = {f"{NODE_PREFIX}{node.identifier}": node for node in NODES}
BY_UNIT_ID = {plan.unit_id: plan for plan in MAPS}
Values = Mapping[str, Number]


@dataclass(frozen=True, slots=True)
class _Node:
    """Where an OPC UA point comes from."""

    node: PlantNode

    @property
    def unit(self) -> str:
        return self.node.device

    @property
    def server(self) -> str:
        return OPCUA_SERVER

    @property
    def tag(self) -> str:
        return self.node.tag

    def sample(self, point: Point, values: Values, cell: Cell) -> Sample:
        shown = self.node.shown(values[self.node.tag])
        raw = f"{'Int32' if self.node.is_word else 'Double'} {shown!r}"
        return decoded(
            point,
            lambda: Decimal(shown) if isinstance(shown, int) else decoding.from_float(shown),
            raw=raw,
            status=statuses.GOOD,
            source_at=cell.now,
        )


@dataclass(frozen=True, slots=True)
class _Words:
    """Where a Modbus point comes from: a register, one bit of it, or a coil."""

    plan: RegisterMap
    register: Register | None
    place: ModbusAddress

    @property
    def unit(self) -> str:
        return self.plan.unit

    @property
    def server(self) -> str:
        return MODBUS_SERVER

    @property
    def tag(self) -> str:
        return self.plan.coils[self.place.start] if self.register is None else self.register.tag

    def sample(self, point: Point, values: Values, _cell: Cell) -> Sample:
        register = self.register
        words = [int(values[self.tag])] if register is None else register.words(values[self.tag])

        def wire() -> Decimal:
            if self.place.bit is not None:
                return Decimal(words[0] >> self.place.bit & 1)
            return decoding.decode(words, point.data_type, point.byte_order, point.word_order)

        return decoded(point, wire, raw=decoding.hex_words(words), status=statuses.GOOD)


_Source = _Node | _Words


class InProcessDriver:
    """One line to the units of a cell that lives in this process."""

    version = "in-process simulator 1"

    def __init__(self, cell: Cell, lines: Lines) -> None:
        self._cell = cell
        self._lines = lines
        self._session = ""
        self._sources: dict[str, _Source] = {}
        self._frozen: dict[str, Values] = {}

    @property
    def identity(self) -> str:
        """There is no partner but the models themselves."""
        return "simulated cell in this process"

    @property
    def session(self) -> str:
        """Name of this connection."""
        return self._session

    async def connect(self) -> None:
        """Nothing has to be opened."""
        self._session = str(new_id())

    async def read(self, points: Sequence[Point], *, hurry: bool = False) -> list[Sample]:
        """What each point shows now; those of a cut device are not reached."""
        values: dict[str, Values | None] = {}
        found = []
        for point in points:
            source = self._source(point)
            if source.unit not in values:
                values[source.unit] = self._values(source)
            shown = values[source.unit]
            if shown is None:
                found.append(unreached(point, "the line is cut"))
            else:
                found.append(source.sample(point, shown, self._cell))
        return found

    async def subscribe(self, points: Sequence[Point], sink: Sink) -> None:
        """The values of now; later ones come with sweeps, because nothing happens in between."""
        sink(await self.read(points))
        await asyncio.Event().wait()

    async def write(self, point: Point, value: Decimal) -> WriteAnswer:
        """The model takes or refuses the value, as its server would."""
        source = self._source(point)
        if self._is_cut(source):
            return WriteAnswer(False, True, statuses.NAMES[statuses.BAD_NO_COMMUNICATION])
        wire = point.wire(value)
        scale = source.register.scale if isinstance(source, _Words) and source.register else 1.0
        number: Number = int(wire) if wire == int(wire) and scale == 1.0 else float(wire)
        try:
            self._cell.unit(source.unit).write(source.tag, round(number * scale, 6))
        except Refusal as refusal:
            return WriteAnswer(False, True, refusal.fact)
        return WriteAnswer(True, True, "Good")

    async def browse(self, place: str) -> list[str]:
        """Addresses of the cell that begin with `place`."""
        return sorted(address for address in BY_NODE if address.startswith(place))

    async def close(self) -> None:
        """Nothing has to be closed."""

    def _source(self, point: Point) -> _Source:
        """Where the point comes from. LinkProblem for an address that nothing stands behind."""
        if point.key not in self._sources:
            self._sources[point.key] = _find(point)
        return self._sources[point.key]

    def _is_cut(self, source: _Source) -> bool:
        return self._lines.is_cut(source.unit) or self._lines.is_cut(source.server)

    def _values(self, source: _Source) -> Values | None:
        """What the unit shows; of a frozen one what it showed at first, None for a cut one."""
        if self._is_cut(source):
            return None
        if not self._lines.is_frozen(source.unit):
            self._frozen.pop(source.unit, None)
            return self._cell.values(source.unit)
        return self._frozen.setdefault(source.unit, self._cell.values(source.unit))


def _find(point: Point) -> _Source:
    if point.unit_id is None:
        node = BY_NODE.get(point.address)
        if node is None:
            raise LinkProblem(f"the cell has no node {point.address}")
        return _Node(node)
    plan, place = BY_UNIT_ID.get(point.unit_id), decoding.parse_address(point.address)
    if plan is None:
        raise LinkProblem(f"the cell has no unit id {point.unit_id}")
    if place.table == "C" and place.start < len(plan.coils):
        return _Words(plan, None, place)
    registers = {"IR": plan.inputs, "HR": plan.holdings}.get(place.table, ())
    for register in registers:
        if register.address == place.start:
            return _Words(plan, register, place)
    raise LinkProblem(f"unit id {point.unit_id} has nothing at {point.address}")
