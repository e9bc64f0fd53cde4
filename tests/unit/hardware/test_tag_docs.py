"""The page of tags says what the maps of the demo plant hold, and the maps hold together."""

from __future__ import annotations

from pathlib import Path

import pytest

from hardware import demo_plant
from hardware.setup_commands import TagSpec
from hardware.words import Protocol, SourceTime

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "tags.md"


def row(unit: str, tag: TagSpec) -> str:
    """One line of the table."""
    span = "" if tag.range_low is None else f"{tag.range_low} to {tag.range_high}"
    write = f"{tag.write_low} to {tag.write_high} ± {tag.tolerance}" if tag.writable else ""
    scale = "" if tag.scale == 1 else f" × {tag.scale}"
    address = tag.address.removeprefix(f"nsu={demo_plant.NAMESPACE};")
    cells = (
        f"{unit}.{tag.name}", tag.description, tag.device, f"`{address}`",
        f"{tag.data_type}{scale}", tag.unit, span, write, str(tag.stale_seconds),
    )  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def test_the_page_lists_every_tag_as_it_is() -> None:
    page = PAGE.read_text()
    rows = [row(unit, tag) for unit, tags in demo_plant.tag_maps().items() for tag in tags]
    listed = [
        line
        for line in page.splitlines()
        if any(line.startswith(f"| {unit}.") for unit in demo_plant.tag_maps())
    ]
    assert listed == rows


@pytest.mark.urs("URS-PRO-030")
def test_the_maps_of_the_plant_hold_together() -> None:
    devices = {d.name: d for d in demo_plant.devices(opcua="opc.tcp://h:1", modbus="h:2")}
    for unit, tags in demo_plant.tag_maps().items():
        assert len({tag.name for tag in tags}) == len(tags), unit
        for tag in tags:
            device = devices[tag.device]
            assert tag.simulated
            assert not tag.writable or device.writable
            is_modbus = device.protocol is Protocol.MODBUS
            assert is_modbus == (tag.source_time is SourceTime.NONE)
