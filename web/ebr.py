"""The record at work: queue (W1), step (W2), signatures (W3, W4), exceptions and hold (W5)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from uuid import UUID

from flask import Blueprint, Response, redirect, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from core.errors import NotFound, Refusal
from core.house import moment
from ebr import content, queries, rules
from ebr.commands import exceptions as cases
from ebr.commands import readings, remarks
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.exceptions import ExceptionReference
from ebr.commands.steps import StepOutcome, StepReference, perform_step, sign_step, start_step
from ebr.context import StepContext
from ebr.errors import NoSuchStep
from ebr.models import StepRecord
from ebr.opening import context_of
from inventory.commands import scales
from personnel import queries as people
from web import (
    entries,
    identity,
    queue,
    staging,
    stepfields,
    steptimes,
    stepviews,
    unplanned,
    waits,
)
from web.access import needs
from web.ebr_run import back
from web.errors import FileRefused, Problem, is_fragment_request, of_refusal
from web.i18n import gettext as _
from web.performing import perform
from web.signing import Page, SignedAct, go_on, signed
from web.stepfields import Given
from workflows.words import Severity, StepKind

bp = Blueprint("ebr", __name__)
STEP = "/records/<number>/steps/<key>/<int:occurrence>"


# --- the queue ---------------------------------------------------------------------------------


@bp.get("/work", endpoint="queue")
@needs("record.read")
def work() -> str:
    """What is mine, what waits, what comes next, who asks for help."""
    part = request.args.get("fragment", "")
    only = "wait" if part == "wait" else ""
    with identity.house().reading() as session:
        found = queue.queue_of(session, moment(session).site, _job_address, only=only)
    pages = {"wait": "ebr/queue_wait.html", "parts": "ebr/queue_parts.html"}
    return render_template(pages.get(part, "ebr/queue.html"), queue=found)


def _job_address(step: StepRecord, part: str) -> str:
    return _address(step)


def _address(step: StepRecord, endpoint: str = "ebr.step") -> str:
    return url_for(endpoint, number=step.run.number, key=step.key, occurrence=step.occurrence)


@bp.get("/scan")
@needs("record.read")
def scan() -> AnyResponse:
    """Any code of the house leads on: a batch to its work, everything else to its page."""
    code = request.args.get("code", "").strip()
    with identity.house().reading() as session:
        try:
            run = queries.run_of(session, code)
        except NotFound:
            return redirect(url_for("finding.find", q=code), 303)
        return redirect(url_for("run.at_work", number=run.number), 303)


# --- one step ----------------------------------------------------------------------------------


@contextmanager
def _opened(number: str, key: str, occurrence: int) -> Iterator[StepContext]:
    """The context of a step for reading. Raises NoSuchRun, NoSuchStep."""
    with identity.house().reading() as session:
        run = queries.run_of(session, number)
        found = queries.steps_of_key(session, run, key)
        step = next((each for each in found if each.occurrence == occurrence), None)
        if step is None:
            raise NoSuchStep(
                _("%(number)s has not reached step %(key)s.", number=number, key=key),
                resolver=_("the steps before it"),
            )
        at = moment(session).site
        yield context_of(session, run, step, by=identity.actor(), at=at)


def _render(
    number: str, key: str, occurrence: int, given: Given, problem: Problem | None = None
) -> str:
    with _opened(number, key, occurrence) as context:

        def take(code: str) -> str:
            return url_for("ebr.take", number=number, key=key, occurrence=occurrence, code=code)

        page = stepviews.page_of(context, given, address=_address, take=take)
        times = steptimes.of(context)
        leaving = unplanned.ways_of(context)
        where = {"number": number, "key": key, "occurrence": occurrence}
        names = {
            "side": "ebr/step_side.html",
            "form": "ebr/step_form.html",
        }
        template = names.get(request.args.get("fragment", ""), "ebr/step.html")
        if is_fragment_request() and request.method == "POST":
            template = "ebr/step_form.html"
        return render_template(
            template,
            it=page,
            times=times,
            leaving=leaving,
            where=where,
            problem=problem,
            part_word=queue.part_word,
        )


@bp.get(STEP)
@needs("record.read")
def step(number: str, key: str, occurrence: int) -> str:
    """The page of a step, whatever its kind; `fragment=wait` is how a wait stands now."""
    if request.args.get("fragment") == "wait":
        with _opened(number, key, occurrence) as context:
            wait = waits.of(context)
        where = {"number": number, "key": key, "occurrence": occurrence}
        return render_template("ebr/wait.html", wait=wait, where=where)
    return _render(number, key, occurrence, stepfields.NOTHING)


def _reference(number: str, key: str, occurrence: int) -> tuple[StepReference, StepContext]:
    with _opened(number, key, occurrence) as context:
        shown = entries.revision_of(request.form)
        reference = StepReference(record=context.run.stream, path=context.step.path, revision=shown)
        return reference, context


def _labels(number: str, key: str, occurrence: int) -> dict[str, str]:
    with _opened(number, key, occurrence) as context:
        return stepviews.labels_of(context)


@bp.post(STEP + "/start")
@needs("record.read")
def start(number: str, key: str, occurrence: int) -> AnyResponse:
    """Begin with the step."""
    reference, context = _reference(number, key, occurrence)
    by = identity.actor_as(context.spec.role)
    perform(start_step, reference, record=reference.record, by=by)
    return go_on(url_for("ebr.step", number=number, key=key, occurrence=occurrence))


@bp.post(STEP + "/take/<code>")
@needs("record.read")
def take(number: str, key: str, occurrence: int, code: str) -> Page:
    """Take a device's value in a transaction of its own; the page goes on with it."""
    reference, context = _reference(number, key, occurrence)
    given = _given(context)
    try:
        taken = _taken(context, reference, code)
    except Refusal as refusal:
        if is_fragment_request():
            raise
        problem = of_refusal(refusal)
        return _render(number, key, occurrence, given, problem), refusal.http_status
    return _render(number, key, occurrence, _with_readings(given, taken))


