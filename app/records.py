"""What the pillars add to a record: the order, deviations, reviews, decisions, samples, work."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.clock import show
from core.house import moment
from ebr.models import ProcedureRun
from ebr.report.additions import Addition, Adds
from ebr.report.model import SectionView
from ebr.report.stepmodel import Pair
from maintenance import queries as maintenance
from production.models import Batch
from quality import queries as quality

Cells = tuple[str, ...]


def of_production(session: Session, run: ProcedureRun) -> Addition:
    """Order, day of manufacture and expiry of a batch; nothing for other records."""
    batch = session.scalars(select(Batch).where(Batch.number == run.number)).one_or_none()
    if batch is None:
        return Addition()
    facts = [Pair(name="Order", text=batch.order_number)]
    for name, day in (("Manufactured", batch.manufactured_on), ("Expiry", batch.expires_on)):
        if day is not None:
            facts.append(Pair(name=name, text=day.isoformat()))
    return Addition(facts=tuple(facts))


def of_quality(session: Session, run: ProcedureRun) -> Addition:
    """Deviations (or that there are none), reviews, the decision with its conditions, samples."""
    sections = [
        SectionView(
            title="Deviations",
            columns=("Number", "Title", "Severity, state", "Conclusion"),
            rows=tuple(_deviations(session, run)),
            none="no deviation was opened",
        ),
        SectionView(
            title="Reviews",
            columns=("Review", "Reviewer, at", "Up to entry", "Statement"),
            rows=tuple(_reviews(session, run)),
            none="no review was signed",
        ),
        _conditions(session, run),
        SectionView(
            title="Samples",
            columns=("Sample", "Plan", "Quantity", "Drawn, custody"),
            rows=tuple(_samples(session, run)),
        ),
    ]
    shown = [each for each in sections if each.rows or each.title in ("Deviations", "Reviews")]
    return Addition(sections=tuple(shown))


def _deviations(session: Session, run: ProcedureRun) -> Iterable[Cells]:
    for found in quality.deviations(session, record=run.stream):
        about = f" (exception {found.exception})" if found.exception else ""
        state = f"{found.severity}, {found.state}"
        if found.closed_at is not None:
            state += f" {_at(session, found.closed_at)} by {found.closed_by}"
        yield found.number, f"{found.title}{about}", state, found.conclusion or ""


def _reviews(session: Session, run: ProcedureRun) -> Iterable[Cells]:
    for review in quality.reviews(session, run.stream):
        if review.finished_at is not None:
            who = f"{review.finished_by_name} ({review.finished_by})"
            stale = f" · stale: {review.stale_because}" if review.stale_because else ""
            yield (
                f"{review.kind} review".capitalize(),
                f"{who}, {_at(session, review.finished_at)}",
                str(review.through or ""),
                f"{review.statement or ''}{stale}",
            )
    trail = quality.audit_trail_review(session, run.stream)
    if trail is not None:
        who = f"{trail.by_name} ({trail.by}), {_at(session, trail.at)}"
        yield "Audit trail review", who, str(trail.through), trail.conclusion


def _conditions(session: Session, run: ProcedureRun) -> SectionView:
    decision = quality.standing_decision(session, run.stream)
    conditions = decision.conditions if decision else []
    return SectionView(
        title="Conditions of the decision",
        columns=("Condition", "Met", "Evidence"),
        rows=tuple(
            (
                str(each["rule"]).replace("_", " ").replace(".", " "),
                "yes" if each["met"] else "no",
                str(each["fact"]),
            )
            for each in conditions
        ),
    )


def _samples(session: Session, run: ProcedureRun) -> Iterable[Cells]:
    for sample in quality.samples(session, run.stream):
        yield (
            sample.number,
            f"{sample.plan.replace('_', ' ')} at {sample.step_key}",
            f"{sample.quantity:f} {sample.unit}, {sample.positions} positions",
            f"{_at(session, sample.drawn_at)} by {sample.drawn_by}; {sample.custody}"
            f" ({sample.holder})",
        )


def of_maintenance(session: Session, run: ProcedureRun) -> Addition:
    """Maintenance orders that came from this record."""
    rows = tuple(
        (order.number, order.equipment, order.title, order.state.replace("_", " "))
        for order in maintenance.orders(session, batch=run.number)
    )
    section = SectionView(
        title="Maintenance orders", columns=("Order", "Unit", "Title", "State"), rows=rows
    )
    return Addition(sections=(section,) if rows else ())


def _at(session: Session, at: datetime) -> str:
    return show(at, moment(session).zone)


ADDITIONS: tuple[Adds, ...] = (of_production, of_quality, of_maintenance)
"""In the order in which they stand in the record."""
