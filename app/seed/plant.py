"""Rooms' equipment of the demonstration site: units, scales, monitors and their status."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from core.actors import Actor
from core.house import House
from hardware import setup_commands
from hardware.setup_commands import NewEquipment
from hardware.words import Cleaning

PLENTY = timedelta(days=180)
CLEAN_HOLD = timedelta(days=7)
TOOL_COUNTER = "TAB-01.KQ203"
TOOL_LIMIT = Decimal(5_000_000)
BIN_TARES = ("61.20", "61.85", "62.40", "62.90", "63.30", "63.85")


def _scale(readability: str, capacity: str, minimum: str) -> dict[str, Any]:
    return {
        "readability": readability,
        "capacity": capacity,
        "minimum_net": minimum,
        "weighing_range_kg": [minimum, capacity],
        "unit": "kg",
    }


def units(at: datetime) -> list[NewEquipment]:
    """Every unit as it stands at the first start: free, clean where it must be, calibrated."""
    return [*_process_units(at), *_scales(at), *_bins(at), *_instruments(at)]


def _clean(
    number: str, name: str, class_: str, room: str, at: datetime, **more: Any
) -> NewEquipment:
    return NewEquipment(
        number=number,
        name=name,
        equipment_class=class_,
        room=room,
        cleaning=Cleaning.CLEAN,
        clean_until=at + more.pop("hold", CLEAN_HOLD),
        calibration_due=at + timedelta(days=more.pop("calibrated", 180)),
        **more,
    )


def _process_units(at: datetime) -> list[NewEquipment]:
    return [
        _clean(
            "GRA-01",
            "High-shear granulator 400 L",
            "high_shear_granulator",
            "1.12",
            at,
            properties={
                "working_volume_l": ["120", "300"],
                "baseline": {"SC101": "0", "SC102": "0"},
            },
        ),
        _clean(
            "BV-01",
            "Binder vessel 60 L",
            "binder_vessel",
            "1.12",
            at,
            parent="GRA-01",
            properties={"working_volume_l": ["5", "60"]},
        ),
        _clean(
            "GRA-02",
            "High-shear granulator 150 L",
            "high_shear_granulator",
            "1.12",
            at,
            properties={"working_volume_l": ["45", "110"]},
        ),
        _clean(
            "FBD-01",
            "Fluid-bed dryer 400 L",
            "fluid_bed_dryer",
            "1.12",
            at,
            calibrated=12,
            properties={
                "working_volume_l": ["120", "400"],
                "baseline": {"TC103": "20.0", "FC102": "0"},
            },
        ),
        _clean("MIL-01", "Cone mill", "cone_mill", "1.13", at, properties={"screens_mm": ["1.0"]}),
        _clean("MIL-02", "Wet mill", "wet_mill", "1.12", at, properties={"screens_mm": ["8.0"]}),
        _clean("SIF-01", "Sifter", "sifter", "1.12", at, properties={"screens_mm": ["1.0", "0.5"]}),
        _clean(
            "BLE-01",
            "Bin blender",
            "bin_blender",
            "1.13",
            at,
            properties={"speed_/min": ["3", "15"]},
        ),
        _clean(
            "TAB-01",
            "Rotary tablet press",
            "rotary_press",
            "1.14",
            at,
            properties={"baseline": {"SC201": "30.0", "ID201": "21553", "ID202": "3"}},
        ),
        _clean(
            "PK-2",
            "Bottle line 2",
            "bottle_line",
            "1.30",
            at,
            properties={"speed_/min": ["10", "45"]},
        ),
        _clean(
            "TS-12",
            "Tool set 36 x 12.5 mm",
            "tool_set_36x12_5",
            "1.14",
            at,
            counter_tag=TOOL_COUNTER,
            counter_limit=TOOL_LIMIT,
        ),
    ]


def _scales(at: datetime) -> list[NewEquipment]:
    kinds = [
        ("WGH-01", "Floor scale dispensary", "floor_scale", "1.04", 60, "0.01", "150", "8.20"),
        ("WGH-02", "Bench scale dispensary", "bench_scale", "1.04", 25, "0.001", "35", "0.820"),
        ("WGH-03", "Floor scale blending", "floor_scale", "1.13", 60, "0.01", "300", "8.20"),
        (
            "BAL-01",
            "Precision balance 1",
            "precision_balance",
            "1.04",
            60,
            "0.00001",
            "6.2",
            "0.0082",
        ),
        (
            "BAL-02",
            "Precision balance 2",
            "precision_balance",
            "1.04",
            -1,
            "0.00001",
            "6.2",
            "0.0082",
        ),
    ]
    return [
        NewEquipment(
            number=number,
            name=name,
            equipment_class=class_,
            room=room,
            properties=_scale(readability, capacity, minimum),
            calibration_due=at + timedelta(days=days),
            calibration_last_good=at - timedelta(days=38 if number == "WGH-02" else 30),
            check_required=number in ("WGH-01", "WGH-02", "BAL-01", "BAL-02"),
        )
        for number, name, class_, room, days, readability, capacity, minimum in kinds
    ]


def _bins(at: datetime) -> list[NewEquipment]:
    return [
        _clean(
            f"IBC-{place:02d}",
            f"Bin {place}, 300 L",
            "bin_300",
            "1.20",
            at,
            properties={"working_volume_l": ["60", "300"], "tare_kg": tare},
        )
        for place, tare in enumerate(BIN_TARES, start=1)
    ]


def _instruments(at: datetime) -> list[NewEquipment]:
    plain = [
        ("MET-01", "Metal detector", "metal_detector", "1.14"),
        ("TTS-01", "Tablet tester", "tablet_tester", "1.14"),
        ("FRI-01", "Friability tester", "friability_tester", "1.10"),
        ("DIS-01", "Disintegration tester", "disintegration_tester", "1.10"),
        ("MOI-01", "Moisture analyser", "moisture_analyser", "1.10"),
        ("EMS-01", "Room monitor", "room_monitor", "site"),
        ("PW-03", "Purified water point 3", "water_point", "1.12"),
        ("BAL-05", "IPC balance at bottle line 2", "ipc_balance", "1.30"),
        ("MTR-01", "Energy meter", "energy_meter", "site"),
    ]
    return [
        NewEquipment(
            number=number,
            name=name,
            equipment_class=class_,
            room=room,
            calibration_due=at + PLENTY,
            calibration_last_good=at - timedelta(days=30),
        )
        for number, name, class_, room in plain
    ]


def seed(
    house: House, at: datetime, *, made: Sequence[NewEquipment] | None = None, by: Actor
) -> None:
    """Enter every unit into the master data; `made` instead of what stands there at `at`."""
    for unit in made if made is not None else units(at):
        house.perform(setup_commands.register_equipment, unit, by=by)
