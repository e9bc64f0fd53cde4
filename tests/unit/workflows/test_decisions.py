"""Decision tables of each hit policy, carried out by our own expressions."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.support.bpmn import bpmn, business_rule, end, process, start, step, task
from workflows.expressions import language
from workflows.expressions.types import UNKNOWN, Given
from workflows.importing import import_procedure
from workflows.names import declared_names

ENTERED = (
    '<bw:parameter code="lod" dataType="decimal" unit="%" decimals="2"/>'
    '<bw:parameter code="wet" dataType="boolean"/>'
)
Rules = tuple[tuple[str, str], ...]
BANDS: Rules = (("K.lod < 2 %", "1"), ("K.lod < 3 %", "2"), ("K.wet", "3"))
APART: Rules = (("K.lod < 2 %", "1"), ("K.lod >= 2 % and K.lod < 3 %", "2"), ("K.wet", "3"))
AGREE: Rules = (("K.lod < 2 %", "1"), ("K.lod < 3 %", "1"), ("K.wet", "2"))


def result(
    policy: str, rules: Rules, lod: str | None, wet: bool | None, aggregation: str = ""
) -> object:
    """What the table gives for these values."""
    table = business_rule("R", policy, *rules, aggregation=aggregation)
    keyed = task("K", step("K", ENTERED, kind="entry"))
    data = bpmn(process("OP", start(), keyed, table, end(), flows="start > K > R > end"))
    procedure = import_procedure(data).procedure
    text = procedure.step("R").parameter("result").expression
    assert text is not None
    given: dict[str, Given] = {"K.lod": None if lod is None else Decimal(lod), "K.wet": wet}
    compiled = language.compile(text, declared_names(procedure), unit="1")
    return compiled.evaluate({name: given[name] for name in compiled.names}).value


@pytest.mark.urs("URS-MRC-040", "URS-EXE-050")
@pytest.mark.parametrize(
    ("policy", "rules", "lod", "wet", "wanted"),
    [
        ("first", BANDS, "1.5", True, 1),
        ("first", BANDS, "2", True, 2),
        ("first", BANDS, "3", True, 3),
        ("first", BANDS, "3", False, UNKNOWN),
        ("first", BANDS, "1.5", None, 1),
        ("first", BANDS, None, True, UNKNOWN),
        ("unique", APART, "1.5", False, 1),
        ("unique", APART, "2.5", False, 2),
        ("unique", APART, "2.5", True, UNKNOWN),
        ("unique", APART, "9", False, UNKNOWN),
        ("unique", APART, "1.5", None, UNKNOWN),
        ("any", AGREE, "1.5", False, 1),
        ("any", AGREE, "2.5", False, 1),
        ("any", AGREE, "9", True, 2),
        ("any", AGREE, "1.5", True, UNKNOWN),
        ("any", AGREE, "9", False, UNKNOWN),
    ],
)
def test_a_table_gives_what_its_policy_says_or_nothing(
    policy: str, rules: Rules, lod: str | None, wet: bool | None, wanted: object
) -> None:
    assert result(policy, rules, lod, wet) == wanted


@pytest.mark.urs("URS-MRC-040")
@pytest.mark.parametrize(
    ("aggregation", "lod", "wet", "wanted"),
    [
        ("sum", "1.5", True, 6),
        ("sum", "2.5", False, 2),
        ("sum", "9", False, 0),
        ("count", "1.5", True, 3),
        ("count", "9", False, 0),
        ("minimum", "1.5", True, 1),
        ("minimum", "2.5", True, 2),
        ("minimum", "9", False, UNKNOWN),
        ("maximum", "1.5", True, 3),
        ("maximum", "1.5", False, 2),
        ("maximum", "1.5", None, UNKNOWN),
    ],
)
def test_collected_values_are_aggregated(
    aggregation: str, lod: str, wet: bool | None, wanted: object
) -> None:
    assert result("collect", BANDS, lod, wet, aggregation) == wanted


def test_one_rule_alone_is_collected() -> None:
    assert result("collect", (("K.wet", "7"),), "1", True, "minimum") == 7
    assert result("collect", (("K.wet", "7"),), "1", False, "minimum") is UNKNOWN


def test_quantities_are_summed_in_their_unit() -> None:
    table = business_rule(
        "R", "collect", ("true", "1.5 kg"), ("true", "500 g"), aggregation="sum", unit="kg"
    )
    data = bpmn(process("OP", start(), task("K"), table, end(), flows="start > K > R > end"))
    procedure = import_procedure(data).procedure
    text = procedure.step("R").parameter("result").expression or ""
    compiled = language.compile(text, declared_names(procedure), unit="kg")
    assert compiled.evaluate({}).exact == 2
