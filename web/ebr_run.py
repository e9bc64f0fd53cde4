"""A record as a whole at work: where it stands, what lets it go on, hold, restart, end (W5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response as AnyResponse

from audit.signatures import SignedContent
from core.actors import Actor
from core.errors import NotFound
from core.house import moment
from ebr import consequences, goingon, queries, rules
from ebr.commands import ending, runs
from ebr.commands import exceptions as cases
from ebr.commands.ending import Cause, Ending, EndRun
from ebr.commands.exceptions import ExceptionReference
from ebr.models import ProcedureRun, StepRecord
from ebr.opening import context_of
from personnel import permissions
from personnel import queries as people
from personnel.matrix import roles_with
from web import awaited, identity, inputs, messages, steptimes, stepviews
from web.access import needs
from web.ebr_next import next_views
from web.i18n import gettext as _
from web.performing import perform
from web.signing import Page, SignedAct, go_on, signed
from workflows.words import Severity

bp = Blueprint("run", __name__)


def causes() -> list[tuple[str, str]]:
    """The list of reasons for ending a batch."""
    words = {
        Cause.PRODUCT_QUALITY: _("Product quality"),
        Cause.EQUIPMENT_FAILURE: _("Failure of equipment"),
        Cause.UNSUITABLE_MATERIAL: _("Unsuitable material"),
        Cause.UTILITY_FAILURE: _("Failure of power, water, air"),
        Cause.SAFETY: _("Safety of people"),
        Cause.PLANNING: _("Planning"),
        Cause.OTHER: _("Another reason"),
    }
    return [(cause.value, text) for cause, text in words.items()]


def areas() -> dict[str, str]:
    """What the consequences of an end concern."""
    return {
        "steps": _("Steps"),
        "times": _("Times"),
        "equipment": _("Equipment"),
        "material": _("Material"),
        "lots": _("Lots"),
    }


@bp.get("/records/<number>")
@needs("record.read")
def at_work(number: str) -> str:
    """A record at a glance: where it stands, what lets it go on, its steps, hold, restart, end."""
    with identity.house().reading() as session:
        run = queries.run_of(session, number)
        found = consequences.of(session, run) if run.state in ("running", "held") else []
        return render_template(
            "ebr/record.html",
            run=run,
            steps=[_line(session, run, step) for step in queries.steps(session, run)],
            next_acts=next_views(session, run),
            awaited=awaited.of(session, run),
            desk=messages.desk_of(session, run),
            times=steptimes.of_run(session, run),
            consequences={
                name: [each for each in found if each.area == area]
                for area, name in areas().items()
            },
            causes=causes(),
            enders=people.people_who_can(session, "batch.abort"),
        )


def _line(session: Session, run: ProcedureRun, step: StepRecord) -> dict[str, Any]:
    context = context_of(session, run, step, by=identity.actor(), at=moment(session).site)
    return {
        "key": step.key,
        "name": context.spec.name,
        "state": step.state,
        "occurrence": step.occurrence,
        "started": step.started_at,
        "by": stepviews.name_of(context, step.performed_by or step.started_by),
        "address": url_for("ebr.step", number=run.number, key=step.key, occurrence=step.occurrence),
    }


@bp.post("/records/<number>/hold")
@needs("batch.hold")
def hold(number: str) -> AnyResponse:
    """Hold the batch; equipment goes on as it is, and the page says so."""
    perform(runs.hold_run, number, request.form.get("reason", ""), record=_stream(number))
    return go_on(url_for(".at_work", number=number))


@bp.post("/records/<number>/restart")
@needs("batch.restart")
def restart(number: str) -> AnyResponse:
    """Restart a HELD batch."""
    perform(runs.restart_run, number, request.form.get("reason", ""), record=_stream(number))
    return go_on(url_for(".at_work", number=number))


def _stream(number: str) -> str:
    with identity.house().reading() as session:
        return queries.run_of(session, number).stream


@bp.post("/records/<number>/end/<how>")
@needs("record.read")
def end(number: str, how: str) -> Page:
    """Stop or abort, signed by the supervisor at any terminal, over all consequences (W5)."""
    with identity.house().reading() as session:
        command = _end_of(queries.run_of(session, number).stream, how)
        shown = ending.content_of(session, command)
    stops = command.how is Ending.STOP
    stopping, aborting = _("Stop %(number)s", number=number), _("Abort %(number)s", number=number)
    return signed_with(
        ending.end_run,
        (command,),
        permission=ending.PERMISSIONS[command.how],
        title=stopping if stops else aborting,
        content=shown,
    )


def _end_of(record: str, how: str) -> EndRun:
    if how not in tuple(Ending):
        raise NotFound(_("A batch is stopped or aborted."), resolver=_("you, by going back"))
    return EndRun(
        record=record,
        how=Ending(how),
        cause=Cause(inputs.chosen("cause", _("Reason"), tuple(each.value for each in Cause))),
        text=inputs.text("text", _("What happened")),
        typed=request.form.get("typed", ""),
    )


@bp.post("/records/<number>/exceptions/<int:case>/way")
@needs("record.read")
def propose(number: str, case: int) -> Page:
    """The supervisor says how the flow goes on where the recipe leads nowhere."""
    way = inputs.text("way", _("How it goes on"))
    reason = inputs.text("reason", _("Why it is right to go on"))
    with identity.house().reading() as session:
        run = queries.run_of(session, number)
        reference = ExceptionReference(record=run.stream, number=case)
        at = moment(session).site
        proposal = cases.proposal_for(session, reference, way, reason, at=at)
        found = queries.exception_of(session, run, case)
        shown = cases.content_of(found, proposal["reason"], "way_proposed", proposal)
    return signed_with(
        cases.propose_way,
        (reference, way, reason),
        permission=goingon.PROPOSING,
        title=_("How %(number)s goes on after exception %(case)s", number=number, case=case),
        content=shown,
    )


@bp.post("/records/<number>/exceptions/<int:case>/go-on")
@needs("record.read")
def let_go_on(number: str, case: int) -> Page:
    """Supervisor (major) or quality unit (critical) lets the flow go on, at any terminal."""
    reason = request.form.get("reason", "")
    with identity.house().reading() as session:
        run = queries.run_of(session, number)
        found = queries.exception_of(session, run, case)
        words = rules.need_reason(reason, _("letting the flow go on"))
        shown = cases.content_of(found, words, "go_on")
        severity = Severity(found.severity)
    return signed_with(
        cases.release_exception,
        (ExceptionReference(record=shown.record, number=case), reason),
        permission=cases.NEED_PERMISSION.get(severity, "exception.decide_minor"),
        title=_("Let the flow go on after exception %(number)s", number=case),
        content=shown,
    )


def signed_with(
    command: Callable[..., Any],
    arguments: tuple[Any, ...],
    *,
    permission: str,
    title: str,
    content: SignedContent,
) -> Page:
    """Signed by the person here when permitted, else by a second person at this terminal."""
    own = identity.may(permission)
    return signed(
        SignedAct(
            command=command,
            arguments=arguments,
            record=content.record,
            meaning="approved",
            title=title,
            done=back(content.record.rpartition("/")[2]),
            content=None if own else content,
            by=actor_with(permission) if own else None,
            role_of=None if own else _role_with(permission),
        )
    )


def back(number: str) -> str:
    """The page that the form stood on: a step of this record, else the record itself."""
    key, occurrence = request.form.get("_key_of_step", ""), request.form.get("_occurrence", "")
    if key and occurrence.isdecimal():
        return url_for("ebr.step", number=number, key=key, occurrence=int(occurrence))
    return url_for("run.at_work", number=number)


def actor_with(permission: str) -> Actor:
    """The person here, in a role that holds the permission. Raises NotPermitted."""
    with identity.house().reading() as session:
        return identity.me().actor(permissions.require(session, identity.actor(), permission))


def _role_with(permission: str) -> Callable[[Session, str], str]:
    def role_of(session: Session, badge: str) -> str:
        held = people.roles_of(session, badge, moment(session).site)
        able = roles_with(permission)
        return next((str(role) for role in held if role in able), held[0] if held else "person")

    return role_of
