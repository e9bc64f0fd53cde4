"""Values of a run by the names that the recipe's expressions use.

``G170.mean`` is the value in force of the latest occurrence of a step, ``G170.round`` how often it
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
from ebr import queries
from ebr.models import ParameterValue, ProcedureRun, StepRecord
from workflows.expressions.language import Compiled, Outcome, compile, compile_condition
from workflows.expressions.types import SERIES, Given, Shape
from workflows.model import Procedure
from workflows.names import declared_names
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
    ) -> None:
        self._session = session
        self._run = run
        self._procedure = procedure
        self._path = path
        self._overlay = dict(overlay or {})
        self._types = declared_names(procedure)
        self._at = at or moment(session).site

    def evaluate(self, text: str, unit: str | None = None) -> Outcome:
        """The outcome of an expression of the recipe, its inputs included."""
        return self._outcome(compile(text, self._types, unit=unit))

    def number(self, text: str, unit: str | None) -> Decimal | None:
        """The number in `unit`, or None when it is not known yet."""
        value = self.evaluate(text, unit).value
        return value if isinstance(value, Decimal) else None

    def is_true(self, text: str) -> bool | None:
        """Whether a condition holds; None when that cannot be told."""
        outcome = self._outcome(compile_condition(text, self._types))
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
        steps = queries.steps_of_key(self._session, self._run, key)
        return sum(1 for step in steps if step.performed_at is not None)

    def _elapsed_minutes(self, key: str) -> Given:
        steps = queries.steps_of_key(self._session, self._run, key)
        if not steps or steps[-1].started_at is None:
            return None
        length = (steps[-1].performed_at or self._at) - steps[-1].started_at
        return Decimal(length // timedelta(milliseconds=1)) / 60000

    def _recorded(self, key: str, code: str, *, series: bool) -> Given:
        steps = queries.steps_of_key(self._session, self._run, key)
        if series and not self._has_replicates(key, code):
            return [self._single(step, code) for step in steps if _was_recorded(step)]
        for step in reversed(steps):
            values = queries.current_values(self._session, step).get(code)
            if values:
                return [value.number for value in values] if series else self._plain(values[0])
        return None

    def _single(self, step: StepRecord, code: str) -> Decimal | None:
        values = queries.current_values(self._session, step).get(code)
        return values[0].number if values else None

    def _has_replicates(self, key: str, code: str) -> bool:
        return self._procedure.step(key).parameter(code).replicates > 1

    def _plain(self, value: ParameterValue) -> Given:
        step = self._session.get_one(StepRecord, value.step_id)
        type_ = self._types.get(f"{step.key}.{value.code}")
        if type_ is not None and type_.shape is Shape.BOOLEAN:
            return value.text == "yes" if value.text is not None else None
        return value.number if value.number is not None else value.text


def _was_recorded(step: StepRecord) -> bool:
    return step.performed_at is not None


def _round_of(path: str) -> int:
    parts = path.split("/")
    level = parts[-2] if len(parts) > 1 else parts[0]
    return int(level.rpartition("#")[2] or 1)
