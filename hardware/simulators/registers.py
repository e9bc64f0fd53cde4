"""Modbus registers of the simulated units (demo plant, section 10): 0-based, big-endian bytes.

The table is the simulators' own, written from the plant description and not from the tag map of
the gateway, so that a wrong address on either side is found on the wire.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

Number = float | int


class Encoding(StrEnum):
    """How a value lies in its registers; `float32` with the high word first."""

    INT16 = "int16"
    UINT16 = "uint16"
    UINT32 = "uint32"
    FLOAT32 = "float32"


FORMATS = {Encoding.INT16: ">h", Encoding.UINT16: ">H", Encoding.UINT32: ">I"}
LIMITS = {
    Encoding.INT16: (-(2**15), 2**15 - 1),
    Encoding.UINT16: (0, 2**16 - 1),
    Encoding.UINT32: (0, 2**32 - 1),
}


@dataclass(frozen=True, slots=True)
class Register:
    """One value at a 0-based address; on the wire it is an integer count of `scale`."""

    address: int
    tag: str
    encoding: Encoding
    scale: float = 1.0

    @property
    def size(self) -> int:
        """Number of 16-bit words."""
        return 2 if self.encoding in (Encoding.UINT32, Encoding.FLOAT32) else 1

    def words(self, value: Number) -> list[int]:
        """The register contents; a value beyond the format shows its last possible value."""
        if self.encoding is Encoding.FLOAT32:
            data = struct.pack(">f", value)
        else:
            low, high = LIMITS[self.encoding]
            data = struct.pack(
                FORMATS[self.encoding], min(high, max(low, round(value / self.scale)))
            )
        return list(struct.unpack(f">{self.size}H", data))


@dataclass(frozen=True, slots=True)
class RegisterMap:
    """All registers of one Modbus unit id, and the simulated unit behind it."""

    unit_id: int
    unit: str
    inputs: tuple[Register, ...]
    holdings: tuple[Register, ...] = ()
    coils: tuple[str, ...] = ()
    input_count: int = field(default=100)

    def input_words(self, values: Mapping[str, Number]) -> list[int]:
        """Input registers from address 0; addresses without a value read as zero."""
        return _image(self.inputs, values, 0, self.input_count)

    def holding_words(self, values: Mapping[str, Number]) -> list[int]:
        """Holding registers from the lowest address used."""
        first, count = self.holding_span
        return _image(self.holdings, values, first, count)

    @property
    def holding_span(self) -> tuple[int, int]:
        """First address and number of holding registers; (0, 0) without any."""
        if not self.holdings:
            return 0, 0
        first = min(register.address for register in self.holdings)
        last = max(register.address + register.size for register in self.holdings)
        return first, last - first

    def holding_at(self, address: int) -> Register | None:
        """The holding register that begins at the address."""
        return next((r for r in self.holdings if r.address == address), None)


def _image(
    registers: Iterable[Register], values: Mapping[str, Number], first: int, count: int
) -> list[int]:
    words = [0] * count
    for register in registers:
        begin = register.address - first
        words[begin : begin + register.size] = register.words(values[register.tag])
    return words


F32, I16, U16, U32 = Encoding.FLOAT32, Encoding.INT16, Encoding.UINT16, Encoding.UINT32


def _scale(unit_id: int, unit: str) -> RegisterMap:
    return RegisterMap(
        unit_id,
        unit,
        (
            Register(0, "WI501", F32),
            Register(2, "WI502", F32),
            Register(4, "WI503", F32),
            Register(6, "XS501", U16),
        ),
    )


def _rooms(bases: Mapping[str, int]) -> tuple[Register, ...]:
    return tuple(
        Register(base + offset, f"{room}/{tag}", I16, 0.1)
        for room, base in bases.items()
        for offset, tag in enumerate(("TI401", "MI401", "PDI401"))
    )


PRESS = RegisterMap(
    1,
    "TAB-01",
    inputs=(
        Register(0, "KQ201", U32),
        Register(2, "KQ202", U32),
        Register(4, "KQ203", U32),
        Register(6, "SI201", U16, 0.1),
        Register(7, "WI201", I16, 0.01),
        Register(8, "WI202", I16, 0.01),
        Register(9, "WI203", U16),
        Register(11, "XS201", U16),
        Register(12, "XS202", U16),
        Register(90, "ID201", U16),
        Register(91, "ID201_VERSION", U16),
    ),
    holdings=(Register(100, "SC201", U16, 0.1),),
    coils=("XC201",),
)
BLENDER = RegisterMap(
    4, "BLE-01", (Register(0, "SI301", I16, 0.1), Register(1, "KQ301", U32)), input_count=10
)
BOTTLES = RegisterMap(
    31,
    "PK-2",
    inputs=(
        Register(0, "XS801", U16),
        Register(1, "SI801", U16, 0.1),
        Register(2, "WI801", U16, 0.01),
        Register(3, "KQ801", U32),
        Register(5, "KQ802", U32),
    ),
    input_count=10,
)
BIOREACTOR = RegisterMap(
    41,
    "BRX-01",
    inputs=tuple(
        Register(2 * place, tag, F32)
        for place, tag in enumerate(
            (
                *("TI901", "AI901", "OI901", "SI901", "PI901", "PDI902", "PDI905"),
                *("WI901", "WI902", "WI903"),
            )
        )
    ),
    holdings=tuple(
        Register(100 + place, tag, U16, scale)
        for place, (tag, scale) in enumerate(
            (("TC901", 0.1), ("AC901", 0.01), ("OC901", 0.1), ("SC901", 1.0))
        )
    ),
    input_count=20,
)
MAPS: tuple[RegisterMap, ...] = (
    PRESS,
    BLENDER,
    BOTTLES,
    BIOREACTOR,
    _scale(11, "WGH-01"),
    _scale(12, "WGH-02"),
    _scale(13, "BAL-01"),
    _scale(14, "BAL-02"),
    _scale(15, "WGH-03"),
    RegisterMap(21, "EMS-01", _rooms({"1.04": 0, "1.12": 10, "1.13": 20, "1.14": 30})),
    RegisterMap(22, "PW-03", (Register(0, "QI601", U16, 0.01), Register(1, "FQ601", F32))),
    RegisterMap(23, "MTR-01", (Register(0, "JQ901", U32, 0.01), Register(2, "FQ901", U32, 0.01))),
)
