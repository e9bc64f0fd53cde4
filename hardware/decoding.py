"""Registers to values and back, in all four orders, and the planning of block reads (pure).

Names of byte orders are not portable between products, so a map says two things only: whether the
high byte comes first in a word, and whether the high word comes first in a value. Each tag is
proven with a known value at commissioning (URS-PRO-030).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from hardware.errors import DecodeProblem
from hardware.words import Order, TagType

FORMATS = {
    TagType.INT16: ">h",
    TagType.UINT16: ">H",
    TagType.INT32: ">i",
    TagType.UINT32: ">I",
    TagType.FLOAT32: ">f",
    TagType.FLOAT64: ">d",
}
WIDEST_READ = 125
ADDRESS = re.compile(r"(IR|HR|C|DI) (\d{1,5})(?:\.(\d{1,2}))?")


@dataclass(frozen=True, slots=True)
class ModbusAddress:
    """A place in one of the four tables, 0-based; `bit` is one bit of a register."""

    table: str
    start: int
    bit: int | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """One read request: `count` registers (or bits) from `start` of a table."""

    table: str
    start: int
    count: int

    def holds(self, start: int, count: int) -> bool:
        """The whole value lies inside: multi-register values come from one read only."""
        return self.start <= start and start + count <= self.start + self.count


@cache
def parse_address(text: str) -> ModbusAddress:
    """Read ``IR 0``, ``HR 100``, ``C 0``, ``DI 3`` or ``IR 6.2``. Raises DecodeProblem."""
    found = ADDRESS.fullmatch(text)
    if found is None or int(found[2]) > 0xFFFF or int(found[3] or 0) > 15:
        raise DecodeProblem(f"{text!r} is no Modbus address; write for example IR 0 or HR 100")
    if found[3] is not None and found[1] in ("C", "DI"):
        raise DecodeProblem(f"{text!r}: a coil has no bits")
    return ModbusAddress(found[1], int(found[2]), None if found[3] is None else int(found[3]))


def decode(
    registers: Sequence[int],
    data_type: TagType,
    byte_order: Order = Order.HIGH_FIRST,
    word_order: Order = Order.HIGH_FIRST,
) -> Decimal:
    """The number in these registers, exactly; the shortest decimal that gives the same float.

    Raises DecodeProblem when the count is wrong or the float is not finite.
    """
    if len(registers) != data_type.registers:
        raise DecodeProblem(
            f"{len(registers)} registers came where {data_type} needs {data_type.registers}"
        )
    if data_type is TagType.BOOL:
        return Decimal(1 if registers[0] else 0)
    content = _to_bytes(registers, byte_order, word_order)
    (number,) = struct.unpack(FORMATS[data_type], content)
    if isinstance(number, float):
        return from_float(number, single=data_type is TagType.FLOAT32)
    return Decimal(number)


def encode(
    value: Decimal,
    data_type: TagType,
    byte_order: Order = Order.HIGH_FIRST,
    word_order: Order = Order.HIGH_FIRST,
) -> list[int]:
    """The registers that hold this wire value. DecodeProblem when the type cannot hold it."""
    if data_type is TagType.BOOL:
        return [1 if value else 0]
    try:
        content = struct.pack(FORMATS[data_type], _number(value, data_type))
    except (struct.error, OverflowError) as error:
        raise DecodeProblem(f"{value} does not fit into {data_type}") from error
    return _to_registers(content, byte_order, word_order)


def from_float(number: float, *, single: bool = False) -> Decimal:
    """The shortest decimal that reads back as this float. DecodeProblem when not finite."""
    if not math.isfinite(number):
        raise DecodeProblem(f"the device sent {number}, which is no number")
    return Decimal(_shortest_single(number) if single else repr(number))


def to_engineering(
    wire: Decimal, *, scale: Decimal, offset: Decimal, decimals: int | None
) -> Decimal:
    """Engineering value of a wire value, rounded half up to the decimals of the tag."""
    value = wire * scale + offset
    if decimals is None:
        return value
    return value.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_UP)


def to_wire(value: Decimal, *, data_type: TagType, scale: Decimal, offset: Decimal) -> Decimal:
    """Wire value of an engineering value. DecodeProblem when the wire cannot express it."""
    wire = (value - offset) / scale
    if data_type not in (TagType.FLOAT32, TagType.FLOAT64) and wire != wire.to_integral_value():
        raise DecodeProblem(f"{value} is finer than the device can hold (steps of {scale})")
    return wire


def plan_blocks(
    spans: Iterable[tuple[str, int, int]], *, max_gap: int = 32, max_span: int = WIDEST_READ
) -> list[Block]:
    """Few read requests that cover all spans (table, start, count).

    Neighbours are joined when at most `max_gap` unused registers lie between them and the block
    stays within `max_span`; a value is never cut in two. Raises ValueError for a span that is wider
    than one request.
    """
    blocks: list[Block] = []
    for table, start, count in sorted(set(spans)):
        if count > max_span:
            raise ValueError(f"{count} registers do not fit into one request of {max_span}")
        last = blocks[-1] if blocks else None
        end = start + count
        if (
            last is not None
            and last.table == table
            and start - (last.start + last.count) <= max_gap
            and end - last.start <= max_span
        ):
            blocks[-1] = Block(table, last.start, max(last.count, end - last.start))
        else:
            blocks.append(Block(table, start, count))
    return blocks


def hex_words(registers: Sequence[int]) -> str:
    """Registers as people compare them: ``41C8 0000``."""
    return " ".join(f"{word:04X}" for word in registers)


def _to_bytes(registers: Sequence[int], byte_order: Order, word_order: Order) -> bytes:
    words = [word.to_bytes(2, "big") for word in registers]
    if byte_order is Order.LOW_FIRST:
        words = [word[::-1] for word in words]
    if word_order is Order.LOW_FIRST:
        words.reverse()
    return b"".join(words)


def _to_registers(content: bytes, byte_order: Order, word_order: Order) -> list[int]:
    words = [content[i : i + 2] for i in range(0, len(content), 2)]
    if byte_order is Order.LOW_FIRST:
        words = [word[::-1] for word in words]
    if word_order is Order.LOW_FIRST:
        words.reverse()
    return [int.from_bytes(word, "big") for word in words]


def _number(value: Decimal, data_type: TagType) -> float | int:
    return float(value) if data_type in (TagType.FLOAT32, TagType.FLOAT64) else int(value)


def _shortest_single(number: float) -> str:
    packed = struct.pack(">f", number)
    for digits in range(6, 9):
        short = f"{number:.{digits}g}"
        if struct.pack(">f", float(short)) == packed:
            return short
    return f"{number:.9g}"
