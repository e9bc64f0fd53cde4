"""What a step kind gets to see and do: the step, its specification, the actor, the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from ebr import queries
from ebr.errors import NotBound
from ebr.events import ExceptionRaised
from ebr.models import (
    ExceptionCase,
    ExceptionState,
    ProcedureRun,
    StepEquipment,
    StepMaterial,
    StepRecord,
)
from ebr.names import Names
from workflows.expressions.types import Given
from workflows.model import Procedure
from workflows.step import ExceptionPolicy, Step
from workflows.words import Occasion, Severity


@dataclass(frozen=True, slots=True)
class StepContext:
    """One act on one step, inside its transaction. `at` is site time."""

    session: Session
    run: ProcedureRun
    step: StepRecord
    spec: Step
    procedure: Procedure
    by: Actor
    at: datetime
    units: Mapping[str, str] | None = None
    """The bound units by requirement where they were looked up before; else each is looked up."""
    ahead: Mapping[str, Given] | None = None
    """Names whose values are known otherwise than from the record, for what a screen shows."""

    @property
    def stream(self) -> Stream:
        """The stream of the record that the step belongs to."""
        return Stream.parse(self.run.stream)

    @property
    def names(self) -> Names:
        """Values of the run by the names that expressions use, seen from this step."""
        return Names(
            self.session, self.run, self.procedure, self.step.path, self.ahead, step=self.step
        )

    def number(self, text: str | None, unit: str | None) -> Decimal | None:
        """The value of an expression of the recipe in `unit`; None when it is not known yet."""
        return None if text is None else self.names.number(text, unit)

    def bound(self, requirement: str) -> str:
        """The unit bound to a requirement of the recipe. Raises `NotBound`."""
        unit = self.unit_of(requirement)
        if unit is None:
            raise NotBound(
                f"no unit is bound to {requirement}", resolver="operator at the bind step"
            )
        return unit

    def unit_of(self, requirement: str) -> str | None:
        """The unit bound to a requirement of the recipe now; None while there is none."""
        if self.units is not None:
            return self.units.get(requirement)
        return queries.bound_unit(self.session, self.run, requirement)

    def tag_of(self, source: str) -> str | None:
        """The tag of the bound unit (``FBD-01.TI102``) for ``FBD.TI102``; None while unbound."""
        requirement, _, name = source.partition(".")
        unit = self.unit_of(requirement)
        return f"{unit}.{name}" if unit else None

    def raise_exception(
        self, type_: str, severity: Severity, text: str, *, facts: dict[str, Any] | None = None
    ) -> ExceptionCase:
        """Open an exception at this step, inside the current act."""
        return raise_exception(
            self.session,
            self.run,
            self.step,
            type_,
            severity,
            text,
            facts=facts or {},
            by=self.by,
            at=self.at,
        )

    def policy_for(self, occasion: Occasion) -> list[ExceptionPolicy]:
        """What the recipe says about an occasion at this step."""
        return [policy for policy in self.spec.exceptions if policy.occasion is occasion]

    def use_equipment(self, requirement: str, equipment: str, state: str, due: str | None) -> None:
        """Write down that the step used a unit, with its state and calibration date."""
        self.session.add(
            StepEquipment(
                step_id=self.step.id,
                requirement=requirement,
                equipment=equipment,
                state=state,
                calibration_due=due,
            )
        )

    def use_material(
        self,
        use: str,
        material: str,
        lot: str,
        quantity: Decimal,
        unit: str,
        *,
        container: str | None = None,
        portion: str | None = None,
    ) -> None:
        """Write down that the step used material of a lot."""
        self.session.add(
            StepMaterial(
                step_id=self.step.id,
                use=use,
                material=material,
                lot=lot,
                container=container,
                portion=portion,
                quantity=quantity,
                unit=unit,
            )
        )


def raise_exception(
    session: Session,
    run: ProcedureRun,
    step: StepRecord | None,
    type_: str,
    severity: Severity,
    text: str,
    *,
    facts: dict[str, Any],
    by: Actor,
    at: datetime,
) -> ExceptionCase:
    """Open an exception on a record; `ExceptionRaised` tells who must react (URS-DEV-010)."""
    # Two writers on PostgreSQL must not draw one number; new rows of the run need not wait.
    session.execute(
        select(ProcedureRun.id).where(ProcedureRun.id == run.id).with_for_update(key_share=True)
    )
    number = session.scalar(
        select(func.coalesce(func.max(ExceptionCase.number), 0)).where(
            ExceptionCase.run_id == run.id
        )
    )
    case = ExceptionCase(
        run_id=run.id,
        step_id=step.id if step else None,
        number=(number or 0) + 1,
        type=type_,
        severity=severity.value,
        text=text,
        facts=facts,
        raised_at=at,
        raised_by=by.id,
        state=ExceptionState.LISTED if severity is Severity.INFORMATION else ExceptionState.OPEN,
        released=severity in (Severity.INFORMATION, Severity.MINOR),
    )
    session.add(case)
    session.flush()
    publish(
        session,
        ExceptionRaised(
            record=run.stream,
            number=case.number,
            type=type_,
            severity=severity.value,
            step=step.path if step else None,
            text=text,
            by=by,
            at=at,
        ),
    )
    return case
