"""Collects the findings of the profile check with the lines of the file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from workflows.drawn import drawn_id
from workflows.errors import Finding
from workflows.expressions import language
from workflows.expressions.errors import ExpressionError
from workflows.expressions.types import Type


@dataclass(slots=True)
class Report:
    """The findings so far; `lines` maps BPMN ids to lines, `names` are the declared names."""

    lines: Mapping[str, int]
    names: Mapping[str, Type]
    findings: list[Finding] = field(default_factory=list)

    def add(self, code: str, element: str, message: str, remedy: str) -> None:
        """Note one mistake at a BPMN element."""
        self.findings.append(
            Finding(
                code=code,
                message=message,
                remedy=remedy,
                element=drawn_id(element),
                line=self.lines.get(element, 0),
            )
        )

    def wrong(self, text: str, element: str, where: str, error: ExpressionError) -> None:
        """Note an expression that does not compile, with its text and the place in it."""
        self.add(error.rule, element, f"{where}: {error}", EXPRESSION_REMEDY)
        # A text beyond all bounds is not carried along; its beginning says enough.
        shown, position = text[:LONGEST_SHOWN], min(error.position, LONGEST_SHOWN)
        self.findings[-1] = replace(self.findings[-1], expression=shown, position=position)

    def condition(self, text: str | None, element: str, where: str) -> None:
        """Note when `text` is not a condition over declared names."""
        try:
            language.compile_condition(text or "", self.names)
        except ExpressionError as error:
            self.wrong(text or "", element, where, error)

    def text(self, text: str, element: str, where: str) -> None:
        """Note when `text` is no expression over declared names."""
        try:
            language.compile(text, self.names)
        except ExpressionError as error:
            self.wrong(text, element, where, error)

    def quantity(
        self, text: str, unit: str | None, element: str, where: str
    ) -> language.Compiled | None:
        """Note when `text` is not a number in `unit` (a plain number without unit)."""
        try:
            return language.compile(text, self.names, unit=unit or "1")
        except ExpressionError as error:
            self.wrong(text, element, where, error)
            return None


LONGEST_SHOWN = 2100
EXPRESSION_REMEDY = "Correct the expression; the expression reference lists names and functions."
