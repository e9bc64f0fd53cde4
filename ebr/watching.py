"""A condition of the recipe as it stands at one place of a batch: a step, the flow, a level.

It may name recorded values and live tags of the bound units. Tags are asked of what the gateway
has stored, and a hole in the data interrupts the condition (URS-PRO-020); a value that is not known
never counts as met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from ebr import definitions, queries
from ebr.models import ProcedureRun, StepRecord
from ebr.names import Names
from hardware import queries as plant
from workflows.durations import duration
from workflows.expressions.types import Given
from workflows.model import Procedure
from workflows.step import Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Where a condition is looked at, and when (`at`, site time).

    `path` says from where values are seen, `step` is set where that is a step. The condition counts
    from `since`; None while its step is not started. `units` are the bound units by requirement
    where they were looked up before.
    """

    session: Session
    run: ProcedureRun
    procedure: Procedure
    path: str
    since: datetime | None
    at: datetime
    step: StepRecord | None = None
    units: Mapping[str, str] | None = None

    def holds(self, condition: Condition) -> bool:
        """Whether the condition has held for as long as it must, within the time it counts."""
        needed = duration(condition.sustained) if condition.sustained else timedelta(0)
        if self.since is None or self.at - needed < self.since:
            return False
        return self.met(condition.expression, needed)

    def met(self, expression: str, needed: timedelta) -> bool:
        """Whether an expression held without interruption for `needed` until now."""
        tags = self.tags_of(expression)
        if not tags:
            return self._names().is_true(expression) is True
        return plant.historian(self.session).held_for(
            sorted(tags.values()), self.truth(expression, tags), needed, self.at
        )

    def held_since(self, expression: str, start: datetime) -> datetime | None:
        """From when on an expression has held, not before `start`; None while it does not hold."""
        tags = self.tags_of(expression)
        if not tags:
            return start if self._names().is_true(expression) is True else None
        return plant.historian(self.session).held_since(
            sorted(tags.values()), self.truth(expression, tags), start, self.at
        )

    def tags_of(self, expression: str) -> dict[str, str]:
        """The live tags of the bound units in an expression, by the names that it uses."""
        names = definitions.of(self.run.file_digest, self.procedure).condition(expression).names
        return {name: tag for name in names if (tag := self.live(name)) is not None}

    def live(self, name: str) -> str | None:
        """The tag of the bound unit that a name stands for; None for any other name."""
        requirement, _, tag = name.partition(".")
        if requirement not in {need.key for need in self.procedure.header.equipment}:
            return None
        unit = self._unit(requirement)
        return f"{unit}.{tag}" if unit else None

    def truth(
        self, expression: str, tags: Mapping[str, str]
    ) -> Callable[[Mapping[str, Decimal]], bool]:
        """Whether the expression is true when the tags have certain values."""

        def holds_for(now: Mapping[str, Decimal]) -> bool:
            overlay: dict[str, Given] = {name: now.get(tag) for name, tag in tags.items()}
            names = Names(self.session, self.run, self.procedure, self.path, overlay, self.at)
            return names.is_true(expression) is True

        return holds_for

    def _names(self) -> Names:
        return Names(self.session, self.run, self.procedure, self.path, step=self.step)

    def _unit(self, requirement: str) -> str | None:
        if self.units is not None:
            return self.units.get(requirement)
        return queries.bound_unit(self.session, self.run, requirement)