def _taken(context: StepContext, reference: StepReference, code: str) -> dict[str, list[str]]:
    """The readings taken now, by parameter: at a scale everything that it shows at rest."""
    record, by = reference.record, identity.actor_as(context.spec.role)
    if context.spec.kind is StepKind.LABEL:
        weights: dict[str, list[str]] = perform(
            scales.take_weight, reference, record=record, by=by, tell=_as_text
        )
        return weights
    take_one = readings.take_for_step
    return {code: [perform(take_one, reference, code, record=record, by=by, tell=str)]}


def _as_text(taken: Mapping[str, Sequence[UUID]]) -> dict[str, list[str]]:
    return {code: [str(each) for each in ids] for code, ids in taken.items()}


def _with_readings(given: Given, taken: Mapping[str, Sequence[str]]) -> Given:
    """What was taken now stands after what was taken before."""
    found = {code: list(ids) for code, ids in given.readings.items()}
    for code, ids in taken.items():
        found.setdefault(code, []).extend(UUID(each) for each in ids)
    return replace(given, readings=found)


def _given(context: StepContext) -> Given:
    try:
        entry = entries.entry_of(context.spec)
    except FileRefused:
        entry = entries.entry_of(context.spec, with_files=False)
    return Given(
        values=entry.values,
        readings=entries.readings_of(request.form),
        not_applicable=entry.not_applicable,
        checks=entry.checks,
        scans=entry.scans,
        units=entry.units,
        files=entry.files,
        staged=staging.stage(dict(entry.files)),
        comment=entry.comment,
        reason=entry.reason,
    )


def _state(outcome: StepOutcome) -> str:
    return outcome.state


@bp.post(STEP + "/perform", endpoint="perform")
@needs("record.read")
def perform_it(number: str, key: str, occurrence: int) -> Page:
    """Record what the step asks, signed where the recipe says so."""
    reference, context = _reference(number, key, occurrence)
    labels = _labels(number, key, occurrence)
    try:
        entry = entries.entry_of(context.spec)
        taken = entries.readings_of(request.form)
        by = identity.actor_as(context.spec.role)
        done = url_for("ebr.step", number=number, key=key, occurrence=occurrence)
        if "performer" not in rules.parts_due(context.spec.signature):
            perform(
                perform_step,
                reference,
                entry,
                record=reference.record,
                by=by,
                readings=taken,
                tell=_state,
            )
            return go_on(done)
        return signed(
            SignedAct(
                command=perform_step,
                arguments=(reference, entry),
                record=reference.record,
                meaning=rules.meaning_of(context.spec.signature, "performer"),
                title=_("Sign: %(name)s", name=context.spec.name),
                done=done,
                more={"readings": taken},
                shown=lambda outcome: outcome.shown,
                tell=_state,
                by=by,
                labels=labels,
            )
        )
    except Refusal as refusal:
        if is_fragment_request() or refusal.http_status != 422:
            raise
        problem = of_refusal(refusal)
        return _render(number, key, occurrence, _given(context), problem), 422


@bp.post(STEP + "/sign/<part>")
@needs("record.read")
def sign(number: str, key: str, occurrence: int, part: str) -> Page:
    """Verify, confirm or approve; a second person does it in the session of the first (W4)."""
    reference, context = _reference(number, key, occurrence)
    policy, role = context.spec.signature, context.spec.role
    if part not in ("verifier", "confirmer", "approver"):
        raise NoSuchStep(
            _("There is no such signature."), resolver=_("nobody: open the step from the batch")
        )
    wanted = rules.role_of(policy, part, role)
    with _opened(number, key, occurrence) as again:
        shown = content.of_step(again)
        labels = stepviews.labels_of(again)
    disagrees = request.form.get("_decision") == "disagree"
    own = _signs_in_person(context, part, wanted)
    return signed(
        SignedAct(
            command=remarks.disagree if disagrees else sign_step,
            arguments=(reference, part, request.form.get("disagreement", ""))
            if disagrees
            else (reference, part),
            record=reference.record,
            meaning="rejected" if disagrees else rules.meaning_of(policy, part),
            title=_sign_title(part, context.spec.name),
            done=url_for("ebr.step", number=number, key=key, occurrence=occurrence),
            tell=_state,
            content=shown,
            by=identity.actor_as(wanted or role) if own else None,
            role_of=None if own else _able_role(wanted, role),
            refusable=part != "confirmer",
            labels=labels,
        )
    )


