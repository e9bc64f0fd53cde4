"""Granulation and drying as the gateway lives it: written and read on the wire every 10 s."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.node import Node

from hardware.simulators.control import ControlClient
from hardware.simulators.nodes import NODES
from tests.integration.hardware.simulators.conftest import RunningCell

TEN = timedelta(seconds=10)
Point = dict[str, float]


class Line:
    """All nodes of GRAN, read in one request after each advance."""

    def __init__(self, client: Client, control: ControlClient, nodes: dict[str, Node]) -> None:
        self._client = client
        self._control = control
        self._nodes = nodes

    @classmethod
    async def of(cls, client: Client, control: ControlClient) -> Line:
        index = await client.get_namespace_index("urn:demo:gran")
        names = {node.tag: f"ns={index};s={node.identifier}" for node in NODES}
        return cls(client, control, {tag: client.get_node(name) for tag, name in names.items()})

    async def write(self, tag: str, value: float) -> None:
        kind = ua.VariantType.Int32 if tag.startswith("XC") else ua.VariantType.Double
        await self._nodes[tag].write_value(value, kind)

    async def trend(self, done: Callable[[Point], bool]) -> list[Point]:
        """Advance by ten seconds and sample until done."""
        points: list[Point] = []
        while not points or not done(points[-1]):
            assert len(points) < 600, points[-1]
            self._control.advance(self._control.now() + TEN)
            values = await self._client.read_values(list(self._nodes.values()))
            points.append(dict(zip(self._nodes, values, strict=True)))
        return points


def complete(tag: str, command: int) -> Callable[[Point], bool]:
    """True when the phase that the START command names is COMPLETE."""
    return lambda point: point[tag] == command + 2


async def story(cell: RunningCell) -> dict[str, list[Point]]:
    trends = {}
    async with cell.connected() as client:
        with cell.control() as control:
            control.charge("GRA-01", "powder", 94.0)
            control.charge("BV-01", "water", 17.0)
            control.charge("BV-01", "povidone", 3.0)
            line = await Line.of(client, control)
            await line.write("SC101", 80.0)
            await line.write("XC101", 101)
            count = iter(range(30))
            trends["dry mix"] = await line.trend(lambda _: next(count) == 29)
            for name, word in (("binder", 201), ("massing", 301), ("discharge", 401)):
                await line.write("XC101", word)
                trends[name] = await line.trend(complete("XS101", word))
            await line.write("TC103", 60.0)
            await line.write("FC102", 2000.0)
            for name, word in (("drying", 101), ("drying again", 101), ("cooling", 201)):
                await line.write("XC102", word)
                trends[name] = await line.trend(complete("XS102", word))
    return trends


def test_the_recipe_runs_on_the_wire_inside_its_limits(cell: RunningCell) -> None:
    trends = asyncio.run(story(cell))
    base = [p["JI101"] for p in trends["dry mix"]][-3:]
    assert 6.5 <= sum(base) / 3 <= 9.5
    assert trends["binder"][-1]["FQ101"] == 20.0
    assert 4.4 * 6 <= len(trends["binder"]) <= 5.7 * 6
    end = trends["massing"][-1]
    assert 2.5 * 6 <= len(trends["massing"]) <= 3.5 * 6
    assert 13.7 <= end["JI101"] <= 14.3
    assert 115.0 <= end["SI101"] <= 125.0
    assert end["TI101"] < 40.0
    assert 50 * 6 <= len(trends["drying"]) <= 60 * 6
    assert max(p["TI102"] for p in trends["drying"] + trends["drying again"]) <= 46.0
    assert all(57.0 <= p["TI103"] <= 63.0 for p in trends["drying"][24:])
    assert all(1800.0 <= p["FI102"] <= 2200.0 for p in trends["drying"][3:])
    assert len(trends["drying again"]) in (60, 61)
    assert trends["cooling"][-1]["TI102"] <= 30.0
    assert 8 * 6 <= len(trends["cooling"]) <= 15 * 6
