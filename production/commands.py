"""Planning, starting and cancelling batches; taking over the quality unit's decision."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.clock import local
from core.errors import BrokenPromise
from core.house import moment
from ebr import gates, rules
from ebr import queries as records
from ebr.commands import runs
from ebr.commands.runs import NewRun
from ebr.models import RunState
from personnel import permissions
from production import queries
from production import rules as production
from production.errors import BatchNotPlanned
from production.models import Batch, Disposition, NumberSeries
from workflows import queries as definitions
from workflows.rounding import to_decimals
from workflows.scaling import factor

SERIES = "batch"
START_GATE = "batch.start"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanBatch:
    """An order for one batch. `size` is in the unit of the recipe's batch size."""

    order_number: str
    recipe: str
    version: int
    size: Decimal
    due_at: datetime


def make_series(
    session: Session, name: str, *, prefix: str, first: int, by: Actor, at: datetime
) -> None:
    """Set up a number series; its numbers are drawn in order from `first`."""
    with trail.act(session, "series.made", stream=Stream("site"), by=by, object=name):
        session.add(NumberSeries(name=name, prefix=prefix, next=first))


def series_of(recipe: str) -> str:
    """The name of the number series that orders on a recipe have for themselves."""
    return f"{SERIES}/{recipe}"


def _series_for(session: Session, recipe: str) -> str:
    own = series_of(recipe)
    return own if queries.series(session, own) is not None else SERIES


def draw_number(session: Session, name: str) -> str:
    """Draw the next number of a series, inside the current act; it is never given again."""
    series = queries.series(session, name)
    if series is None:
        raise BrokenPromise(f"there is no number series {name}")
    number = production.batch_number(series.prefix, series.next, series.digits)
    series.next += 1
    session.flush()
    return number


def plan_batch(session: Session, plan: PlanBatch, *, by: Actor, at: datetime) -> str:
    """Plan a batch on an effective version; answers its new number.

    A recipe with a number series of its own (packaging orders) numbers from it, all others from the
    series of batches. The record is made at once, so that a cancelled batch keeps its number in
    the register. Raises NotPermitted, NotStartable (not effective), SizeNotAllowed.
    """
    permissions.require(session, by, "batch.plan")
    version = definitions.startable(session, plan.recipe, plan.version, at=at)
    header = definitions.load(session, version.file_digest).header
    if header.batch_size is None or header.product is None:
        raise BatchNotPlanned(
            f"{version.name} describes no product with a batch size", resolver="recipe author"
        )
    times = factor(plan.size, header.batch_size)
    name = _series_for(session, plan.recipe)
    with trail.act(session, "series.drawn", stream=Stream("site"), by=by, object=name) as drawn:
        number = draw_number(session, name)
        drawn.facts["number"] = number
    stream = Stream("batch", number)
    with trail.act(session, "batch.planned", stream=stream, by=by, object=number):
        session.add(
            Batch(
                number=number,
                order_number=plan.order_number,
                product_code=header.product.code,
                product_name=f"{header.product.name} {header.product.strength}",
                recipe=plan.recipe,
                recipe_version=plan.version,
                size=plan.size,
                size_unit=header.batch_size.unit,
                theoretical_output=_output(header.batch_size.output, times),
                due_at=plan.due_at,
                planned_at=at,
                planned_by=by.id,
            )
        )
        runs.open_run(
            session,
            NewRun(
                number=number,
                stream=stream,
                code=plan.recipe,
                version_label=f"v{plan.version}",
                title=header.title,
                language=header.language,
                file_digest=version.file_digest,
                content_digest=version.content_digest,
                size=plan.size,
                size_unit=header.batch_size.unit,
            ),
        )
    return number


def _output(reference: Decimal | None, times: Fraction) -> Decimal | None:
    return None if reference is None else to_decimals(Fraction(reference) * times, 0)


def open_batch(session: Session, number: str, *, by: Actor, at: datetime) -> None:
    """Open the control recipe of a planned batch: its first step is checking and issuing it.

    The gate ``batch.start`` must be open: effective version, released materials, free and suitable
    equipment, no open obstacle (URS-EXE-020). Nothing else can be done before the supervisor has
    signed that step (URS-MRC-070).
    """
    permissions.require(session, by, "batch.issue")
    batch = queries.batch(session, number)
    run = records.run_of(session, number)
    if run.state != RunState.PLANNED or batch.cancelled_at is not None:
        raise BatchNotPlanned(f"{number} is {run.state}", resolver="nobody: it was opened")
    definitions.startable(session, batch.recipe, batch.recipe_version, at=at)
    found = gates.require(session, START_GATE, record=run.stream)
    with trail.act(
        session,
        "batch.opened",
        stream=Stream("batch", number),
        by=by,
        object=number,
        facts={"conditions": [condition.fact for condition in found]},
    ):
        batch.manufactured_on = local(at, moment(session).zone).date()
        header = definitions.load(session, run.file_digest).header
        if header.product is not None and header.product.shelf_life_months is not None:
            batch.expires_on = production.expiry(
                batch.manufactured_on, header.product.shelf_life_months
            )
        runs.start_run(session, run, by=by, at=at)


def cancel_batch(session: Session, number: str, reason: str, *, by: Actor, at: datetime) -> None:
    """Cancel a planned batch; it stays in the register with its number and reason."""
    permissions.require(session, by, "batch.plan")
    batch = queries.batch(session, number)
    run = records.run_of(session, number)
    if run.state != RunState.PLANNED:
        raise BatchNotPlanned(f"{number} is {run.state}", resolver="shift supervisor: abort it")
    words = rules.need_reason(reason, "cancelling a batch")
    with trail.act(
        session,
        "batch.cancelled",
        stream=Stream("batch", number),
        by=by,
        object=number,
        reason=words,
    ):
        batch.cancelled_at = at
        run.state, run.ended_at = RunState.ABORTED, at


def take_over_decision(
    session: Session,
    number: str,
    disposition: Disposition,
    reason: str,
    *,
    by: Actor,
    at: datetime,
) -> None:
    """The quality unit has decided; inside its own transaction."""
    batch = queries.batch(session, number)
    with trail.act(
        session,
        "batch.dispositioned",
        stream=Stream("batch", number),
        by=by,
        object=number,
        reason=reason,
    ):
        batch.disposition, batch.decided_at = disposition, at
