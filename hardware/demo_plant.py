"""Devices and tag maps of the demo plant, as its tag-map author would write them.

The simulators have tables of their own; a wrong address on either side shows on the wire.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal as D

from hardware.setup_commands import TagSpec
from hardware.words import Protocol, SourceTime, TagType

NAMESPACE = "urn:demo:gran"
COUNTER_END = D(4_294_967_295)
ROOM_STALE_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDevice:
    """A device of the demo plant, as `register_device` takes it."""

    name: str
    protocol: Protocol
    endpoint: str
    unit: int | None = None
    writable: bool = False


def devices(*, opcua: str, modbus: str) -> list[DemoDevice]:
    """All devices; `opcua` is the URL of server GRAN, `modbus` host:port of the Modbus server."""
    units = {
        "TAB-01": 1, "BLE-01": 4, "WGH-01": 11, "WGH-02": 12, "BAL-01": 13, "BAL-02": 14,
        "WGH-03": 15, "EMS-01": 21, "PW-03": 22, "MTR-01": 23, "PK-2": 31,
    }  # fmt: skip
    gran = [
        DemoDevice(name=name, protocol=Protocol.OPCUA, endpoint=opcua, writable=True)
        for name in ("GRA-01", "FBD-01")
    ]
    return gran + [
        DemoDevice(
            name=name,
            protocol=Protocol.MODBUS,
            endpoint=modbus,
            unit=unit,
            writable=name == "TAB-01",
        )
        for name, unit in units.items()
    ]


def tag_maps() -> dict[str, list[TagSpec]]:
    """The tag map of each unit, by equipment number."""
    scales = {
        "WGH-01": (D(150), 2), "WGH-02": (D(35), 3), "WGH-03": (D(300), 2),
        "BAL-01": (D("6.2"), 5), "BAL-02": (D("6.2"), 5),
    }  # fmt: skip
    maps = {
        "GRA-01": _granulator(),
        "BV-01": [_analog("WI111", "binder vessel weight", "BV01", "kg", 80, 2, device="GRA-01")],
        "FBD-01": _dryer(),
        "TAB-01": _press(),
        "BLE-01": _blender(),
        "PK-2": _bottles(),
        "EMS-01": _rooms(),
        "PW-03": _water(),
        "MTR-01": _meter(),
    }
    return maps | {name: _scale(name, top, places) for name, (top, places) in scales.items()}


def _analog(
    name: str,
    description: str,
    group: str,
    unit: str,
    high: int,
    decimals: int,
    band: str = "0",
    device: str = "",
) -> TagSpec:
    return TagSpec(
        name=name,
        description=description,
        device=device or f"{group[:3]}-{group[3:]}",
        address=f"nsu={NAMESPACE};s={group}.{name}",
        data_type=TagType.FLOAT64,
        unit=unit,
        decimals=decimals,
        range_low=D(0),
        range_high=D(high),
        dead_band=D(band),
        simulated=True,
    )


def _set_point(measured: TagSpec, name: str, low: int, high: int, tolerance: str) -> TagSpec:
    return replace(
        measured,
        name=name,
        description=f"{measured.description}, set point",
        address=measured.address.rpartition(".")[0] + f".{name}",
        dead_band=D(0),
        writable=True,
        write_low=D(low),
        write_high=D(high),
        tolerance=D(tolerance),
    )


def _word(name: str, description: str, group: str, *, writable: bool = False) -> TagSpec:
    """A state or command word: phase x 100 + ISA-88 number of state or command."""
    return TagSpec(
        name=name,
        description=description,
        device=f"{group[:3]}-{group[3:]}",
        address=f"nsu={NAMESPACE};s={group}.{name}",
        data_type=TagType.INT32,
        unit="1",
        range_low=D(0),
        range_high=D(9999),
        writable=writable,
        write_low=D(0) if writable else None,
        write_high=D(9999) if writable else None,
        tolerance=D(0) if writable else None,
        simulated=True,
    )


def _granulator() -> list[TagSpec]:
    group = "GRA01"
    impeller = _analog("SI101", "impeller speed", group, "/min", 200, 1, "0.5")
    chopper = _analog("SI102", "chopper speed", group, "/min", 3500, 0, "10")
    return [
        impeller,
        _set_point(impeller, "SC101", 0, 150, "2"),
        chopper,
        _set_point(chopper, "SC102", 0, 3000, "2"),
        _analog("JI101", "impeller power", group, "kW", 30, 2, "0.1"),
        _analog("TI101", "bowl product temperature", group, "Cel", 80, 1, "0.1"),
        _analog("FI101", "binder rate", group, "kg/min", 8, 2, "0.02"),
        _analog("FQ101", "binder total", group, "kg", 50, 2),
        _word("XS101", "phase state", group),
        _word("XC101", "phase command", group, writable=True),
    ]


def _dryer() -> list[TagSpec]:
    group = "FBD01"
    inlet = _analog("TI103", "inlet air temperature", group, "Cel", 120, 1, "0.2")
    air = _analog("FI102", "air flow", group, "m3/h", 4000, 0, "10")
    moisture = _analog("MI102", "moisture estimate", group, "%", 30, 2, "0.1")
    return [
        _analog("TI102", "product temperature", group, "Cel", 100, 1, "0.1"),
        _analog("TI104", "exhaust temperature", group, "Cel", 100, 1, "0.1"),
        inlet,
        _set_point(inlet, "TC103", 20, 80, "0.5"),
        air,
        _set_point(air, "FC102", 0, 3000, "20"),
        _analog("PDI102", "filter pressure drop", group, "Pa", 5000, 0, "10"),
        replace(moisture, gmp=False),
        _word("XS102", "phase state", group),
        _word("XC102", "phase command", group, writable=True),
    ]


def _register(
    device: str,
    name: str,
    description: str,
    address: str,
    data_type: TagType,
    unit: str = "1",
    *,
    high: int | None = None,
    low: int | None = 0,
    scale: str = "1",
    decimals: int | None = None,
) -> TagSpec:
    return TagSpec(
        name=name,
        description=description,
        device=device,
        address=address,
        data_type=data_type,
        unit=unit,
        scale=D(scale),
        decimals=decimals,
        range_low=None if high is None or low is None else D(low),
        range_high=None if high is None else D(high),
        rollover=COUNTER_END if data_type is TagType.UINT32 else None,
        source_time=SourceTime.NONE,
        simulated=True,
    )


def _scale(device: str, top: D, decimals: int) -> list[TagSpec]:
    def weight(name: str, description: str, address: str) -> TagSpec:
        plain = _register(device, name, description, address, TagType.FLOAT32, "kg")
        # With a container off a tared scale the net weight is negative, down to the capacity.
        return replace(plain, range_low=-top, range_high=top, decimals=decimals)

    def bit(name: str, description: str, place: int) -> TagSpec:
        return _register(device, name, description, f"IR 6.{place}", TagType.BOOL)

    return [
        weight("WI501", "net weight", "IR 0"),
        weight("WI502", "gross weight", "IR 2"),
        weight("WI503", "tare", "IR 4"),
        bit("XS501", "weight is stable", 0),
        bit("XS502", "weight is in range", 1),
        bit("XS503", "scale shows zero", 2),
    ]


def _blender() -> list[TagSpec]:
    speed = _register(
        "BLE-01", "SI301", "blender speed", "IR 0", TagType.INT16, "/min",
        high=20, scale="0.1", decimals=1,
    )  # fmt: skip
    return [speed, _register("BLE-01", "KQ301", "revolutions", "IR 1", TagType.UINT32)]


def _bottles() -> list[TagSpec]:
    unit = "PK-2"
    return [
        _register(unit, "XS801", "state (PackML number)", "IR 0", TagType.UINT16),
        _register(
            unit, "SI801", "bottles a minute", "IR 1", TagType.UINT16, "/min",
            high=60, scale="0.1", decimals=1,
        ),
        _register(
            unit, "WI801", "check-weigher, net mass", "IR 2", TagType.UINT16, "g",
            high=200, scale="0.01", decimals=2,
        ),
        _register(unit, "KQ801", "good bottles", "IR 3", TagType.UINT32),
        _register(unit, "KQ802", "rejected bottles", "IR 5", TagType.UINT32),
    ]  # fmt: skip


def _press() -> list[TagSpec]:
    unit = "TAB-01"
    speed = _register(
        unit, "SI201", "turret speed", "IR 6", TagType.UINT16, "/min",
        high=80, scale="0.1", decimals=1,
    )  # fmt: skip
    set_point = replace(
        speed,
        name="SC201",
        description="turret speed, set point",
        address="HR 100",
        writable=True,
        write_low=D(30),
        write_high=D(50),
        tolerance=D("0.5"),
    )
    permit = replace(
        _register(unit, "XC201", "start permit", "C 0", TagType.BOOL),
        writable=True,
        write_low=D(0),
        write_high=D(1),
        tolerance=D(0),
    )
    force = {"scale": "0.01", "decimals": 2}
    return [
        _register(unit, "KQ201", "good tablets", "IR 0", TagType.UINT32),
        _register(unit, "KQ202", "rejected tablets", "IR 2", TagType.UINT32),
        _register(unit, "KQ203", "tablets made with the tool set", "IR 4", TagType.UINT32),
        speed,
        set_point,
        _register(unit, "WI201", "main force", "IR 7", TagType.INT16, "kN", high=80, **force),  # type: ignore[arg-type]  # two keywords
        _register(unit, "WI202", "pre-force", "IR 8", TagType.INT16, "kN", high=20, **force),  # type: ignore[arg-type]  # two keywords
        _register(unit, "WI203", "ejection force", "IR 9", TagType.UINT16, "N", high=2000),
        _register(unit, "XS201", "state (PackML number)", "IR 11", TagType.UINT16),
        _register(unit, "XS202", "stop reason", "IR 12", TagType.UINT16),
        permit,
        _register(unit, "ID201", "device code", "IR 90", TagType.UINT16),
        _register(unit, "ID202", "program version", "IR 91", TagType.UINT16),
    ]


def _rooms() -> list[TagSpec]:
    """Room 1.04 has the names of the recipe; the others carry the room in theirs."""
    found = []
    for room, base in (("1.04", 0), ("1.12", 10), ("1.13", 20), ("1.14", 30)):
        suffix = "" if room == "1.04" else f"_{room.replace('.', '')}"
        for offset, (name, what, unit, low, high) in enumerate(
            (
                ("TI401", "temperature", "Cel", 0, 50),
                ("MI401", "humidity", "%", 0, 100),
                ("PDI401", "pressure difference", "Pa", -50, 50),
            )
        ):
            tag = _register(
                "EMS-01", name + suffix, f"{what} of room {room}", f"IR {base + offset}",
                TagType.INT16, unit, low=low, high=high, scale="0.1", decimals=1,
            )  # fmt: skip
            found.append(replace(tag, stale_seconds=ROOM_STALE_SECONDS))
    return found


def _water() -> list[TagSpec]:
    quality = _register(
        "PW-03", "QI601", "conductivity at 25 Cel", "IR 0", TagType.UINT16, "uS/cm",
        high=20, scale="0.01", decimals=2,
    )  # fmt: skip
    drawn = _register(
        "PW-03", "FQ601", "water drawn", "IR 1", TagType.FLOAT32, "kg", high=200, decimals=2
    )
    return [quality, drawn]


def _meter() -> list[TagSpec]:
    power = _register(
        "MTR-01", "JQ901", "electrical energy", "IR 0", TagType.UINT32, "kW.h",
        scale="0.01", decimals=2,
    )  # fmt: skip
    air = _register(
        "MTR-01", "FQ901", "compressed air", "IR 2", TagType.UINT32, "m3",
        scale="0.01", decimals=2,
    )  # fmt: skip
    slow: Sequence[TagSpec] = (power, air)
    return [replace(tag, stale_seconds=ROOM_STALE_SECONDS, gmp=False) for tag in slow]
