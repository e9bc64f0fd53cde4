"""Expressions of the reference page: what is right with its result, what is wrong with its error.

The page is made by evaluating them, so it cannot say what the language does not do; tests see to
it that every operator and function has an example and every refusal a text that meets it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from workflows.expressions.types import BOOLEAN, Given, Type, number, text

NAMES: Mapping[str, Type] = {
    "G170.lod": number("%"),
    "G170.note": text(),
    "D040.net": number("kg"),
    "formula.API": number("kg"),
    "FBD.TI102": number("Cel"),
    "clear.answer": text("clear", "cloudy"),
    "door.closed": BOOLEAN,
    "round": number(),
}
VALUES: Mapping[str, Given] = {
    "G170.lod": Decimal("2.1"),
    "D040.net": Decimal("10.020"),
    "D040.net[]": [Decimal("9.980"), Decimal("10.020"), Decimal("10.600")],
    "formula.API": Decimal("30.000"),
    "FBD.TI102": Decimal("42.5"),
    "clear.answer": "clear",
    "door.closed": True,
    "round": 2,
}

OPERATORS: tuple[tuple[str, str, str], ...] = (
    ("or", "two truth values", "door.closed or round > 3"),
    ("and", "two truth values", "door.closed and round > 3"),
    ("not", "a truth value", "not door.closed"),
    ("=", "two values of one kind", "clear.answer = 'clear'"),
    ("!=", "two values of one kind", "D040.net != 10020 g"),
    ("<", "two numbers of one kind", "G170.lod < 2.5 %"),
    ("<=", "two numbers of one kind", "round <= 2"),
    (">", "two numbers of one kind", "90 s > 2 min"),
    (">=", "two numbers of one kind", "FBD.TI102 >= 40 Cel"),
    ("+", "two numbers of one kind", "D040.net + 500 g"),
    ("-", "two numbers of one kind, or one for its opposite", "formula.API - D040.net"),
    ("*", "two numbers of any kind", "4 kg/min * 5 min"),
    ("/", "two numbers of any kind", "D040.net / formula.API"),
)
"""Weakest first; operator, what it takes, an example."""

CALLS: Mapping[str, str] = {
    "abs": "abs(-3 kg)",
    "round": "round(D040.net, 0.05 kg)",
    "down": "down(D040.net, 0.05 kg)",
    "if": "if(round > 1, 5 min, 10 min)",
    "known": "known(G170.note)",
    "min": "min(D040.net, formula.API)",
    "max": "max(D040.net)",
    "sum": "sum(D040.net)",
    "mean": "mean(D040.net)",
    "sd": "sd(D040.net)",
    "count": "count(D040.net)",
    "outside": "outside(D040.net, 9.9 kg, 10.5 kg)",
}

UNIT_RULES: tuple[tuple[str, str], ...] = (
    ("Quantities of one kind go together in any unit.", "1 h = 60 min"),
    ("Products and quotients get their own kind.", "4 kg/min * 5 min = 20 kg"),
    ("A quotient of like quantities is a ratio.", "1.5 kg / 10 kg = 15 %"),
    ("A percentage of a quantity is a quantity.", "15 % * 10 kg = 1.5 kg"),
    ("A percentage times a plain number stays a percentage.", "2 * 2.5 % = 5 %"),
    ("Numbers are exact; a result is rounded once, at the end.", "0.1 + 0.2 = 0.3"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrong:
    """A text that does not compile; `unit` is the one that the place wants, `condition` whether
    it wants a truth value."""

    text: str
    unit: str | None = None
    condition: bool = False


WRONG: tuple[Wrong, ...] = (
    Wrong(text="${G170.lod}"),
    Wrong(text="G170.lod > 2.5 % G170.lod"),
    Wrong(text="1 +"),
    Wrong(text="(1 + 2"),
    Wrong(text="1 < round < 3"),
    Wrong(text="1" * 31),
    Wrong(text="1" + " + 1" * 150),
    Wrong(text="(" * 41 + "1" + ")" * 41),
    Wrong(text="true or " * 251 + "true"),
    Wrong(text="G170.losses > 2.5 %"),
    Wrong(text="3/x"),
    Wrong(text="D040.net > 10 stone"),
    Wrong(text="D040.net > 10 min"),
    Wrong(text="G170.lod > 2.5"),
    Wrong(text="D040.net + 1 kg", unit="min"),
    Wrong(text="door.closed and round"),
    Wrong(text="door.closed = 1"),
    Wrong(text="clear.answer < 'clear'"),
    Wrong(text="clear.answer = 'murky'"),
    Wrong(text="exp(1)"),
    Wrong(text="abs(1, 2)"),
    Wrong(text="sum(1 kg)"),
    Wrong(text="round(D040.net, 1 min)"),
    Wrong(text="round(D040.net, formula.API)"),
    Wrong(text="door.closed", unit="kg"),
    Wrong(text="D040.net", condition=True),
)
"""At least one text for each way in which a text is refused, and the place it is refused in."""
