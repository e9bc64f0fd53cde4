"""Tag maps of the demonstration site, as its author writes them and a second person approves.

Addresses and behaviour are those of the simulated cell: OPC UA server GRAN and one Modbus TCP
address with a unit id per machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal as D
from typing import Any

from app.acting import Person
from core.actors import Actor
from core.house import House
from hardware import setup_commands
from hardware.setup_commands import TagSpec
from hardware.words import Protocol, TagType

NAMESPACE = "urn:demo:gran"
GRAN = "GRAN"
MODBUS_UNITS = {
    "TAB-01": 1,
    "BLE-01": 4,
    "WGH-01": 11,
    "WGH-02": 12,
    "BAL-01": 13,
    "BAL-02": 14,
    "WGH-03": 15,
    "EMS-01": 21,
    "PW-03": 22,
    "MTR-01": 23,
}
WRITABLE = frozenset({"TAB-01"})
ROOMS = {"1.04": 0, "1.12": 10, "1.13": 20, "1.14": 30}


def _opc(unit: str, name: str, what: str, measure: str, **more: Any) -> TagSpec:
    node = f"{unit.replace('-', '')}.{name}"
    return TagSpec(
        name=name,
        description=what,
        device=GRAN,
        address=f"nsu={NAMESPACE};s={node}",
        data_type=more.pop("data_type", TagType.FLOAT64),
        unit=measure,
        simulated=True,
        **more,
    )


def _range(low: str, high: str) -> dict[str, Any]:
    return {"range_low": D(low), "range_high": D(high)}


def _write(low: str, high: str, tolerance: str) -> dict[str, Any]:
    return {
        "writable": True,
        "write_low": D(low),
        "write_high": D(high),
        "tolerance": D(tolerance),
    }


def _phase(unit: str, number: str) -> list[TagSpec]:
    whole = {"data_type": TagType.INT32, "decimals": 0}
    return [
        _opc(unit, f"XS{number}", "phase state", "1", **whole),
        _opc(unit, f"XC{number}", "phase command", "1", **whole, **_write("0", "999", "0")),
    ]


def _granulator() -> list[TagSpec]:
    unit = "GRA-01"
    return [
        _opc(
            unit,
            "SI101",
            "impeller speed",
            "/min",
            decimals=1,
            dead_band=D("0.5"),
            **_range("0", "200"),
        ),
        _opc(
            unit,
            "SC101",
            "impeller set point",
            "/min",
            decimals=1,
            **_range("0", "200"),
            **_write("0", "150", "2"),
        ),
        _opc(
            unit,
            "SI102",
            "chopper speed",
            "/min",
            decimals=0,
            dead_band=D(10),
            **_range("0", "3500"),
        ),
        _opc(
            unit,
            "SC102",
            "chopper set point",
            "/min",
            decimals=0,
            **_range("0", "3500"),
            **_write("0", "3000", "2"),
        ),
        _opc(
            unit,
            "JI101",
            "impeller power",
            "kW",
            decimals=2,
            dead_band=D("0.1"),
            **_range("0", "30"),
        ),
        _opc(
            unit,
            "TI101",
            "bowl product temperature",
            "Cel",
            decimals=1,
            dead_band=D("0.1"),
            **_range("0", "80"),
        ),
        _opc(
            unit,
            "FI101",
            "binder rate",
            "kg/min",
            decimals=2,
            dead_band=D("0.02"),
            **_range("0", "8"),
        ),
        _opc(unit, "FQ101", "binder total", "kg", decimals=2, **_range("0", "50")),
        *_phase(unit, "101"),
    ]


def _binder_vessel() -> list[TagSpec]:
    return [
        _opc(
            "BV-01",
            "WI111",
            "vessel weight",
            "kg",
            decimals=2,
            dead_band=D("0.02"),
            **_range("0", "80"),
        )
    ]


def _dryer() -> list[TagSpec]:
    unit = "FBD-01"
    return [
        _opc(
            unit,
            "TI102",
            "product temperature",
            "Cel",
            decimals=1,
            dead_band=D("0.1"),
            **_range("0", "100"),
        ),
        _opc(
            unit,
            "TI104",
            "exhaust temperature",
            "Cel",
            decimals=1,
            dead_band=D("0.1"),
            **_range("0", "100"),
        ),
        _opc(
            unit,
            "TI103",
            "inlet air temperature",
            "Cel",
            decimals=1,
            dead_band=D("0.2"),
            **_range("0", "120"),
        ),
        _opc(
            unit,
            "TC103",
            "inlet air set point",
            "Cel",
            decimals=1,
            **_range("0", "120"),
            **_write("20", "80", "0.5"),
        ),
        _opc(unit, "FI102", "air flow", "m3/h", decimals=0, dead_band=D(10), **_range("0", "4000")),
        _opc(
            unit,
            "FC102",
            "air flow set point",
            "m3/h",
            decimals=0,
            **_range("0", "4000"),
            **_write("0", "3000", "20"),
        ),
        _opc(
            unit,
            "PDI102",
            "filter pressure drop",
            "Pa",
            decimals=0,
            dead_band=D(10),
            **_range("0", "5000"),
        ),
        _opc(
            unit,
            "MI102",
            "moisture estimate",
            "%",
            decimals=2,
            dead_band=D("0.1"),
            gmp=False,
            **_range("0", "30"),
        ),
        *_phase(unit, "102"),
    ]


def _modbus(
    unit: str, name: str, what: str, address: str, type_: TagType, measure: str, **more: Any
) -> TagSpec:
    return TagSpec(
        name=name,
        description=what,
        device=unit,
        address=address,
        data_type=type_,
        unit=measure,
        simulated=True,
        **more,
    )


def _scale(unit: str, decimals: int, capacity: str) -> list[TagSpec]:
    reach = _range("-10", capacity)
    return [
        _modbus(
            unit, "WI501", "net weight", "IR 0", TagType.FLOAT32, "kg", decimals=decimals, **reach
        ),
        _modbus(
            unit, "WI502", "gross weight", "IR 2", TagType.FLOAT32, "kg", decimals=decimals, **reach
        ),
        _modbus(unit, "WI503", "tare", "IR 4", TagType.FLOAT32, "kg", decimals=decimals, **reach),
        _modbus(unit, "XS501", "stable", "IR 6.0", TagType.BOOL, "1"),
    ]


def _press() -> list[TagSpec]:
    unit, total = "TAB-01", {"rollover": D(4_294_967_295), "decimals": 0}
    tenth = {"scale": D("0.1"), "decimals": 1}
    return [
        _modbus(unit, "KQ201", "good tablets", "IR 0", TagType.UINT32, "1", **total),
        _modbus(unit, "KQ202", "rejected tablets", "IR 2", TagType.UINT32, "1", **total),
        _modbus(unit, "KQ203", "tool counter", "IR 4", TagType.UINT32, "1", **total),
        _modbus(
            unit,
            "SI201",
            "turret speed",
            "IR 6",
            TagType.UINT16,
            "/min",
            **tenth,
            **_range("0", "80"),
        ),
        _modbus(
            unit,
            "SC201",
            "turret set point",
            "HR 100",
            TagType.UINT16,
            "/min",
            **tenth,
            **_range("0", "80"),
            **_write("30", "50", "0.5"),
        ),
        _modbus(
            unit,
            "WI201",
            "main force",
            "IR 7",
            TagType.INT16,
            "kN",
            scale=D("0.01"),
            decimals=2,
            **_range("0", "80"),
        ),
        _modbus(
            unit,
            "WI202",
            "pre-force",
            "IR 8",
            TagType.INT16,
            "kN",
            scale=D("0.01"),
            decimals=2,
            **_range("0", "20"),
        ),
        _modbus(
            unit,
            "WI203",
            "ejection force",
            "IR 9",
            TagType.UINT16,
            "N",
            decimals=0,
            **_range("0", "2000"),
        ),
        _modbus(unit, "XS201", "machine state", "IR 11", TagType.UINT16, "1", decimals=0),
        _modbus(unit, "XS202", "stop reason", "IR 12", TagType.UINT16, "1", decimals=0),
        _modbus(unit, "XC201", "start permit", "C 0", TagType.BOOL, "1", **_write("0", "1", "0")),
        _modbus(unit, "ID201", "device code", "IR 90", TagType.UINT16, "1", decimals=0),
        _modbus(unit, "ID202", "program version", "IR 91", TagType.UINT16, "1", decimals=0),
    ]


def _blender() -> list[TagSpec]:
    return [
        _modbus(
            "BLE-01",
            "SI301",
            "blender speed",
            "IR 0",
            TagType.INT16,
            "/min",
            scale=D("0.1"),
            decimals=1,
            **_range("0", "20"),
        ),
        _modbus(
            "BLE-01",
            "KQ301",
            "revolutions",
            "IR 1",
            TagType.UINT32,
            "1",
            decimals=0,
            rollover=D(4_294_967_295),
        ),
    ]


def _rooms() -> list[TagSpec]:
    found = []
    slow = {"scale": D("0.1"), "decimals": 1, "stale_seconds": 30}
    for room, base in ROOMS.items():
        suffix = "" if room == "1.04" else f"_{room.replace('.', '_')}"
        found += [
            _modbus(
                "EMS-01",
                f"TI401{suffix}",
                f"temperature {room}",
                f"IR {base}",
                TagType.INT16,
                "Cel",
                **slow,
                **_range("0", "50"),
            ),
            _modbus(
                "EMS-01",
                f"MI401{suffix}",
                f"relative humidity {room}",
                f"IR {base + 1}",
                TagType.INT16,
                "%",
                **slow,
                **_range("0", "100"),
            ),
            _modbus(
                "EMS-01",
                f"PDI401{suffix}",
                f"pressure difference {room}",
                f"IR {base + 2}",
                TagType.INT16,
                "Pa",
                **slow,
                **_range("-50", "50"),
            ),
        ]
    return found


def _utilities() -> dict[str, list[TagSpec]]:
    return {
        "PW-03": [
            _modbus(
                "PW-03",
                "QI601",
                "water conductivity",
                "IR 0",
                TagType.UINT16,
                "uS/cm",
                scale=D("0.01"),
                decimals=2,
                stale_seconds=30,
                **_range("0", "20"),
            ),
            _modbus(
                "PW-03",
                "FQ601",
                "water drawn",
                "IR 1",
                TagType.FLOAT32,
                "kg",
                decimals=2,
                stale_seconds=30,
                **_range("0", "200"),
            ),
        ],
        "MTR-01": [
            _modbus(
                "MTR-01",
                "JQ901",
                "electrical energy",
                "IR 0",
                TagType.UINT32,
                "kW.h",
                scale=D("0.01"),
                decimals=2,
                stale_seconds=30,
            ),
            _modbus(
                "MTR-01",
                "FQ901",
                "compressed air",
                "IR 2",
                TagType.UINT32,
                "m3",
                scale=D("0.01"),
                decimals=2,
                stale_seconds=30,
            ),
        ],
    }


def maps() -> dict[str, list[TagSpec]]:
    """Tags by unit."""
    return {
        "GRA-01": _granulator(),
        "BV-01": _binder_vessel(),
        "FBD-01": _dryer(),
        "TAB-01": _press(),
        "BLE-01": _blender(),
        "WGH-01": _scale("WGH-01", 2, "160"),
        "WGH-02": _scale("WGH-02", 3, "40"),
        "WGH-03": _scale("WGH-03", 2, "320"),
        "BAL-01": _scale("BAL-01", 5, "7"),
        "BAL-02": _scale("BAL-02", 5, "7"),
        "EMS-01": _rooms(),
        **_utilities(),
    }


def seed(
    house: House, author: Person, approver: Person, *, opcua: str, modbus: str, by: Actor
) -> None:
    """Devices at these endpoints, and every map proposed by one person and approved by another."""
    house.perform(
        setup_commands.register_device,
        GRAN,
        protocol=Protocol.OPCUA,
        endpoint=opcua,
        settings={"policy": "Basic256Sha256", "mode": "SignAndEncrypt"},
        writable=True,
        by=by,
    )
    for name, unit in MODBUS_UNITS.items():
        house.perform(
            setup_commands.register_device,
            name,
            protocol=Protocol.MODBUS,
            endpoint=modbus,
            unit=unit,
            writable=name in WRITABLE,
            by=by,
        )
    for unit, specs in maps().items():
        _approve(house, unit, specs, author, approver)


def _approve(
    house: House, unit: str, specs: Iterable[TagSpec], author: Person, approver: Person
) -> None:
    version = house.perform(
        setup_commands.propose_tag_map,
        unit,
        list(specs),
        by=author.actor,
        record=f"equipment/{unit}",
    )
    house.perform(
        setup_commands.approve_tag_map, unit, version, by=approver.actor, record=f"equipment/{unit}"
    )
