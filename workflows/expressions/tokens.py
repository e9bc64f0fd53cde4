"""Cuts the text of an expression into tokens; a number takes its unit along.

A unit stands behind its number (``2.5 %``, ``80 /min``); a division behind a number therefore
needs a blank after the stroke (``3 / x``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum, auto

from workflows.expressions.errors import ExpressionError
from workflows.units import UNITS

MAX_LENGTH = 2000
MAX_DIGITS = 30
KEYWORDS = frozenset({"and", "or", "not", "true", "false"})

_BLANK = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_UNIT = re.compile(r"(?:[A-Za-z%\[]|/(?=[A-Za-z]))[A-Za-z0-9%\[\]/.]*")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*(?:\.[A-Za-z0-9][A-Za-z0-9_]*)*")
_TEXT = re.compile(r"'([^'\r\n]*)'")
_SIGN = re.compile(r"<=|>=|!=|[-+*/()<>=,]")


class Kind(Enum):
    """What a token is."""

    NUMBER = auto()
    NAME = auto()
    TEXT = auto()
    WORD = auto()
    SIGN = auto()
    END = auto()


@dataclass(frozen=True, slots=True)
class Token:
    """A piece of the text; `unit` is the symbol behind a number, if any."""

    kind: Kind
    text: str
    position: int
    unit: str | None = None


def tokens(text: str) -> list[Token]:
    """All tokens with an END behind them. Raises ExpressionError."""
    if len(text) > MAX_LENGTH:
        raise ExpressionError(
            f"an expression has at most {MAX_LENGTH} characters",
            position=MAX_LENGTH,
            rule="expression.size",
        )
    found: list[Token] = []
    position = _skip(text, 0)
    while position < len(text):
        token, position = _next(text, position)
        found.append(token)
        position = _skip(text, position)
    return [*found, Token(Kind.END, "", len(text))]


def _skip(text: str, position: int) -> int:
    match = _BLANK.match(text, position)
    return match.end() if match else position


def _next(text: str, position: int) -> tuple[Token, int]:
    if match := _NUMBER.match(text, position):
        return _number(text, match)
    if match := _NAME.match(text, position):
        kind = Kind.WORD if match.group() in KEYWORDS else Kind.NAME
        return Token(kind, match.group(), position), match.end()
    if match := _TEXT.match(text, position):
        return Token(Kind.TEXT, match.group(1), position), match.end()
    if match := _SIGN.match(text, position):
        return Token(Kind.SIGN, match.group(), position), match.end()
    raise ExpressionError(f"{text[position]!r} has no meaning here", position=position)


def _number(text: str, match: re.Match[str]) -> tuple[Token, int]:
    if len(match.group()) > MAX_DIGITS:
        raise ExpressionError(
            f"a number has at most {MAX_DIGITS} digits",
            position=match.start(),
            rule="expression.size",
        )
    start = _skip(text, match.end())
    unit = _UNIT.match(text, start)
    if unit is None or unit.group() in KEYWORDS:
        return Token(Kind.NUMBER, match.group(), match.start()), match.end()
    if unit.group() not in UNITS:
        raise ExpressionError(
            f"{unit.group()!r} is not an approved unit; a division needs blanks around its stroke",
            position=start,
            rule="expression.unit",
        )
    return Token(Kind.NUMBER, match.group(), match.start(), unit.group()), unit.end()
