"""What the page of a step shows: made from the step's context in one reading session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audit.models import Signature
from core.errors import Refusal
from documents.units import symbol
from ebr import gates, queries, rules, values
from ebr.commands import steps
from ebr.commands.exceptions import NEED_PERMISSION
from ebr.context import StepContext
from ebr.kinds.base import Form, kind_of
from ebr.models import Attachment, ExceptionCase, ParameterValue, StepRecord, StepState
from ebr.report import trends
from personnel import queries as people
from web import filters, identity, issuing, states, stepfields, stepused, waits, watched
from web.ebr_next import NextView, next_views
from web.i18n import gettext as _
from web.sentences import said
from web.stepfields import FieldView, Given
from web.waits import WaitView
from web.watched import Watched
from workflows.step import CheckPoint, in_language
from workflows.words import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class ValueView:
    """One recorded value; `earlier` are the superseded ones, oldest first."""

    code: str
    position: int
    label: str
    shown: str
    limits: Sequence[str]
    verdict: str
    grade: str
    source: str
    formula: str
    recorded_at: datetime
    recorded_by: str
    reason: str
    correctable: bool
    plain: str
    unit: str
    place: int
    """Where its parameter stands in the step."""
    earlier: Sequence[ValueView] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedView:
    """One signature of the step."""

    part: str
    name: str
    badge: str
    role: str
    meaning: str
    at: datetime
    current: bool
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseView:
    """One exception at the step, with who may let the flow go on."""

    number: int
    type: str
    severity: str
    state: str
    text: str
    raised_at: datetime
    released: bool
    comment: str
    commented_by: str
    decision: str
    resolvers: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteLine:
    """A neighbour of the step in the order of the record."""

    label: str
    state: str
    address: str
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FileView:
    """A file of the step as its list names it."""

    name: str
    media_type: str
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPage:
    """Everything that the template of a step reads."""

    number: str
    title: str
    stream: str
    version: str
    run_state: str
    problem: str
    key: str
    occurrence: int
    revision: int
    name: str
    kind: str
    role: str
    room: str
    sop: str
    critical: bool
    automatic: bool
    state: str
    instruction: str
    started_at: datetime | None
    started_by: str
    performed_at: datetime | None
    performed_by: str
    form: Form
    fields: Sequence[FieldView]
    checks: Sequence[tuple[str, str, bool]]
    facts: Sequence[tuple[str, str]]
    """What the kind tells, its names in the language of the screen."""
    wait: WaitView | None
    watched: Sequence[Watched]
    """Values of machines while the step is open."""
    shows_values: bool
    """Whether they stand in a part of their own, and not in the form already."""
    recorded: Sequence[ValueView]
    used: Sequence[tuple[str, str]]
    """Units and material of the step, with what they are for."""
    signed: Sequence[SignedView]
    cases: Sequence[CaseView]
    remarks: Sequence[Any]
    files: Sequence[FileView]
    missing: Sequence[str]
    blockers: Sequence[tuple[str, str]]
    route: Sequence[RouteLine]
    to_come: Sequence[str]
    place: int
    total: int
    people: Sequence[str]
    given: Given
    needs_reason: bool
    signs: bool
    confirms: bool
    next_acts: Sequence[NextView]
    requirements: Mapping[str, str]
    """What each equipment requirement is called."""


def page_of(context: StepContext, given: Given, *, address: Any, take: Any) -> StepPage:
    """The page of a step as it stands; `address` and `take` make links of steps and buttons."""
    spec, step, run = context.spec, context.step, context.run
    form = kind_of(context.session, spec.kind).form(context)
    fields = stepfields.fields_of(stepfields.ahead(context, form), given, take)
    is_open = step.state in (StepState.READY, StepState.STARTED)
    wait = waits.of(context)
    recorded = _recorded(context)
    everything = queries.steps(context.session, run)
    route = [_line(context, other, address) for other in everything]
    place = next(i for i, line in enumerate(route) if line.here)
    ordered = [each.key for each in context.procedure.steps()]
    return StepPage(
        number=run.number,
        title=run.title,
        stream=run.stream,
        version=f"{run.code} {run.version_label}",
        run_state=run.state,
        problem=run.problem or "",
        key=step.key,
        occurrence=step.occurrence,
        revision=step.revision,
        name=spec.name,
        kind=spec.kind.value,
        role=spec.role,
        room=step.room or "",
        sop=spec.sop or "",
        critical=spec.critical,
        automatic=spec.automatic,
        state=step.state,
        instruction=in_language(spec.instructions, run.language),
        started_at=step.started_at,
        started_by=name_of(context, step.started_by),
        performed_at=step.performed_at,
        performed_by=name_of(context, step.performed_by),
        form=form,
        fields=fields,
        checks=[_check(context, point) for point in spec.checks],
        facts=() if wait else _facts(context, form),
        wait=wait,
        watched=watched.of(stepfields.ahead(context, form)) if is_open else (),
        shows_values=spec.automatic or step.state != StepState.STARTED or wait is not None,
        recorded=recorded,
        used=stepused.used(context),
        signed=_signed(context),
        cases=[_case(context, c) for c in queries.exceptions(context.session, run, step=step)],
        remarks=[r for r in queries.remarks(context.session, run) if r.step_id == step.id],
        files=_files(context),
        missing=steps.parts_missing(context) if step.performed_at else (),
        blockers=blockers(context, form),
        route=route[max(0, place - 4) : place + 5],
        to_come=_to_come(context, {other.key for other in everything}),
        place=ordered.index(step.key) + 1,
        total=len(ordered),
        people=_people(context, everything),
        given=given,
        needs_reason=any(f.device and not f.reading for f in fields),
        signs="performer" in rules.parts_due(spec.signature),
        confirms="confirmer" in rules.parts_due(spec.signature),
        next_acts=next_views(context.session, run) if run.state == "held" else (),
        requirements=stepused.requirements_of(context),
    )


def _facts(context: StepContext, form: Form) -> list[tuple[str, str]]:
    return [*issuing.order_of(context), *((_(name), said(value)) for name, value in form.facts)]


def name_of(context: StepContext, badge: str | None) -> str:
    """Printed name of a badge; of a service, that the system acted and by which part of it."""
    if badge is None:
        return ""
    found = people.find(context.session, badge)
    return found.name if found else _("the system (%(part)s)", part=badge)


def blockers(context: StepContext, form: Form | None = None) -> list[tuple[str, str]]:
    """Why this person cannot do this step now: each fact with who can clear it."""
    found: list[tuple[str, str]] = []
    if context.run.state != "running":
        state = states.word(context.run.state)
        fact = _("%(number)s is %(state)s", number=context.run.number, state=state)
        why = f"{fact}: {context.run.problem}" if context.run.problem else fact
        found.append((why, _who_leads_on(context)))
    try:
        steps.require_able(context, identity.actor_as(context.spec.role), context.spec.role)
    except Refusal as refusal:
        found.append((refusal.fact, refusal.resolver))
    if context.step.state == "ready":
        for gate in context.spec.gates:
            facts = {"record": context.run.stream, "step": context.step.path}
            for condition in gates.conditions(context.session, gate.name, **facts):
                if not condition.met:
                    found.append((condition.fact, condition.resolver))
    if form is not None:
        found += form.blockers
    return found


def _who_leads_on(context: StepContext) -> str:
    """The people who can do what lets the batch go on, the first act first."""
    acts = next_views(context.session, context.run)
    named = dict.fromkeys(name for act in acts for name in act.people)
    return ", ".join(named) or _("nobody: it has ended")


def _check(context: StepContext, point: CheckPoint) -> tuple[str, str, bool]:
    return point.code, in_language(point.labels, context.run.language) or point.code, point.photo


def _recorded(context: StepContext) -> list[ValueView]:
    everything = queries.all_values(context.session, context.step)
    current = queries.in_force(everything)
    labels = labels_of(context)
    units = {p.code for p in context.spec.parameters}
    found = []
    for rows in current.values():
        for row in rows:
            old = [
                _value(context, other, labels, False)
                for other in everything
                if (other.code, other.position) == (row.code, row.position) and other is not row
            ]
            correctable = row.grade in ("manual", "manual_for_device", "corrected")
            view = _value(context, row, labels, correctable and row.code in units, old)
            found.append(view)
    return sorted(found, key=lambda view: (view.place, view.position))


def _value(
    context: StepContext,
    row: ParameterValue,
    labels: Mapping[str, str],
    correctable: bool,
    earlier: Sequence[ValueView] = (),
) -> ValueView:
    shown = filters.quantity(row.text, row.unit) if row.number is not None else (row.text or "")
    if row.not_applicable:
        shown = _("not applicable: %(reason)s", reason=row.not_applicable)
    source = row.source or {}
    return ValueView(
        code=row.code,
        position=row.position,
        label=labels.get(row.code, row.code),
        shown=shown,
        limits=[_limit_words(limit, row.unit) for limit in row.limits or ()],
        verdict=row.verdict or "",
        grade=filters.grade(row.grade),
        source=str(source.get("tag") or ""),
        formula=str(source.get("expression") or ""),
        recorded_at=row.recorded_at,
        recorded_by=name_of(context, row.recorded_by),
        reason=row.reason or "",
        correctable=correctable,
        plain=filters.number(row.text) if row.number is not None else (row.text or ""),
        unit=symbol(row.unit),
        place=list(labels).index(row.code) if row.code in labels else len(labels),
        earlier=earlier,
    )


def _limit_words(limit: Mapping[str, Any], unit: str | None) -> str:
    low, high = limit["low"], limit["high"]
    tier = watched.tier_words()[limit["tier"]]
    if low is None:
        return f"{tier} ≤ {filters.quantity(high, unit)}"
    if high is None:
        return f"{tier} ≥ {filters.quantity(low, unit)}"
    if low == high:
        return f"{tier} {filters.quantity(high, unit)}"
    return f"{tier} {filters.number(low)} … {filters.quantity(high, unit)}"


def _signed(context: StepContext) -> list[SignedView]:
    found = []
    for tie in queries.signatures(context.session, context.step):
        signature = context.session.get_one(Signature, tie.signature_id)
        found.append(
            SignedView(
                part=tie.part,
                name=signature.printed_name,
                badge=signature.signer,
                role=signature.role,
                meaning=states.words_of(signature.meaning),
                at=signature.at,
                current=tie.revision == context.step.revision,
                late=tie.late,
            )
        )
    return found


def _case(context: StepContext, case: ExceptionCase) -> CaseView:
    permission = NEED_PERMISSION.get(Severity(case.severity))
    waits = not case.released and permission is not None and case.run.ended_at is None
    return CaseView(
        number=case.number,
        type=case.type.replace("_", " "),
        severity=case.severity,
        state=case.state,
        text=case.text,
        raised_at=case.raised_at,
        released=case.released,
        comment=case.comment or "",
        commented_by=name_of(context, case.commented_by),
        decision=(case.decision or "").replace("_", " "),
        resolvers=people.people_who_can(context.session, permission)
        if waits and permission
        else (),
    )


def _line(context: StepContext, other: StepRecord, address: Any) -> RouteLine:
    return RouteLine(
        label=f"{name_in_route(other)} {context.procedure.step(other.key).name}",
        state=other.state,
        address=address(other),
        here=other.id == context.step.id,
    )


def _to_come(context: StepContext, reached: set[str]) -> list[str]:
    """The next steps in the order of the recipe that the flow has not reached yet."""
    ordered = list(context.procedure.steps())
    here = next(i for i, spec in enumerate(ordered) if spec.key == context.step.key)
    coming = [spec for spec in ordered[here + 1 :] if spec.key not in reached]
    return [f"{spec.key} {spec.name}" for spec in coming[:4]]


def name_in_route(step: StepRecord) -> str:
    """The key of a step, and which time it is from the second on."""
    return f"{step.key} ({step.occurrence})" if step.occurrence > 1 else step.key


def _files(context: StepContext) -> list[FileView]:
    kept = queries.attachments(context.session, context.run)
    labels = labels_of(context)
    return [
        FileView(name=_title(each, labels), media_type=each.media_type, digest=each.digest)
        for each in kept
        if each.step_id == context.step.id
    ]


def _title(kept: Attachment, labels: Mapping[str, str]) -> str:
    """A trend is called by what it shows; what a person attached keeps its own name."""
    if kept.media_type == trends.MEDIA_TYPE and kept.code in labels:
        return _("Trend: %(label)s", label=labels[kept.code])
    return kept.name


def labels_of(context: StepContext) -> dict[str, str]:
    """How the values and points of a step are called, by code."""
    points = {
        code: text for code, text, _photo in (_check(context, c) for c in context.spec.checks)
    }
    return {p.code: values.label(context, p) for p in context.spec.parameters} | points


def _people(context: StepContext, everything: Sequence[StepRecord]) -> list[str]:
    badges = {s.started_by for s in everything} | {s.performed_by for s in everything}
    found = (people.find(context.session, badge) for badge in badges if badge)
    return sorted(people.called(who) for who in found if who is not None)
