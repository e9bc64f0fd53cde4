"""The in-process driver: the plant's tag maps against the models, without a socket."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from hardware import demo_plant, statuses
from hardware.drivers.base import Point, Sample
from hardware.drivers.inprocess import InProcessDriver
from hardware.errors import LinkProblem
from hardware.setup_commands import TagSpec
from hardware.simulators.errors import CommandRefused
from hardware.simulators.local import LocalCell

START = datetime(2026, 8, 3, 6, 0, tzinfo=UTC)
UNITS = {
    device.name: device.unit
    for device in demo_plant.devices(opcua="opc.tcp://127.0.0.1:1", modbus="127.0.0.1:1")
}


def point(unit: str, spec: TagSpec) -> Point:
    return Point(
        key=f"{unit}.{spec.name}",
        device=spec.device,
        unit_id=UNITS[spec.device],
        address=spec.address,
        data_type=spec.data_type,
        byte_order=spec.byte_order,
        word_order=spec.word_order,
        scale=spec.scale,
        offset=spec.offset,
        decimals=spec.decimals,
        unit=spec.unit,
        sampling_ms=spec.sampling_ms,
    )


POINTS = {
    found.key: found
    for unit, specs in demo_plant.tag_maps().items()
    for found in (point(unit, spec) for spec in specs)
}


@pytest.fixture
def cell() -> LocalCell:
    """A cell at rest, whose real time stands still."""
    return LocalCell(real=lambda: START)


def driver(cell: LocalCell) -> InProcessDriver:
    made = InProcessDriver(cell.cell, cell.lines)
    asyncio.run(made.connect())
    return made


def read(cell: LocalCell, *keys: str) -> dict[str, Sample]:
    found = asyncio.run(driver(cell).read([POINTS[key] for key in keys]))
    return {sample.key: sample for sample in found}


@pytest.mark.urs("URS-PRO-010")
def test_every_tag_of_the_plant_is_found_and_good(cell: LocalCell) -> None:
    samples = read(cell, *POINTS)
    assert set(samples) == set(POINTS)
    assert {sample.status for sample in samples.values()} == {statuses.GOOD}
    assert all(sample.value is not None and sample.raw for sample in samples.values())


def test_a_weight_goes_through_its_registers_and_status_bits(cell: LocalCell) -> None:
    cell.place("WGH-01", 25.5)
    cell.advance(START + timedelta(seconds=10))
    samples = read(cell, "WGH-01.WI501", "WGH-01.XS501", "WGH-01.XS503")
    assert samples["WGH-01.WI501"].value == Decimal("25.50")
    assert samples["WGH-01.WI501"].raw == "41CC 0000"
    assert samples["WGH-01.XS501"].value == Decimal(1)
    assert samples["WGH-01.XS503"].value == Decimal(0)


def test_only_a_value_of_opc_ua_carries_the_time_of_its_device(cell: LocalCell) -> None:
    samples = read(cell, "FBD-01.TI102", "TAB-01.SI201")
    assert samples["FBD-01.TI102"].source_at == START
    assert samples["TAB-01.SI201"].source_at is None


@pytest.mark.urs("URS-PRO-040")
def test_a_cut_device_is_not_reached_and_comes_back_by_itself(cell: LocalCell) -> None:
    cell.cut("FBD-01", 40)
    samples = read(cell, "FBD-01.TI102", "GRA-01.TI101")
    assert not samples["FBD-01.TI102"].reached
    assert samples["FBD-01.TI102"].value is None
    assert samples["GRA-01.TI101"].reached
    cell.advance(START + timedelta(seconds=41))
    assert read(cell, "FBD-01.TI102")["FBD-01.TI102"].reached


def test_a_frozen_device_shows_what_it_showed(cell: LocalCell) -> None:
    link = driver(cell)
    cell.lines.freeze("WGH-01")
    before = asyncio.run(link.read([POINTS["WGH-01.WI502"]]))[0].value
    cell.place("WGH-01", 10.0)
    cell.advance(START + timedelta(seconds=10))
    assert asyncio.run(link.read([POINTS["WGH-01.WI502"]]))[0].value == before
    cell.restore("WGH-01")
    assert asyncio.run(link.read([POINTS["WGH-01.WI502"]]))[0].value == Decimal("10.00")


@pytest.mark.urs("URS-PRO-050")
@pytest.mark.parametrize(
    ("tag", "value"), [("FBD-01.TC103", "60.0"), ("TAB-01.SC201", "40.0"), ("TAB-01.XC201", "1")]
)
def test_a_written_value_is_shown_again(cell: LocalCell, tag: str, value: str) -> None:
    answer = asyncio.run(driver(cell).write(POINTS[tag], Decimal(value)))
    assert (answer.taken, answer.answered) == (True, True)
    assert read(cell, tag)[tag].value == Decimal(value)


@pytest.mark.urs("URS-PRO-050")
def test_a_value_that_the_model_refuses_has_no_effect(cell: LocalCell) -> None:
    before = read(cell, "FBD-01.TC103")["FBD-01.TC103"].value
    answer = asyncio.run(driver(cell).write(POINTS["FBD-01.TC103"], Decimal(81)))
    assert (answer.taken, answer.answered) == (False, True)
    assert "20 to 80" in answer.status
    assert read(cell, "FBD-01.TC103")["FBD-01.TC103"].value == before


def test_nothing_is_written_over_a_cut_line(cell: LocalCell) -> None:
    cell.cut("FBD-01")
    answer = asyncio.run(driver(cell).write(POINTS["FBD-01.TC103"], Decimal(60)))
    assert not answer.taken
    cell.restore("FBD-01")
    assert read(cell, "FBD-01.TC103")["FBD-01.TC103"].value == Decimal("20.0")


@pytest.mark.parametrize(
    "changes",
    [
        {"address": "IR 55"},
        {"address": "C 3"},
        {"unit_id": 99},
        {"unit_id": None, "address": "nsu=urn:demo:gran;s=FBD01.NONE"},
    ],
)
def test_an_address_that_nothing_stands_behind_is_refused(
    cell: LocalCell, changes: dict[str, object]
) -> None:
    wrong = replace(POINTS["TAB-01.SI201"], **changes)  # type: ignore[arg-type]  # of several types
    with pytest.raises(LinkProblem):
        asyncio.run(driver(cell).read([wrong]))


def test_a_set_point_and_a_hidden_quantity_are_set_by_one_name(cell: LocalCell) -> None:
    cell.set("TAB-01", "SC201", 45.0)
    cell.set("TAB-01", "tool_counter", 4_000_000)
    assert read(cell, "TAB-01.SC201")["TAB-01.SC201"].value == Decimal("45.0")
    assert cell.tool_counter() == 4_000_000


def test_a_refusal_of_the_model_reaches_who_asked(cell: LocalCell) -> None:
    with pytest.raises(CommandRefused, match="start permit"):
        cell.start("TAB-01", mode="production")


def test_models_follow_the_offset_that_an_advance_sets(cell: LocalCell) -> None:
    cell.advance(START + timedelta(minutes=5))
    assert cell.now() == START + timedelta(minutes=5)
    cell.advance(START + timedelta(minutes=1))
    assert cell.now() == START + timedelta(minutes=5)
