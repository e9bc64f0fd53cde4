"""What the control channel can ask for: one function per command, in one table.

A command either does what it says and answers with facts, or raises a refusal and changes
nothing. Times are ISO 8601 with zone, masses kg, durations seconds of site time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from hardware.simulators.arguments import Arguments
from hardware.simulators.errors import ArgumentRefused
from hardware.simulators.plant import Plant

Answer = dict[str, Any]
Handler = Callable[[Plant, Arguments], Awaitable[Answer]]


async def _now(plant: Plant, arguments: Arguments) -> Answer:
    arguments.done()
    return {}


async def _advance(plant: Plant, arguments: Arguments) -> Answer:
    to = arguments.moment("to")
    offset = arguments.optional_seconds("offset")
    until_change = arguments.flag("until_change")
    arguments.done()
    changes = await plant.advance(to, offset=offset, until_change=until_change)
    found = [{"at": c.at.isoformat(), "unit": c.unit, "state": c.state} for c in changes]
    return {"reached": plant.cell.now.isoformat(), "changes": found}


async def _place(plant: Plant, arguments: Arguments) -> Answer:
    scale = plant.cell.scale(arguments.text("scale"))
    mass, label = arguments.number("mass"), arguments.text("label", "")
    arguments.done()
    scale.place(mass, label)
    return {}


async def _remove(plant: Plant, arguments: Arguments) -> Answer:
    scale = plant.cell.scale(arguments.text("scale"))
    arguments.done()
    scale.remove()
    return {}


async def _tare(plant: Plant, arguments: Arguments) -> Answer:
    scale = plant.cell.scale(arguments.text("scale"))
    arguments.done()
    scale.tare()
    return {"tare": scale.values()["WI503"]}


async def _start(plant: Plant, arguments: Arguments) -> Answer:
    plant.cell.unit(arguments.text("unit")).start(arguments.rest())
    return {}


async def _stop(plant: Plant, arguments: Arguments) -> Answer:
    unit = plant.cell.unit(arguments.text("unit"))
    arguments.done()
    unit.stop()
    return {}


async def _charge(plant: Plant, arguments: Arguments) -> Answer:
    code, material = arguments.text("unit"), arguments.text("material")
    mass = arguments.number("mass")
    arguments.done()
    plant.cell.charge(code, material, mass)
    return {}


async def _cut(plant: Plant, arguments: Arguments) -> Answer:
    device, seconds = arguments.text("device"), arguments.optional_number("seconds")
    arguments.done()
    plant.lines.cut(device, at=plant.cell.now, seconds=seconds)
    return {"lines": plant.lines.picture()}


async def _freeze(plant: Plant, arguments: Arguments) -> Answer:
    device = arguments.text("device")
    arguments.done()
    plant.lines.freeze(device)
    return {"lines": plant.lines.picture()}


async def _restore(plant: Plant, arguments: Arguments) -> Answer:
    device = arguments.text("device")
    arguments.done()
    plant.lines.restore(device)
    return {"lines": plant.lines.picture()}


async def _set(plant: Plant, arguments: Arguments) -> Answer:
    """A hidden quantity of a model, or a set point changed at the panel (URS-EQP-070)."""
    unit = plant.cell.unit(arguments.text("unit"))
    quantity, value = arguments.text("quantity"), arguments.number("value")
    arguments.done()
    if quantity in unit.set_points_by_hand:
        unit.write(quantity, value)
    else:
        unit.set(quantity, value)
    return {}


async def _tool_counter(plant: Plant, arguments: Arguments) -> Answer:
    arguments.done()
    return {"tool_counter": plant.cell.press.tool}


async def _state(plant: Plant, arguments: Arguments) -> Answer:
    arguments.done()
    return {
        "units": plant.cell.picture(),
        "lines": plant.lines.picture(),
        "devices": list(plant.lines.devices),
        "opcua": {"url": plant.opcua.url, "port": plant.opcua.port},
        "modbus": {"port": plant.modbus.port},
    }


COMMANDS: Mapping[str, Handler] = {
    "hello": _now,
    "now": _now,
    "advance": _advance,
    "place": _place,
    "remove": _remove,
    "tare": _tare,
    "start": _start,
    "stop": _stop,
    "charge": _charge,
    "cut": _cut,
    "freeze": _freeze,
    "restore": _restore,
    "set": _set,
    "tool_counter": _tool_counter,
    "state": _state,
}


async def perform(plant: Plant, command: str, given: Mapping[str, object]) -> Answer:
    """Carry out one command; the models are first brought to the present moment.

    Every answer carries `now` (site time of the models) and `offset` (seconds).
    """
    handler = COMMANDS.get(command)
    if handler is None:
        raise ArgumentRefused(f"there is no command {command!r}; known: {', '.join(COMMANDS)}")
    if command != "advance":
        await plant.follow()
    answer = await handler(plant, Arguments(command, given))
    if command not in ("advance", "hello", "now", "state", "tool_counter"):
        await plant.follow()
    times = {"now": plant.cell.now.isoformat(), "offset": plant.offset.total_seconds()}
    return {**times, **answer}
