"""Samples: drawn with a label number, handed over, received, examined, kept or discarded."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.events import publish
from ebr.context import StepContext
from ebr.errors import ValueRefused
from personnel import permissions
from quality import queries, rules
from quality.errors import CustodyRefused
from quality.events import SampleDrawn
from quality.models import Custody, Sample, SampleEvent
from workflows.step import SamplePlan


def next_number(context: StepContext) -> str:
    """The label number that the next sample of the record gets."""
    count = context.session.scalar(
        select(func.count()).select_from(Sample).where(Sample.record == context.run.stream)
    )
    return rules.sample_number(context.run.number, (count or 0) + 1)


def plan_of(context: StepContext) -> SamplePlan:
    """What the recipe draws at this step (the profile check made sure that it says so)."""
    if context.spec.sample is None:
        raise ValueRefused(f"{context.spec.name} draws no sample", resolver="recipe author")
    return context.spec.sample


def draw(context: StepContext) -> str:
    """Draw the sample of a step, inside its act; answers the label number (URS-EXE-120)."""
    plan, number = plan_of(context), next_number(context)
    drawn = Sample(
        number=number,
        record=context.run.stream,
        step=context.step.path,
        step_key=context.step.key,
        plan=plan.plan,
        quantity=plan.quantity,
        unit=plan.unit,
        positions=plan.positions,
        pooled=plan.pooled,
        destined_for=plan.custody,
        custody=Custody.DRAWN,
        holder=context.by.id,
        drawn_at=context.at,
        drawn_by=context.by.id,
    )
    context.session.add(drawn)
    context.session.flush()
    context.session.add(_event(drawn, Custody.DRAWN, context.by, context.at, context.step.room))
    publish(
        context.session,
        SampleDrawn(
            record=context.run.stream,
            step=context.step.path,
            sample=number,
            total=plan.quantity * plan.positions,
            unit=plan.unit,
            by=context.by,
            at=context.at,
        ),
    )
    return number


def move_sample(
    session: Session,
    number: str,
    custody: Custody,
    *,
    place: str | None = None,
    by: Actor,
    at: datetime,
) -> None:
    """Write down the next step of a sample's custody; the laboratory receives and examines.

    Raises NotPermitted, NoSuchSample, CustodyRefused.
    """
    found = queries.sample(session, number)
    handing = custody is Custody.HANDED_OVER
    permissions.require(session, by, "step.perform" if handing else "sample.record")
    if not rules.may_move(found.custody, custody):
        raise CustodyRefused(
            f"{number} is {found.custody.replace('_', ' ')}: it cannot be"
            f" {custody.value.replace('_', ' ')} now",
            resolver=f"who has it: {found.holder}",
        )
    with trail.act(
        session,
        "sample.moved",
        stream=Stream.parse(found.record),
        by=by,
        object=number,
        facts={"custody": custody.value, "place": place or ""},
    ):
        found.custody, found.holder = custody, by.id
        session.add(_event(found, custody, by, at, place))


def _event(
    drawn: Sample, custody: Custody, by: Actor, at: datetime, place: str | None
) -> SampleEvent:
    return SampleEvent(
        sample_id=drawn.id, custody=custody, at=at, by=by.id, by_name=by.name, place=place
    )
