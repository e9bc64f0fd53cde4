"""Words for codes: nothing that only a program reads reaches paper."""

from __future__ import annotations

import pytest

from ebr.report import words


@pytest.mark.parametrize(
    ("low", "high", "shown"),
    [
        ("1.0", "2.5", "1.0 to 2.5"),
        ("3", "3", "3"),
        (None, "48", "≤ 48"),
        ("10", None, "≥ 10"),
        (None, None, ""),
    ],
)
def test_a_range_reads_as_a_sentence(low: str | None, high: str | None, shown: str) -> None:
    assert words.limits(low, high) == shown


def test_names_in_expressions_become_labels_and_numbers_stay() -> None:
    labels = {"G170.lod": "G170 Loss on drying", "G080.base_power": "G080 Base power"}
    assert words.expression("mean(G170.lod) > 2.5 %", labels) == "mean(G170 Loss on drying) > 2.5 %"
    assert words.expression("5.5 kW + G080.base_power", labels) == "5.5 kW + G080 Base power"


def test_names_of_formula_and_unknown_names_lose_their_underscores() -> None:
    assert words.named("formula.starch_inside", {}) == "formula starch inside"
    assert words.named("X1.peak_force[]", {}) == "X1.peak force"


def test_a_code_without_a_word_is_shown_as_its_own_words() -> None:
    assert words.word(words.GRADES, "from_the_moon") == "from the moon"
    assert words.action("lot.put_aside") == "lot put aside"


def test_a_count_has_no_unit() -> None:
    assert words.with_unit("12", "1") == "12"
    assert words.with_unit("12", "kg") == "12 kg"
    assert words.with_unit("12", None) == "12"


def test_units_are_printed_as_people_write_them() -> None:
    assert words.with_unit("41.9", "Cel") == "41.9 °C"
    assert words.with_unit("2000", "m3/h") == "2000 m³/h"


def test_only_a_first_letter_is_raised() -> None:
    assert words.capital("released for QA") == "Released for QA"
    assert words.capital("≤ 3") == "≤ 3"
    assert words.capital("") == ""


@pytest.mark.parametrize(
    ("count", "shown"), [(9_999, "9999 bytes"), (10_000, "10 kB"), (12_345_678, "12.3 MB")]
)
def test_sizes_are_for_people(count: int, shown: str) -> None:
    assert words.size(count) == shown
