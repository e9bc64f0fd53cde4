"""Modbus TCP server over the cell, one unit id per device, loopback only.

Registers are encoded when they are read, so a reader sees the present model state and a step
costs nothing. The unit id of a cut or unknown device does not answer; a frozen one keeps its
registers. A write outside the range is answered with exception 3 (illegal data value), to an
address that is no set point with exception 2 (illegal data address).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import cast

from pymodbus.constants import ExcCodes
from pymodbus.exceptions import NoSuchIdException
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from core.errors import Refusal
from hardware.simulators.cell import Cell
from hardware.simulators.lines import MODBUS_SERVER, Lines
from hardware.simulators.pki import HOST
from hardware.simulators.registers import MAPS, RegisterMap

READ_COILS, READ_HOLDINGS, READ_INPUTS = 1, 3, 4
WRITE_COILS, WRITE_HOLDINGS = (5, 15), (6, 16)
Changed = Callable[[], Awaitable[None]]


class ModbusLine:
    """The Modbus server of the cell; `port` 0 lets the system choose one."""

    def __init__(self, cell: Cell, lines: Lines, *, port: int, changed: Changed) -> None:
        self._cell = cell
        self._lines = lines
        self._changed = changed
        self.port = port
        self._server: ModbusTcpServer | None = None
        self._frozen: dict[str, dict[str, float | int]] = {}

    async def start(self) -> None:
        """Listen; raises RuntimeError when the port is taken."""
        devices = [self._device(plan) for plan in MAPS]
        everybody_else = SimDevice(
            0, [SimData(0, count=65_535, values=0, datatype=DataType.REGISTERS)], action=_silence
        )
        self._server = ModbusTcpServer(
            [*devices, everybody_else], address=(HOST, self.port), ignore_missing_devices=True
        )
        await self._server.serve_forever(background=True)
        if self.port == 0:
            listener = cast(asyncio.Server, self._server.transport)
            self.port = listener.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Close the socket and every connection."""
        if self._server is not None:
            await self._server.shutdown()  # type: ignore[no-untyped-call]  # untyped library
            self._server = None

    async def open_socket(self) -> None:
        """Listen again on the same port after a cut of the whole server."""
        if self._server is None:
            await self.start()

    def _device(self, plan: RegisterMap) -> SimDevice:
        first, count = plan.holding_span
        bits = [SimData(0, count=1, values=[False] * 16, datatype=DataType.BITS)]
        holdings = [SimData(0, count=1, datatype=DataType.INVALID)]
        if count:
            holdings = [SimData(first, count=count, values=0, datatype=DataType.REGISTERS)]
        inputs = [SimData(0, count=plan.input_count, values=0, datatype=DataType.REGISTERS)]
        blocks = (bits, bits, holdings, inputs)
        return SimDevice(plan.unit_id, blocks, action=partial(self._act, plan))

    async def _act(
        self,
        plan: RegisterMap,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        new: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        """Called by pymodbus before it answers: bring the registers up to date, check writes."""
        if self._lines.is_cut(plan.unit) or self._lines.is_cut(MODBUS_SERVER):
            raise NoSuchIdException(plan.unit)
        if new is not None:
            return await self._write(plan, function, address, list(new))
        values = self._values(plan)
        if function == READ_INPUTS:
            registers[: plan.input_count] = plan.input_words(values)
        elif function == READ_HOLDINGS:
            registers[: plan.holding_span[1]] = plan.holding_words(values)
        elif function == READ_COILS:
            bits = sum(int(values[tag]) << place for place, tag in enumerate(plan.coils))
            registers[0] = bits
        return None

    def _values(self, plan: RegisterMap) -> dict[str, float | int]:
        return self._frozen.get(plan.unit) or self._cell.values(plan.unit)

    def publish(self) -> None:
        """Keep the values of devices that have just been frozen; let go those that were."""
        for plan in MAPS:
            if not self._lines.is_frozen(plan.unit):
                self._frozen.pop(plan.unit, None)
            elif plan.unit not in self._frozen:
                self._frozen[plan.unit] = self._cell.values(plan.unit)

    async def _write(
        self, plan: RegisterMap, function: int, address: int, new: list[int] | list[bool]
    ) -> ExcCodes | None:
        writes: list[tuple[str, float | int]] = []
        if function in WRITE_COILS and address + len(new) <= len(plan.coils):
            writes = [(plan.coils[address + i], int(bit)) for i, bit in enumerate(new)]
        elif function in WRITE_HOLDINGS:
            for offset, word in enumerate(new):
                register = plan.holding_at(address + offset)
                if register is None:
                    return ExcCodes.ILLEGAL_ADDRESS
                writes.append((register.tag, word * register.scale))
        if not writes:
            return ExcCodes.ILLEGAL_ADDRESS
        try:
            for tag, value in writes:
                self._cell.unit(plan.unit).write(tag, round(value, 6))
        except Refusal:
            return ExcCodes.ILLEGAL_VALUE
        await self._changed()
        return None


async def _silence(*_request: object) -> ExcCodes | None:
    """A unit id that nobody has: there is no answer on the line."""
    raise NoSuchIdException("nobody")
