"""What is wrong with a definition, as one complete list a recipe author can work through."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from core.errors import Refusal

AROUND = 60
_BLANKS = re.compile(r"\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One mistake: a stable code, the BPMN id and line it stands at, and what to do instead.

    `expression` is the text of an expression that is wrong at its 0-based character `position`.
    """

    code: str
    message: str
    remedy: str
    element: str = ""
    line: int = 0
    expression: str = ""
    position: int = 0

    @property
    def pointed(self) -> tuple[str, str, str]:
        """The expression before, at and behind its mistake, a little of each; blanks are blanks."""
        text, at = _BLANKS.sub(" ", self.expression), self.position
        before, behind = text[max(0, at - AROUND) : at], text[at + 1 : at + AROUND]
        return ("…" if at > AROUND else "") + before, text[at : at + 1], behind

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else "file"
        at = f"{place}, {self.element}" if self.element else place
        return f"{at}: {self.message} [{self.code}] {self.remedy}"


class DefinitionRefused(Refusal):
    """The file is not a definition that we execute exactly as drawn (URS-MRC-040, -090).

    `findings` is the complete list, in document order.
    """

    rule: ClassVar[str] = "definition.refused"
    http_status: ClassVar[int] = 422

    def __init__(self, findings: Iterable[Finding]) -> None:
        self.findings = tuple(findings)
        count = len(self.findings)
        head = f"{count} problem{'s' if count != 1 else ''}; first: {self.findings[0]}"
        super().__init__(head, resolver="the recipe author")


class IllegalTransition(Refusal):
    """The version is not in a state from which this is possible (URS-MRC-010)."""

    rule: ClassVar[str] = "definition.transition"


class NotThreePeople(Refusal):
    """Author, checker and quality approver are three different people (URS-MRC-020)."""

    rule: ClassVar[str] = "definition.three_people"
    http_status: ClassVar[int] = 403


class NotStartable(Refusal):
    """Nothing starts on this version at this moment (URS-MRC-050)."""

    rule: ClassVar[str] = "definition.not_effective"


class NotReadyForEffect(Refusal):
    """A condition for taking effect is not met yet (training, readiness of the plant)."""

    rule: ClassVar[str] = "recipe.make_effective"


class DefinitionTampered(Refusal):
    """The stored definition is not the one that was approved; nothing runs on it (URS-MRC-070)."""

    rule: ClassVar[str] = "definition.tampered"


class SignatureNeeded(Refusal):
    """The act needs a signature and none was given."""

    rule: ClassVar[str] = "definition.signature"
    http_status: ClassVar[int] = 422
