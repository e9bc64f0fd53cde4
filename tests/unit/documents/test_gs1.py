"""Identifiers on labels, and what scanners and people send back."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from decimal import Decimal

import pytest
from biip.sscc import Sscc
from hypothesis import given
from hypothesis import strategies as st

from documents import gs1
from documents.errors import CodeNotPrintable, CodeUnreadable
from documents.gs1 import parse_scan

GTIN = "09521234500018"
DRUM = "095212340000001010"


def test_the_drums_of_the_demo_plant_carry_right_check_digits() -> None:
    assert gs1.make_sscc("9521234", 101) == DRUM
    assert gs1.make_sscc("9521234", 102) == "095212340000001027"


@given(serial=st.integers(0, 10**9 - 1), extension=st.integers(0, 9))
def test_every_sscc_passes_an_independent_check(serial: int, extension: int) -> None:
    sscc = gs1.make_sscc("9521234", serial, extension=extension)
    assert Sscc.parse(sscc).value == sscc
    assert parse_scan(sscc).sscc == sscc


@pytest.mark.parametrize(("serial", "extension"), [(10**9, 0), (-1, 0), (1, 10)])
def test_an_sscc_that_does_not_fit_is_refused(serial: int, extension: int) -> None:
    with pytest.raises(CodeNotPrintable):
        gs1.make_sscc("9521234", serial, extension=extension)


@pytest.mark.parametrize(
    "typed", ["PA-0411", "P-101", "GRA-01", "1.04", "B-2045", "1.12-S", "TS-12", "12345", "100010"]
)
def test_a_plain_code_typed_by_hand_stays_what_it_is(typed: str) -> None:
    assert parse_scan(typed) == gs1.ScannedCode(text=typed)
    assert not parse_scan(f" {typed}\r\n").is_gs1


def test_a_qr_symbology_prefix_is_not_part_of_the_code() -> None:
    assert parse_scan("]Q1P-101").text == "P-101"


@pytest.mark.parametrize("raw", [DRUM, f"00{DRUM}", f"(00){DRUM}", f"]d200{DRUM}", f"]C100{DRUM}"])
def test_a_container_is_found_however_its_sscc_was_sent(raw: str) -> None:
    code = parse_scan(raw)
    assert (code.text, code.sscc, code.is_gs1) == (DRUM, DRUM, True)


@pytest.mark.parametrize("separator", ["\x1d", "\u241d", "{GS}", "<GS>"])
def test_fnc1_and_its_stand_ins_end_a_lot(separator: str) -> None:
    code = parse_scan(f"]d201{GTIN}10PA-0411{separator}17270225")
    assert (code.lot, code.expiry) == ("PA-0411", date(2027, 2, 25))


def test_a_leading_fnc1_is_ignored() -> None:
    assert parse_scan(f"\x1d01{GTIN}10PA-0411").lot == "PA-0411"


def test_all_elements_of_a_lot_come_back_as_they_were_printed() -> None:
    printed = gs1.goods_elements(
        GTIN, lot="PA-0411", expiry=date(2027, 2, 25), net_weight_kg=Decimal("10.250")
    )
    assert printed == f"(01){GTIN}(3103)010250(17)270225(10)PA-0411"
    code = parse_scan(printed)
    assert code == gs1.ScannedCode(
        text="PA-0411",
        gtin=GTIN,
        lot="PA-0411",
        expiry=date(2027, 2, 25),
        net_weight_kg=Decimal("10.250"),
    )
    assert str(code.net_weight_kg) == "10.250"


def test_printed_elements_in_another_order_mean_the_same() -> None:
    code = parse_scan(f"(10)PA-0411 (17)270225 (01){GTIN}")
    assert (code.gtin, code.lot, code.expiry) == (GTIN, "PA-0411", date(2027, 2, 25))


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        ("]d20109521234500019", "check digit"),
        ("(01)09521234500019(10)PA-0411", "check digit"),
        ("]C100095212340000001011", "check digit"),
        ("095212340000001011", "check digit"),
        ("]E09521234500019", "check digit"),
        (f"]d201{GTIN}17271340", "damaged"),
        ("]d20109521", "damaged"),
        ("]d2", "empty"),
        ("  \r\n", "empty"),
        ("PA-\x0004", "no label of ours"),
        ("A" * 121, "no label of ours"),
        ("]d2420276", "no SSCC, GTIN or lot"),
    ],
)
def test_a_damaged_code_is_refused_and_never_taken_for_a_plain_one(raw: str, why: str) -> None:
    with pytest.raises(CodeUnreadable, match=why) as refusal:
        parse_scan(raw)
    assert "scan again" in refusal.value.resolver


def test_digits_that_are_no_key_are_not_read_as_gs1() -> None:
    """A batch number of digits may begin like an application identifier."""
    assert parse_scan("1012345678").text == "1012345678"
    assert parse_scan("10ABC").text == "10ABC"


@pytest.mark.parametrize("lot", ["", "X" * 21, "PA 0411", "PA(04)", "Wójcik"])
def test_a_lot_that_gs1_cannot_carry_is_refused(lot: str) -> None:
    with pytest.raises(CodeNotPrintable):
        gs1.goods_elements(GTIN, lot=lot)


@pytest.mark.parametrize("weight", ["1.1234567", "1000000", "-1.0"])
def test_a_weight_that_does_not_fit_its_identifier_is_refused(weight: str) -> None:
    with pytest.raises(CodeNotPrintable):
        gs1.goods_elements(GTIN, lot="A", net_weight_kg=Decimal(weight))


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_but_never_breaks(raw: str) -> None:
    with suppress(CodeUnreadable):
        assert parse_scan(raw).text
