"""Values of a run by the names that the recipe's expressions use.

``G170.mean`` is the value in force of the latest occurrence of a step (in the same round of the
same level, else further out), ``G170.round`` how often it
was performed, ``G080.elapsed`` how long it took, ``round`` the round of the called level;
``batch.size``, ``formula.KEY`` and ``theory.KEY`` scale with the batch. A parameter with
replicates is a list of the latest occurrence; any other parameter asked for as a list is a list
over all occurrences. What is not recorded is unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from core.house import moment
from ebr import definitions, queries
from ebr.models import ParameterValue, ProcedureRun, StepRecord
from workflows.expressions.language import Compiled, Outcome
from workflows.expressions.types import SERIES, Given, Shape
from workflows.model import Procedure
from workflows.scaling import scaled_formula


class Names:
    """Looks up and evaluates; `overlay` holds values that are known otherwise (live tags)."""

    def __init__(
        self,
        session: Session,
        run: ProcedureRun,
        procedure: Procedure,
        path: str,
        overlay: Mapping[str, Given] | None = None,
        at: datetime | None = None,
        step: StepRecord | None = None,
    ) -> None:
        self._session = session
        self._run = run
        self._procedure = procedure
        self._path = path
        self._overlay = dict(overlay or {})
        self._definition = definitions.of(run.file_digest, procedure)
        self._types = self._definition.types
        self._step = step
        self._at = at or moment(session).site

    def evaluate(self, text: str, unit: str | None = None) -> Outcome:
        """The outcome of an expression of the recipe, its inputs included."""
        return self._outcome(self._definition.expression(text, unit))

    def number(self, text: str, unit: str | None) -> Decimal | None:
        """The number in `unit`, or None when it is not known yet."""
        value = self.evaluate(text, unit).value
        return value if isinstance(value, Decimal) else None

    def is_true(self, text: str) -> bool | None:
        """Whether a condition holds; None when that cannot be told."""
        outcome = self._outcome(self._definition.condition(text))
        return outcome.value if isinstance(outcome.value, bool) else None

    def value(self, name: str) -> Given:
        """The value of one name (``X[]`` for the list), or None."""
        if name in self._overlay:
            return self._overlay[name]
        plain = name.removesuffix(SERIES)
        owner, _, item = plain.partition(".")
        if plain == "round":
            return _round_of(self._path)
        if owner in ("batch", "formula", "theory"):
            return self._of_header(plain)
        if item == "round":
            return self._times_performed(owner)
        if item == "elapsed":
            return self._elapsed_minutes(owner)
        return self._recorded(owner, item, series=name.endswith(SERIES))

    def _outcome(self, compiled: Compiled) -> Outcome:
        return compiled.evaluate({name: self.value(name) for name in compiled.names})

    def _of_header(self, name: str) -> Given:
        if self._run.size is None or self._procedure.header.batch_size is None:
            return None
        return scaled_formula(self._procedure.header, self._run.size).get(name)

    def _times_performed(self, key: str) -> int:
        steps = self._occurrences(key)
        return sum(1 for step in steps if step.performed_at is not None)

    def _elapsed_minutes(self, key: str) -> Given:
        steps = self._nearest(key)
        if not steps or steps[0].started_at is None:
            return None
        length = (steps[0].performed_at or self._at) - steps[0].started_at
        return Decimal(length // timedelta(milliseconds=1)) / 60000

    def _recorded(self, key: str, code: str, *, series: bool) -> Given:
        if series and not self._has_replicates(key, code):
            steps = self._occurrences(key)
            return [self._single(step, code) for step in steps if _was_recorded(step)]
        for step in self._nearest(key):
            values = queries.current_values(self._session, step).get(code)
            if values:
                return [value.number for value in values] if series else self._plain(values[0])
        return None

    def _occurrences(self, key: str) -> list[StepRecord]:
        """All occurrences of a step, oldest first. Seen from a step that is performed already (it
        is corrected), only those that counted then: what came later had no part in it."""
        steps = queries.steps_of_key(self._session, self._run, key)
        own = self._step
        if own is None or own.performed_at is None:
            return steps
        then = (own.performed_at, own.ordinal)
        return [s for s in steps if s.performed_at and (s.performed_at, s.ordinal) <= then]

    def _nearest(self, key: str) -> list[StepRecord]:
        """Occurrences of a step, the one that counts first: of the own instance before those of
        the levels around it, later before earlier (architecture, section 4)."""
        steps = self._occurrences(key)
        if len(steps) < 2:
            return steps
        return sorted(
            steps, key=lambda s: (shared_levels(s.path, self._path), s.ordinal), reverse=True
        )

    def _single(self, step: StepRecord, code: str) -> Decimal | None:
        values = queries.current_values(self._session, step).get(code)
        return values[0].number if values else None

    def _has_replicates(self, key: str, code: str) -> bool:
        return self._definition.step(key).parameter(code).replicates > 1

    def _plain(self, value: ParameterValue) -> Given:
        step = self._session.get_one(StepRecord, value.step_id)
        type_ = self._types.get(f"{step.key}.{value.code}")
        if type_ is not None and type_.shape is Shape.BOOLEAN:
            return value.text == "yes" if value.text is not None else None
        return value.number if value.number is not None else value.text


def _was_recorded(step: StepRecord) -> bool:
    return step.performed_at is not None


def shared_levels(path: str, own: str) -> int:
    """How many levels two steps have in common, from the top."""
    levels, around = path.split("/")[:-1], own.split("/")[:-1]
    same = 0
    for level, other in zip(levels, around, strict=False):
        if level != other:
            break
        same += 1
    return same


def _round_of(path: str) -> int:
    parts = path.split("/")
    level = parts[-2] if len(parts) > 1 else parts[0]
    return int(level.rpartition("#")[2] or 1)
