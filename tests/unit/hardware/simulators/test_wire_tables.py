"""Registers and nodes against the plant description (demo plant, section 10)."""

from __future__ import annotations

import struct
from datetime import UTC, datetime

import pytest

from hardware.simulators.cell import Cell
from hardware.simulators.nodes import NODES, PlantNode, unit_id
from hardware.simulators.registers import MAPS, Encoding, Register, RegisterMap

CELL = Cell(datetime(2026, 3, 2, 6, 0, tzinfo=UTC))


@pytest.mark.urs("URS-PRO-030")
@pytest.mark.parametrize(
    ("encoding", "scale", "value", "words"),
    [
        (Encoding.FLOAT32, 1.0, 25.0, [0x41C8, 0x0000]),
        (Encoding.UINT32, 1.0, 4_900_000, [74, 50_336]),
        (Encoding.INT16, 0.1, -1.5, [0xFFF1]),
        (Encoding.UINT16, 0.01, 0.6, [60]),
        (Encoding.INT16, 0.01, 400.0, [0x7FFF]),
        (Encoding.UINT16, 1.0, -3, [0]),
    ],
)
def test_a_value_lies_in_its_registers(
    encoding: Encoding, scale: float, value: float, words: list[int]
) -> None:
    assert Register(0, "TEST", encoding, scale).words(value) == words


@pytest.mark.parametrize("plan", MAPS, ids=lambda plan: str(plan.unit))
def test_registers_do_not_overlap_and_every_tag_has_a_value(plan: RegisterMap) -> None:
    values = CELL.values(plan.unit)
    for registers in (plan.inputs, plan.holdings):
        used = [r.address + i for r in registers for i in range(r.size)]
        assert len(used) == len(set(used))
        assert {r.tag for r in registers} <= set(values)
    assert set(plan.coils) <= set(values)


def test_unit_ids_are_those_of_the_plant_description() -> None:
    assert {plan.unit_id: plan.unit for plan in MAPS} == {
        1: "TAB-01",
        4: "BLE-01",
        11: "WGH-01",
        12: "WGH-02",
        13: "BAL-01",
        14: "BAL-02",
        15: "WGH-03",
        21: "EMS-01",
        22: "PW-03",
        23: "MTR-01",
        31: "PK-2",
        41: "BRX-01",
    }


def test_the_input_image_of_a_scale_is_net_gross_tare_status() -> None:
    plan = next(plan for plan in MAPS if plan.unit == "WGH-01")
    values = {"WI501": 25.0, "WI502": 26.5, "WI503": 1.5, "XS501": 3}
    data = struct.pack(">7H", *plan.input_words(values)[:7])
    assert struct.unpack(">fffH", data) == (25.0, 26.5, 1.5, 3)


def test_the_unit_of_measure_carries_the_number_of_its_code() -> None:
    assert unit_id("CEL") == 4_408_652


def test_every_node_has_a_value_in_the_cell_and_a_unique_name() -> None:
    assert all(node.tag in CELL.values(node.device) for node in NODES)
    assert len({node.identifier for node in NODES}) == len(NODES) == 21


@pytest.mark.parametrize(("value", "shown"), [(21.04, 21.0), (21.06, 21.1), (-3.0, 0.0), (999, 80)])
def test_an_instrument_shows_whole_steps_inside_its_range(value: float, shown: float) -> None:
    assert PlantNode("G", "T", "GRA-01", "Cel", 0, 80, 0.1).shown(value) == shown
