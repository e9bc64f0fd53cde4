"""The reference of expressions is whole: each operator, function, unit and refusal stands on it."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from workflows.expressions import checking, language, tokens, tree
from workflows.expressions.errors import ExpressionError
from workflows.expressions.examples import CALLS, NAMES, OPERATORS, UNIT_RULES, VALUES, WRONG
from workflows.expressions.functions import FUNCTIONS
from workflows.expressions.page import page, refusal
from workflows.expressions.tree import COMPARISONS, Binary, Call, Unary, parse
from workflows.units import KINDS, UNITS

READING = (tokens, tree, checking, language)


def raising() -> dict[tuple[str, int], int]:
    """Each statement of the compiler that refuses: file and first line, with the last line."""
    found = {}
    for module in READING:
        path = Path(str(module.__file__))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call):
                called = getattr(node.exc.func, "id", "")
                if called in ("ExpressionError", "_mistake"):
                    found[path.name, node.lineno] = node.end_lineno or node.lineno
    return found


def raised_at(error: ExpressionError) -> tuple[str, int]:
    """File and line of the statement that raised it."""
    at = error.__traceback__
    assert at is not None
    while at.tb_next is not None:
        at = at.tb_next
    return Path(at.tb_frame.f_code.co_filename).name, at.tb_lineno


def test_every_refusal_of_the_compiler_has_an_example() -> None:
    met = [raised_at(refusal(wrong)) for wrong in WRONG]
    missing = [
        place
        for place, last in raising().items()
        if not any(file == place[0] and place[1] <= line <= last for file, line in met)
    ]
    assert len(raising()) > 15
    assert missing == []


def test_an_example_of_a_mistake_is_one() -> None:
    with pytest.raises(ValueError, match="no example"):
        refusal(type(WRONG[0])(text="1 = 1"))


@pytest.mark.parametrize("sign", [*sorted(COMPARISONS), "or", "and", "not", "+", "-", "*", "/"])
def test_every_operator_has_an_example_that_uses_it(sign: str) -> None:
    (example,) = [text for each, _takes, text in OPERATORS if each == sign]
    top = parse(example)
    assert isinstance(top, (Binary, Unary))
    assert top.operator == sign


def test_every_operator_of_the_grammar_is_listed_in_its_order() -> None:
    signs = [sign for sign, _takes, _text in OPERATORS]
    assert set(signs) == {*tree._STRENGTH, "not"}
    strengths = [tree._STRENGTH.get(sign, tree._NOT) for sign in signs]
    assert strengths == sorted(strengths)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_an_example_that_calls_it(name: str) -> None:
    top = parse(CALLS[name])
    assert isinstance(top, Call)
    assert top.function == name
    assert FUNCTIONS[name].written.startswith(f"{name}(")


@pytest.mark.parametrize("rule", [example for _words, example in UNIT_RULES])
def test_the_rules_of_units_hold(rule: str) -> None:
    assert language.compile_condition(rule, NAMES).evaluate(VALUES).value is True


def test_every_kind_of_unit_has_a_name() -> None:
    assert {unit.dimension for unit in UNITS.values()} == set(KINDS)
    told = page()
    assert [symbol for symbol in UNITS if f"`{symbol}`" not in told] == []
