"""The work queue (W1): what this person does now, waits for, can do next, is asked to help with.

Every entry that cannot be done says why, and who can clear each condition.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ebr import queries, rules
from ebr.commands import steps
from ebr.commands.exceptions import NEED_PERMISSION
from ebr.context import StepContext
from ebr.kinds.base import kind_of
from ebr.models import StepRecord, StepState
from ebr.opening import context_of
from production import queries as production
from web import identity, scoping, stepviews, waits
from web.i18n import gettext as _
from web.waits import Line
from workflows.durations import duration
from workflows.words import Severity

Address = Callable[[StepRecord, str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One entry of the queue."""

    number: str
    title: str
    key: str
    name: str
    state: str
    room: str
    address: str
    needs: str
    since: datetime
    due: datetime | None
    overdue: bool
    mine: bool
    why: Sequence[tuple[str, str]]
    waits: Sequence[Line]
    left: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A planned batch that this person may open."""

    number: str
    title: str
    due: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The four parts of the queue, and the planned batches that this person may open."""

    now: Sequence[Job]
    wait: Sequence[Job]
    next: Sequence[Job]
    help: Sequence[Job]
    planned: Sequence[Planned]

    @property
    def empty(self) -> bool:
        """Whether nothing waits for this person."""
        return not (self.now or self.wait or self.next or self.help or self.planned)


def queue_of(session: Session, at: datetime, address: Address, *, only: str = "") -> Queue:
    """The queue of the person of this request; `only` one of its parts where that is asked for."""
    parts: dict[str, list[Job]] = {"now": [], "wait": [], "next": [], "help": []}
    for step in queries.open_steps(session):
        if step.run.state not in ("running", "held"):
            continue
        context = context_of(session, step.run, step, by=identity.actor(), at=at)
        part = _part(context)
        if part and only in ("", part):
            parts[part].append(_job(context, part, address))
    return Queue(
        **{name: _sorted(jobs) for name, jobs in parts.items()},
        planned=() if only else _planned(session),
    )


def _planned(session: Session) -> list[Planned]:
    """Planned batches, those due first on top; for people who may issue a control recipe."""
    if not identity.may("batch.issue"):
        return []
    waiting = [
        Planned(number=batch.number, title=batch.product_name, due=batch.due_at)
        for batch in production.planned(session)
        if scoping.reaches(batch.product_code)
    ]
    return sorted(waiting, key=lambda each: (each.due is None, each.due, each.number))


def _part(context: StepContext) -> str | None:
    step, me = context.step, identity.me()
    mine = step.started_by == me.badge
    if step.state == StepState.PERFORMED:
        return "now" if _waits_for_me(context) and mine else _help(context)
    if step.state == StepState.HELD:
        return "help" if _may_release(context) else ("wait" if mine else None)
    if step.role not in me.roles:
        return None
    if context.spec.automatic:
        return "wait"
    if step.state == StepState.STARTED:
        return "now" if mine else "help"
    return "next"


def _waits_for_me(context: StepContext) -> bool:
    missing = steps.parts_missing(context)
    return bool(missing) and missing[0] != "approver"


def _help(context: StepContext) -> str | None:
    missing = steps.parts_missing(context)
    if not missing:
        return None
    role = rules.role_of(context.spec.signature, missing[0], context.spec.role)
    able = role in identity.me().roles if role else identity.may("step.verify")
    return "help" if able and not _took_part(context, missing[0]) else None


def _took_part(context: StepContext, part: str) -> bool:
    return part != "confirmer" and context.step.performed_by == identity.me().badge


def _may_release(context: StepContext) -> bool:
    cases = queries.exceptions(context.session, context.run, step=context.step)
    return any(
        identity.may(NEED_PERMISSION[Severity(case.severity)])
        for case in cases
        if not case.released and Severity(case.severity) in NEED_PERMISSION
    )


def _job(context: StepContext, part: str, address: Address) -> Job:
    step, spec = context.step, context.spec
    form = kind_of(context.session, spec.kind).form(context)
    due = _due(context)
    wait = waits.of(context) if part == "wait" else None
    return Job(
        number=context.run.number,
        title=context.run.title,
        key=step.key,
        name=spec.name,
        state=step.state,
        room=step.room or "",
        address=address(step, part),
        needs=_needs(context),
        since=step.started_at or step.ready_at,
        due=due,
        overdue=due is not None and context.at > due,
        mine=step.started_by == identity.me().badge,
        why=stepviews.blockers(context, form) if part == "next" else (),
        waits=[line for line in wait.lines if not line.met] if wait else (),
        left=wait.plan if wait else "",
    )


def _due(context: StepContext) -> datetime | None:
    timing, started = context.spec.timing, context.step.started_at
    if timing is None or started is None:
        return None
    longest = timing.maximum or timing.expected
    return started + duration(longest) if longest else None


def _needs(context: StepContext) -> str:
    step = context.step
    if step.state == StepState.HELD:
        return _("a decision on an exception")
    due = rules.parts_due(context.spec.signature)
    missing: Iterable[str] = steps.parts_missing(context) if step.performed_at else due
    said = [part_word(part) for part in missing]
    return " + ".join(said) or _("no signature")


def part_word(part: str) -> str:
    """A part of the signatures of a step, as people call who gives it."""
    return {
        "performer": _("performer"),
        "verifier": _("verifier"),
        "confirmer": _("confirmer"),
        "approver": _("approver"),
    }.get(part, part)


def _sorted(jobs: list[Job]) -> list[Job]:
    room = identity.terminal().room
    return sorted(
        jobs,
        key=lambda job: (not job.overdue, not job.mine, bool(room) and job.room != room, job.since),
    )
