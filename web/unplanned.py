"""Leaving the plan on the pages: the supervisor proposes it at a step, the quality unit decides."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, url_for

from core.house import moment
from ebr import goingon, queries, rules
from ebr.commands import exceptions, unplanned
from ebr.commands.exceptions import ExceptionReference
from ebr.commands.unplanned import LeavePlan
from ebr.context import StepContext
from ebr.errors import NoSuchStep
from ebr.opening import context_of
from engine.detours import Way
from engine.lowering import DONE
from web import ebr_run, identity, inputs
from web.access import needs
from web.i18n import gettext as _
from web.signing import Page, SignedAct, signed

bp = Blueprint("unplanned", __name__)


def ways_of(context: StepContext) -> Sequence[tuple[str, str]]:
    """Value and words of each way out of the plan at a step; none for who may not propose one."""
    if not identity.may(goingon.PROPOSING):
        return ()
    return [(way.name, _words(context, way)) for way in unplanned.ways(context)]


def _words(context: StepContext, way: Way) -> str:
    if way.name == DONE:
        return _("leave this step out; what comes after it follows")
    if way.element == context.step.element:
        return _("begin this step anew")
    return _("go on at: %(name)s", name=way.label)


@bp.post("/records/<number>/steps/<key>/<int:occurrence>/leave")
@needs(goingon.PROPOSING)
def propose(number: str, key: str, occurrence: int) -> Page:
    """The supervisor proposes, signed, to leave the plan at a step that is open."""
    with identity.house().reading() as session:
        run = queries.run_of(session, number)
        found = queries.steps_of_key(session, run, key)
        step = next((each for each in found if each.occurrence == occurrence), None)
        if step is None:
            raise NoSuchStep(
                _("%(number)s has not reached step %(key)s.", number=number, key=key),
                resolver=_("the steps before it"),
            )
        name = context_of(
            session, run, step, by=identity.actor(), at=moment(session).site
        ).spec.name
        plan = LeavePlan(
            record=run.stream,
            path=step.path,
            way=inputs.text("way", _("What is to happen instead")),
            reason=inputs.text("reason", _("Why it is right")),
        )
    return signed(
        SignedAct(
            command=unplanned.propose_unplanned,
            arguments=(plan,),
            record=plan.record,
            meaning=unplanned.MEANING,
            title=_("Leave the plan at %(name)s", name=name),
            done=url_for("run.at_work", number=number),
            by=ebr_run.actor_with(goingon.PROPOSING),
        )
    )


@bp.post("/records/<number>/exceptions/<int:case>/refuse")
@needs("record.read")
def refuse(number: str, case: int) -> Page:
    """The quality unit refuses what was proposed, at any terminal: on as the recipe says."""
    reason = inputs.text("reason", _("Why it is not right"))
    with identity.house().reading() as session:
        run = queries.run_of(session, number)
        found = queries.exception_of(session, run, case)
        words = rules.need_reason(reason, "refusing a proposal")
        shown = exceptions.content_of(found, words, "proposal_refused")
    return ebr_run.signed_with(
        unplanned.refuse_proposal,
        (ExceptionReference(record=shown.record, number=case), reason),
        permission=unplanned.REFUSING,
        title=_("Go on as the recipe says after exception %(number)s", number=case),
        content=shown,
    )
