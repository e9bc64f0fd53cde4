"""The expression language: values, units, missing inputs, bounds and refusals."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workflows.expressions import language, tokens, tree
from workflows.expressions.errors import ExpressionError
from workflows.expressions.types import BOOLEAN, UNKNOWN, Given, number, text

NAMES = {
    "G170.lod": number("%"),
    "G170.mean": number("%"),
    "G170.round": number(),
    "G060.net": number("kg"),
    "D040.net": number("kg"),
    "formula.100010": number("kg"),
    "FBD.TI102": number("Cel"),
    "rate.flow": number("kg/min"),
    "clear.answer": text("clear", "cloudy"),
    "door.closed": BOOLEAN,
    "round": number(),
}


def value(expression: str, unit: str | None = None, **values: Given) -> object:
    given_values = {name.replace("__", "."): v for name, v in values.items()}
    return language.compile(expression, NAMES, unit=unit).evaluate(given_values).value


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("1 + 2 * 3", Decimal(7)),
        ("(1 + 2) * 3", Decimal(9)),
        ("0.1 + 0.2 = 0.3", True),
        ("-2 - -3", Decimal(1)),
        ("2 - 3 - 4", Decimal(-5)),
        ("12 / 4 / 3", Decimal(1)),
        ("not false and true", True),
        ("true or false and false", True),
        ("not 1 = 2", True),
        ("1 kg = 1000 g", True),
        ("90 s < 2 min", True),
        ("0.5 kN = 500 N", True),
        ("1 h = 60 min", True),
        ("15 % = 0.15 kg / 1 kg", True),
        ("abs(1 - 3)", Decimal(2)),
        ("min(3, 1, 2)", Decimal(1)),
        ("max(3 kg, 3500 g) = 3.5 kg", True),
        ("round(44.00368 kg, 0.01 kg) = 44.00 kg", True),
        ("round(2.5, 1)", Decimal(3)),
        ("round(-2.5, 1)", Decimal(-3)),
        ("down(2.9, 1)", Decimal(2)),
        ("if(1 < 2, 10, 20)", Decimal(10)),
        ("4 kg/min * 5 min = 20 kg", True),
        ("'a' = 'a'", True),
        ("'a' != 'a'", False),
    ],
)
def test_an_expression_has_its_exact_value(expression: str, expected: object) -> None:
    assert language.compile(expression, {}).evaluate({}).value == expected


def test_a_result_is_given_in_the_wanted_unit() -> None:
    assert value("D040.net", "g", D040__net=Decimal("1.5")) == 1500
    assert value("2.5", "%") == Decimal("2.5")
    assert value("D040.net / formula.100010", "%", D040__net=1, formula__100010=8) == Decimal(
        "12.5"
    )


def test_a_third_is_kept_exactly_and_rounded_once() -> None:
    outcome = language.compile("1 / 3", {}).evaluate({})
    assert outcome.exact == Fraction(1, 3)
    assert outcome.rounded(2) == Decimal("0.33")
    half = language.compile("2.345", {}, unit="%").evaluate({})
    assert half.rounded(2) == Decimal("2.35")


@pytest.mark.parametrize(
    ("expression", "rule"),
    [
        ("D040.net > 5", "expression.unit"),
        ("D040.net + FBD.TI102", "expression.unit"),
        ("G170.mean > 2.5", "expression.unit"),
        ("D040.net > 5 stone", "expression.unit"),
        ("min(1 kg, 1 s)", "expression.unit"),
        ("nobody.knows > 1", "expression.name"),
        ("1 and 2", "expression.type"),
        ("'a' < 'b'", "expression.type"),
        ("'a' = 1", "expression.type"),
        ("clear.answer = 'misty'", "expression.type"),
        ("sqrt(2)", "expression.type"),
        ("round(1 kg, 0)", "expression.unit"),
        ("round(1, 0)", "expression.type"),
        ("round(1, round)", "expression.type"),
        ("mean(1 + 2)", "expression.type"),
        ("if(1, 2, 3)", "expression.type"),
        ("1 < 2 < 3", "expression.syntax"),
        ("1 +", "expression.syntax"),
        ("(1", "expression.syntax"),
        ("1 2", "expression.syntax"),
        ("", "expression.syntax"),
        ("x = 1; y", "expression.syntax"),
        ("2 ** 3", "expression.syntax"),
        ("a[0]", "expression.syntax"),
        ("3/min(1, 2)", "expression.syntax"),
        ("1e400", "expression.unit"),
    ],
)
@pytest.mark.urs("URS-MRC-090")
def test_a_mistake_is_refused_with_its_rule(expression: str, rule: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        language.compile(expression, NAMES)
    assert caught.value.rule == rule


def test_a_mistake_names_its_position() -> None:
    with pytest.raises(ExpressionError) as caught:
        language.compile("1 + nobody", NAMES)
    assert caught.value.position == 4
    assert "character 5" in str(caught.value)


@pytest.mark.parametrize(
    "attack",
    [
        "__import__('os')",
        "().__class__.__base__.__subclasses__()",
        "''.join",
        "lambda: 0",
        "[x for x in y]",
        "9**9**9",
        "exec('1')",
        "open('/etc/passwd')",
        "{{7*7}}",
        "${jndi}",
        "1 if true else 2",
        "formula.__class__",
        "'%s' % 1",
    ],
)
@pytest.mark.urs("URS-MRC-090")
def test_attempts_to_leave_the_language_do_not_compile(attack: str) -> None:
    with pytest.raises(ExpressionError):
        language.compile(attack, NAMES)


@pytest.mark.parametrize(
    "huge",
    [
        "9" * (10 * 1024 * 1024),
        "9" * 31,
        "(" * 1000 + "1" + ")" * 1000,
        "-" * 1500 + "1",
        "not " * 400 + "true",
        "1" + " + 1" * 490,
        "abs(" * 400 + "1" + ")" * 400,
        "1 " * 900,
    ],
)
@pytest.mark.urs("URS-MRC-090")
def test_a_huge_expression_is_refused(huge: str) -> None:
    with pytest.raises(ExpressionError):
        language.compile(huge, {})


def compiled_or_refused(garbage: str) -> language.Compiled | ExpressionError:
    try:
        return language.compile(garbage, NAMES)
    except ExpressionError as error:
        return error


@settings(max_examples=300, deadline=1000)
@given(st.text(alphabet="0123456789.+-*/()<>=!, andortuefls'%kgmiCelG_[]\n\x00é", max_size=120))
def test_any_text_compiles_or_is_refused(garbage: str) -> None:
    answer = compiled_or_refused(garbage)
    if isinstance(answer, ExpressionError):
        assert 0 <= answer.position <= len(garbage)
    else:
        result = answer.evaluate({}).value
        assert result is UNKNOWN or isinstance(result, (Decimal, bool, str))


@dataclass
class Work:
    """What was done to read a text."""

    cut: int = 0
    taken: int = 0
    begun: int = 0


@pytest.fixture
def work(monkeypatch: pytest.MonkeyPatch) -> Work:
    """Counts the pieces that are cut from a text, taken by the parser, and the parts it begins."""
    done = Work()

    def counted(module: object, name: str, field: str) -> None:
        real = getattr(module, name)

        def count(*given: object) -> object:
            setattr(done, field, getattr(done, field) + 1)
            return real(*given)

        monkeypatch.setattr(module, name, count)

    counted(tokens, "_next", "cut")
    counted(tree._Parser, "_take", "taken")
    counted(tree._Parser, "expression", "begun")
    return done


SHAPES = (
    "(",
    "-",
    "not ",
    "9",
    "1 + ",
    "1 kg + ",
    "abs(",
    "'",
    "é",
    "\U0001f600",
    "a.",
    " ",
    "[",
    "/",
)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.urs("URS-MRC-090")
def test_a_text_of_64_kib_is_refused_before_it_is_read(shape: str, work: Work) -> None:
    with pytest.raises(ExpressionError) as refused:
        language.compile(shape * (64 * 1024 // len(shape)), NAMES)
    assert refused.value.rule == "expression.size"
    assert (work.cut, work.taken) == (0, 0)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.urs("URS-MRC-090")
def test_a_text_of_the_greatest_length_is_read_once(shape: str, work: Work) -> None:
    longest = shape * (tokens.MAX_LENGTH // len(shape))
    answer = compiled_or_refused(longest)
    assert isinstance(answer, ExpressionError)
    assert len(str(answer)) < 200
    assert work.cut <= len(longest)
    assert work.taken <= work.cut + 1
    assert work.begun <= work.taken + 1


@settings(max_examples=50, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_any_text_of_64_kib_is_refused(garbage: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        language.compile(garbage * (64 * 1024 // len(garbage)), NAMES)
    assert refused.value.rule == "expression.size"


@given(
    st.decimals(min_value=-(10**9), max_value=10**9, places=4),
    st.decimals(min_value=-(10**9), max_value=10**9, places=4),
)
def test_numbers_agree_with_exact_arithmetic(a: Decimal, b: Decimal) -> None:
    names = {"a": number(), "b": number()}
    result = language.compile("a * b - (a + b)", names).evaluate({"a": a, "b": b})
    assert result.exact == Fraction(a) * Fraction(b) - (Fraction(a) + Fraction(b))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("G170.mean > 2.5 %", UNKNOWN),
        ("G170.mean > 2.5 % and 1 = 2", False),
        ("1 = 2 and G170.mean > 2.5 %", False),
        ("G170.mean > 2.5 % or 1 = 1", True),
        ("G170.mean > 2.5 % or 1 = 2", UNKNOWN),
        ("not (G170.mean > 2.5 %)", UNKNOWN),
        ("if(G170.mean > 2.5 %, 1, 2)", UNKNOWN),
        ("if(true, 1, round)", Decimal(1)),
        ("known(G170.mean)", False),
        ("known(G170.mean) and G170.mean > 1 %", False),
        ("1 / 0", UNKNOWN),
        ("sum(D040.net)", UNKNOWN),
    ],
)
def test_what_is_missing_is_never_guessed(expression: str, expected: object) -> None:
    assert language.compile(expression, NAMES).evaluate({}).value == expected


def test_an_unknown_result_says_why() -> None:
    outcome = language.compile("G170.mean > 2.5 %", NAMES).evaluate({"G170.mean": None})
    assert not outcome.is_known
    assert not outcome.is_true
    assert outcome.problems == ("G170.mean has no value",)
    assert language.compile("1 / 0", {}).evaluate({}).problems == ("division by zero",)


def test_a_function_of_one_name_goes_over_all_its_values() -> None:
    both = {"G170.lod[]": [Decimal("2.68"), Decimal("2.72")]}
    mean = language.compile("mean(G170.lod)", NAMES, unit="%")
    assert mean.names == {"G170.lod[]"}
    assert mean.evaluate(both).value == Decimal("2.70")
    spread = language.compile("max(G170.lod) - min(G170.lod)", NAMES, unit="%")
    assert spread.evaluate(both).value == Decimal("0.04")
    count = language.compile("outside(G170.lod, 0.995 * mean(G170.lod), 2.71 %)", NAMES)
    assert count.evaluate(both).value == 2
    assert language.compile("count(G170.lod)", NAMES).evaluate(both).value == 2
    deviation = language.compile("sd(G170.lod)", NAMES, unit="%").evaluate(both)
    assert deviation.rounded(4) == Decimal("0.0283")


def test_an_empty_list_has_a_sum_but_no_mean() -> None:
    empty: dict[str, Given] = {"D040.net[]": []}
    assert language.compile("sum(D040.net)", NAMES).evaluate(empty).value == 0
    assert language.compile("mean(D040.net)", NAMES).evaluate(empty).value is UNKNOWN
    assert language.compile("sd(D040.net)", NAMES).evaluate({"D040.net[]": [1]}).value is UNKNOWN


def test_a_missing_value_in_a_list_makes_its_sum_unknown() -> None:
    compiled = language.compile("sum(D040.net) > 1 kg", NAMES)
    outcome = compiled.evaluate({"D040.net[]": [Decimal(5), None]})
    assert outcome.value is UNKNOWN
    assert outcome.problems == ("a value of D040.net is missing",)


def test_the_inputs_are_kept_for_the_record() -> None:
    compiled = language.compile_condition("G170.mean > 2.5 % and G170.round < 3", NAMES)
    outcome = compiled.evaluate({"G170.mean": Decimal("2.70"), "G170.round": 1, "round": 7})
    assert outcome.is_true
    assert outcome.inputs == {"G170.mean": "2.70", "G170.round": "1"}


def test_a_value_of_another_type_than_declared_is_an_error() -> None:
    compiled = language.compile("G170.mean > 2.5 %", NAMES)
    for wrong in (True, "2.7", 2.7):
        with pytest.raises(TypeError):
            compiled.evaluate({"G170.mean": wrong})  # type: ignore[dict-item]  # on purpose
    with pytest.raises(ValueError, match="usable"):
        compiled.evaluate({"G170.mean": Decimal("1E+999999")})
    with pytest.raises(ValueError, match="usable"):
        compiled.evaluate({"G170.mean": Decimal("NaN")})


def test_a_condition_must_answer_true_or_false() -> None:
    with pytest.raises(ExpressionError):
        language.compile_condition("1 + 1", {})
    with pytest.raises(ExpressionError):
        language.compile("true", {}, unit="kg")
    with pytest.raises(ExpressionError):
        language.compile("1 s", {}, unit="kg")


@pytest.mark.parametrize(
    ("first", "second", "cellulose"),
    [("36.50", "44.00", "8.000"), ("36.48", "44.02", "8.000")],
)
def test_the_golden_compensation_of_the_demo_plant(first: str, second: str, cellulose: str) -> None:
    names = {
        "formula.cellulose": number("kg"),
        "formula.paracetamol": number("kg"),
        "D040.net": number("kg"),
    }
    text_ = "formula.cellulose - (sum(D040.net) - formula.paracetamol)"
    outcome = language.compile(text_, names, unit="kg").evaluate(
        {
            "formula.cellulose": Decimal("8.500"),
            "formula.paracetamol": Decimal("80.000"),
            "D040.net[]": [Decimal(first), Decimal(second)],
        }
    )
    assert outcome.rounded(3) == Decimal(cellulose)
