"""Device and tags of the bioreactor of the example recipe REC-0030; no part of the demo plant.

A site gets them with `batchwright example bioreactor`. The simulated cell has the machine always.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal as D

from hardware.demo_plant import DemoDevice
from hardware.setup_commands import TagSpec
from hardware.words import Protocol, SourceTime, TagType

UNIT = "BRX-01"
UNIT_ID = 41
# Name, what, unit, highest value, decimals; of the set point: name, scale, range, tolerance.
MEASURED = (
    ("TI901", "culture temperature", "Cel", "60", 2, ("TC901", "0.1", "2", "40", "0.1")),
    ("AI901", "pH", "1", "14", 2, ("AC901", "0.01", "6", "8", "0.01")),
    ("OI901", "dissolved oxygen", "%", "100", 1, ("OC901", "0.1", "0", "100", "0.5")),
    ("SI901", "agitation", "/min", "200", 0, ("SC901", "1", "0", "150", "1")),
    ("PI901", "overpressure", "mbar", "500", 0, None),
    ("PDI902", "exhaust filter, pressure drop", "mbar", "500", 0, None),
    ("PDI905", "room pressure", "Pa", "50", 0, None),
    ("WI901", "medium in the vessel", "kg", "250", 1, None),
    ("WI902", "last feed", "kg", "50", 2, None),
    ("WI903", "harvest tank, net", "kg", "300", 1, None),
)


def device(modbus: str) -> DemoDevice:
    """The bioreactor on the Modbus server of the cell (host:port)."""
    return DemoDevice(
        name=UNIT, protocol=Protocol.MODBUS, endpoint=modbus, unit=UNIT_ID, writable=True
    )


def tag_map() -> list[TagSpec]:
    """Measured values on input registers (float32), set points on holding registers (uint16)."""
    found = []
    for place, (name, what, unit, high, decimals, point) in enumerate(MEASURED):
        measured = TagSpec(
            name=name,
            description=what,
            device=UNIT,
            address=f"IR {2 * place}",
            data_type=TagType.FLOAT32,
            unit=unit,
            decimals=decimals,
            range_low=D(0),
            range_high=D(high),
            source_time=SourceTime.NONE,
            simulated=True,
        )
        found.append(measured)
        if point is not None:
            found.append(_set_point(measured, f"HR {100 + place}", *point))
    return found


def _set_point(
    measured: TagSpec, address: str, name: str, scale: str, low: str, high: str, tolerance: str
) -> TagSpec:
    return replace(
        measured,
        name=name,
        description=f"{measured.description}, set point",
        address=address,
        data_type=TagType.UINT16,
        scale=D(scale),
        writable=True,
        write_low=D(low),
        write_high=D(high),
        tolerance=D(tolerance),
    )
