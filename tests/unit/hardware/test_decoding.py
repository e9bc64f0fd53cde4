"""Registers and values in all four orders, and few requests for many registers."""

from __future__ import annotations

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hardware.decoding import (
    Block,
    ModbusAddress,
    decode,
    encode,
    from_float,
    parse_address,
    plan_blocks,
    to_engineering,
    to_wire,
)
from hardware.errors import DecodeProblem
from hardware.words import Order, TagType

HIGH, LOW = Order.HIGH_FIRST, Order.LOW_FIRST
ORDERS = [(HIGH, HIGH), (HIGH, LOW), (LOW, HIGH), (LOW, LOW)]


@pytest.mark.urs("URS-PRO-030")
@pytest.mark.parametrize(
    ("words", "bytes_first", "words_first"),
    [
        ([0x41C8, 0x0000], HIGH, HIGH),
        ([0x0000, 0x41C8], HIGH, LOW),
        ([0xC841, 0x0000], LOW, HIGH),
        ([0x0000, 0xC841], LOW, LOW),
    ],
)
def test_the_same_float_reads_25_in_each_order(
    words: list[int], bytes_first: Order, words_first: Order
) -> None:
    assert decode(words, TagType.FLOAT32, bytes_first, words_first) == Decimal("25.0")
    assert encode(Decimal(25), TagType.FLOAT32, bytes_first, words_first) == words


@pytest.mark.urs("URS-PRO-030")
def test_a_wrong_word_order_does_not_read_25() -> None:
    assert abs(decode([0x0000, 0x41C8], TagType.FLOAT32)) < Decimal("1e-30")


@pytest.mark.parametrize(
    ("words", "data_type", "value"),
    [
        ([0xFFFF], TagType.INT16, "-1"),
        ([0xFFFF], TagType.UINT16, "65535"),
        ([0x8000, 0x0000], TagType.INT32, "-2147483648"),
        ([0xFFFF, 0xFFFF], TagType.UINT32, "4294967295"),
        ([0x3DCC, 0xCCCD], TagType.FLOAT32, "0.1"),
        ([0x3FB9, 0x9999, 0x9999, 0x999A], TagType.FLOAT64, "0.1"),
    ],
)
def test_each_type_at_its_edge(words: list[int], data_type: TagType, value: str) -> None:
    assert decode(words, data_type) == Decimal(value)
    assert encode(Decimal(value), data_type) == words


@pytest.mark.urs("URS-PRO-020")
def test_a_short_answer_or_no_number_is_refused() -> None:
    with pytest.raises(DecodeProblem, match="1 registers came where float32 needs 2"):
        decode([0x41C8], TagType.FLOAT32)
    with pytest.raises(DecodeProblem, match="no number"):
        decode([0x7FC0, 0x0000], TagType.FLOAT32)
    with pytest.raises(DecodeProblem, match="no number"):
        from_float(float("inf"))


@given(
    st.integers(-(2**31), 2**31 - 1),
    st.sampled_from(ORDERS),
)
def test_integers_survive_the_wire_in_each_order(value: int, order: tuple[Order, Order]) -> None:
    words = encode(Decimal(value), TagType.INT32, *order)
    assert decode(words, TagType.INT32, *order) == value


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(ORDERS))
def test_the_shortest_decimal_of_a_float_is_the_same_float(
    value: float, order: tuple[Order, Order]
) -> None:
    words = encode(Decimal(repr(value)), TagType.FLOAT32, *order)
    shown = decode(words, TagType.FLOAT32, *order)
    assert struct.pack(">f", float(shown)) == struct.pack(">f", value)


def test_a_value_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DecodeProblem, match="does not fit into uint16"):
        encode(Decimal(65536), TagType.UINT16)
    with pytest.raises(DecodeProblem, match="finer than the device"):
        to_wire(Decimal("40.05"), data_type=TagType.UINT16, scale=Decimal("0.1"), offset=Decimal(0))


def test_scaling_goes_both_ways_and_rounds_half_up() -> None:
    scale, offset = Decimal("0.1"), Decimal(-40)
    assert to_engineering(Decimal(605), scale=scale, offset=offset, decimals=1) == Decimal("20.5")
    wire = to_wire(Decimal("20.5"), data_type=TagType.INT16, scale=scale, offset=offset)
    assert wire == 605
    half = to_engineering(Decimal("0.25"), scale=Decimal(1), offset=Decimal(0), decimals=1)
    assert str(half) == "0.3"


@pytest.mark.parametrize("text", ["IR", "XX 1", "IR 70000", "C 0.1", "IR 6.16", "ir 1", "IR -1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(DecodeProblem):
        parse_address(text)


def test_addresses_name_table_register_and_bit() -> None:
    assert parse_address("HR 100") == ModbusAddress("HR", 100)
    assert parse_address("IR 6.2") == ModbusAddress("IR", 6, 2)


def test_near_neighbours_share_a_request_and_far_ones_do_not() -> None:
    spans = [("IR", 0, 2), ("IR", 6, 1), ("IR", 90, 1), ("HR", 100, 1)]
    near = plan_blocks(spans, max_gap=32)
    assert near == [Block("HR", 100, 1), Block("IR", 0, 7), Block("IR", 90, 1)]
    assert plan_blocks(spans, max_gap=100)[1] == Block("IR", 0, 91)
    assert plan_blocks([("IR", 0, 2), ("IR", 3, 1)], max_gap=0) == [
        Block("IR", 0, 2),
        Block("IR", 3, 1),
    ]


@given(
    st.sets(st.tuples(st.just("IR"), st.integers(0, 1000), st.integers(1, 4)), max_size=40),
    st.integers(0, 40),
    st.integers(4, 125),
)
def test_each_value_lies_in_one_block_and_no_block_is_too_wide(
    spans: set[tuple[str, int, int]], gap: int, width: int
) -> None:
    blocks = plan_blocks(spans, max_gap=gap, max_span=width)
    assert all(block.count <= width for block in blocks)
    for table, start, count in spans:
        assert any(block.table == table and block.holds(start, count) for block in blocks)


def test_a_value_wider_than_a_request_is_an_error() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        plan_blocks([("IR", 0, 126)])
