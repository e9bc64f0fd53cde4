"""What is wrong with an expression, and where."""

from __future__ import annotations


class ExpressionError(ValueError):
    """The text is not an expression of the language; `position` is the 0-based character.

    `rule` is a stable id such as ``expression.unit`` for findings of the profile check.
    """

    def __init__(self, message: str, *, position: int, rule: str = "expression.syntax") -> None:
        super().__init__(f"{message} (at character {position + 1})")
        self.position = position
        self.rule = rule