def _sign_title(part: str, name: str) -> str:
    return {
        "verifier": _("Verify: %(name)s", name=name),
        "confirmer": _("Confirm: %(name)s", name=name),
        "approver": _("Approve: %(name)s", name=name),
    }[part]


def _signs_in_person(context: StepContext, part: str, wanted: str | None) -> bool:
    me = identity.me()
    if part != "confirmer" and context.step.performed_by == me.badge:
        return False
    return wanted in me.roles if wanted else identity.may("step.verify")


def _able_role(wanted: str | None, step_role: str) -> Any:
    def role_of(session: Session, badge: str) -> str:
        held = people.roles_of(session, badge, moment(session).site)
        for role in (wanted, step_role):
            if role in held:
                return str(role)
        return held[0] if held else "person"

    return role_of


@bp.post(STEP + "/correct/<code>/<int:position>")
@needs("correction.make")
def correct(number: str, key: str, occurrence: int, code: str, position: int) -> Page:
    """Correct a typed value: a new value with reason; the step is signed again (W2)."""
    reference, context = _reference(number, key, occurrence)
    correction = Correction(
        code=code,
        position=position,
        text=entries.canonical(request.form.get("text", "")),
        reason=request.form.get("reason", ""),
    )
    policy, labels = context.spec.signature, _labels(number, key, occurrence)
    by = identity.actor_as(context.spec.role)
    done = url_for("ebr.step", number=number, key=key, occurrence=occurrence)
    if "performer" not in rules.parts_due(policy):
        perform(correct_value, reference, correction, record=reference.record, by=by, tell=_state)
        return go_on(done)
    return signed(
        SignedAct(
            command=correct_value,
            arguments=(reference, correction),
            record=reference.record,
            meaning=rules.meaning_of(policy, "performer"),
            title=_("Sign the correction: %(name)s", name=context.spec.name),
            done=done,
            shown=lambda outcome: outcome.shown,
            tell=_state,
            by=by,
            labels=labels,
        )
    )


@bp.post(STEP + "/comment")
@needs("exception.comment")
def comment(number: str, key: str, occurrence: int) -> AnyResponse:
    """Say something at the step."""
    reference, _context = _reference(number, key, occurrence)
    perform(remarks.comment_step, reference, request.form.get("text", ""), record=reference.record)
    return go_on(url_for("ebr.step", number=number, key=key, occurrence=occurrence))


@bp.post(STEP + "/report")
@needs("exception.raise")
def report(number: str, key: str, occurrence: int) -> AnyResponse:
    """Report an exception that no device and no limit can see."""
    reference, _context = _reference(number, key, occurrence)
    given = request.form.get("severity", "")
    severity = Severity(given) if given in ("minor", "major", "critical") else Severity.MAJOR
    perform(
        remarks.report_exception,
        reference,
        severity,
        request.form.get("text", ""),
        record=reference.record,
    )
    return go_on(url_for("ebr.step", number=number, key=key, occurrence=occurrence))


# --- exceptions --------------------------------------------------------------------------------


@bp.post("/records/<number>/exceptions/<int:case>/comment")
@needs("exception.comment")
def comment_case(number: str, case: int) -> AnyResponse:
    """What happened and what was done about it."""
    with identity.house().reading() as session:
        stream = queries.run_of(session, number).stream
    perform(
        cases.comment_exception,
        ExceptionReference(record=stream, number=case),
        request.form.get("text", ""),
        record=stream,
    )
    return go_on(back(number))


@bp.get("/records/<number>/files/<digest>")
@needs("record.read")
def file(number: str, digest: str) -> Response:
    """A file of the record, its digest checked; never shown as a page of ours."""
    with identity.house().reading() as session:
        run = queries.run_of(session, number)
        found = next(
            (each for each in queries.attachments(session, run) if each.digest == digest), None
        )
        if found is None:
            raise NotFound(_("The record has no such file."), resolver=_("the record's list"))
        kind = "inline" if found.media_type in ("image/png", "image/jpeg") else "attachment"
        return Response(
            queries.stored_file(found),
            mimetype=found.media_type,
            headers={"Content-Disposition": f'{kind}; filename="{digest[:16]}"'},
        )
