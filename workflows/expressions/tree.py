"""The parsed form of an expression and the parser that builds it (precedence climbing).

Lowest to highest: or, and, not, comparison (not chained), + -, * /, sign, call.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from workflows.expressions.errors import ExpressionError
from workflows.expressions.tokens import Kind, Token, tokens

MAX_NODES = 300
MAX_DEPTH = 40

COMPARISONS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_STRENGTH = {
    "or": 1,
    "and": 2,
    **dict.fromkeys(COMPARISONS, 4),
    "+": 5,
    "-": 5,
    "*": 6,
    "/": 6,
}
_NOT = 3
_SIGN = 7


@dataclass(frozen=True, slots=True)
class Number:
    """A number as written, with the symbol of its unit."""

    value: Fraction
    unit: str | None
    position: int


@dataclass(frozen=True, slots=True)
class Constant:
    """A text or a truth value."""

    value: str | bool
    position: int


@dataclass(frozen=True, slots=True)
class Name:
    """A declared name."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Unary:
    """``not x`` or ``-x``."""

    operator: str
    operand: Tree
    position: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands around an operator."""

    operator: str
    left: Tree
    right: Tree
    position: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function with its arguments."""

    function: str
    arguments: tuple[Tree, ...]
    position: int


Tree: TypeAlias = Number | Constant | Name | Unary | Binary | Call


def parse(text: str) -> Tree:
    """The tree of a whole text. Raises ExpressionError with the position of the first mistake."""
    parser = _Parser(tokens(text))
    tree = parser.expression(0, 0)
    parser.expect_end()
    return tree


class _Parser:
    def __init__(self, stream: list[Token]) -> None:
        self._stream = stream
        self._at = 0
        self._nodes = 0

    def expression(self, minimum: int, depth: int) -> Tree:
        left = self._prefix(depth)
        while (strength := self._strength()) > minimum:
            token = self._take()
            right = self.expression(strength, self._deeper(depth, token))
            self._refuse_chain(strength)
            left = self._counted(Binary(token.text, left, right, token.position))
        return left

    def expect_end(self) -> None:
        token = self._stream[self._at]
        if token.kind is not Kind.END:
            raise ExpressionError(f"{token.text!r} is not expected here", position=token.position)

    def _strength(self) -> int:
        token = self._stream[self._at]
        if token.kind in (Kind.WORD, Kind.SIGN):
            return _STRENGTH.get(token.text, 0)
        return 0

    def _refuse_chain(self, strength: int) -> None:
        if strength == _STRENGTH["="] and self._strength() == strength:
            token = self._stream[self._at]
            raise ExpressionError(
                "comparisons do not chain; join two with 'and'", position=token.position
            )

    def _prefix(self, depth: int) -> Tree:
        token = self._take()
        if token.kind is Kind.NUMBER:
            return self._counted(Number(Fraction(token.text), token.unit, token.position))
        if token.kind is Kind.TEXT:
            return self._counted(Constant(token.text, token.position))
        if token.kind is Kind.NAME:
            return self._name_or_call(token, depth)
        return self._sign_or_word(token, depth)

    def _sign_or_word(self, token: Token, depth: int) -> Tree:
        if token.text in ("true", "false"):
            return self._counted(Constant(token.text == "true", token.position))
        if token.text in ("not", "-"):
            strength = _NOT if token.text == "not" else _SIGN
            operand = self.expression(strength, self._deeper(depth, token))
            return self._counted(Unary(token.text, operand, token.position))
        if token.text == "(":
            inner = self.expression(0, self._deeper(depth, token))
            self._close(token)
            return inner
        what = repr(token.text) if token.text else "the end"
        raise ExpressionError(f"a value is expected instead of {what}", position=token.position)

    def _name_or_call(self, token: Token, depth: int) -> Tree:
        if self._stream[self._at].text != "(" or self._stream[self._at].kind is not Kind.SIGN:
            return self._counted(Name(token.text, token.position))
        opening = self._take()
        arguments = [self.expression(0, self._deeper(depth, token))]
        while self._stream[self._at].kind is Kind.SIGN and self._stream[self._at].text == ",":
            self._take()
            arguments.append(self.expression(0, self._deeper(depth, token)))
        self._close(opening)
        return self._counted(Call(token.text, tuple(arguments), token.position))

    def _close(self, opening: Token) -> None:
        token = self._take()
        if token.kind is not Kind.SIGN or token.text != ")":
            raise ExpressionError("this bracket is not closed", position=opening.position)

    def _take(self) -> Token:
        token = self._stream[self._at]
        self._at += token.kind is not Kind.END
        return token

    def _deeper(self, depth: int, token: Token) -> int:
        if depth >= MAX_DEPTH:
            raise ExpressionError(
                f"an expression nests at most {MAX_DEPTH} deep",
                position=token.position,
                rule="expression.size",
            )
        return depth + 1

    def _counted(self, tree: Tree) -> Tree:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise ExpressionError(
                f"an expression has at most {MAX_NODES} parts",
                position=tree.position,
                rule="expression.size",
            )
        return tree
