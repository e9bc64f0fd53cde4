"""Messages and signals from outside, at the page of a batch: what it waits for, and passing on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import Invalid
from core.house import moment
from ebr import queries
from ebr.commands import messages
from ebr.commands.messages import FromOutside
from ebr.models import ProcedureRun, RunState
from engine import listening
from engine.listening import Listening
from web import identity, inputs
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.signing import go_on
from workflows import queries as definitions
from workflows.words import NamedForm

bp = Blueprint("messages", __name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One thing that the batch waits for, in words."""

    what: str
    wanted: str
    where: str
    then: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What a batch waits for, and what can be passed on to it: value and words of each name."""

    places: Sequence[Place]
    names: Sequence[tuple[str, str]]
    correlated: bool


def desk_of(session: Session, run: ProcedureRun) -> Desk | None:
    """The desk of a batch that has begun and has not ended; None where its recipe knows none."""
    if run.state not in (RunState.RUNNING, RunState.HELD):
        return None
    procedure = definitions.load(session, run.file_digest)
    names = [
        (f"{form}:{name}", f"{_form(form)} {name}")
        for form in (NamedForm.MESSAGE, NamedForm.SIGNAL)
        for name in sorted(listening.names(procedure, form))
    ]
    if not names:
        return None
    found = listening.listening(session, run.stream, at=moment(session).site)
    open_now = {f"{place.form}:{place.name}" for place in found}
    return Desk(
        places=[_place(place) for place in found],
        names=sorted(names, key=lambda name: name[0] not in open_now),
        correlated=any(name.startswith(NamedForm.MESSAGE) for name, _words in names),
    )


def _form(form: NamedForm) -> str:
    return _("Message") if form is NamedForm.MESSAGE else _("Signal")


def _place(place: Listening) -> Place:
    if not place.correlated:
        wanted = ""
    elif place.correlation is None:
        wanted = _("for something that is not known yet")
    else:
        wanted = _("for %(what)s", what=place.correlation)
    if place.form is NamedForm.SIGNAL and place.plant_wide:
        wanted = _("from any batch of the site")
    drawn_apart = place.at != place.label
    return Place(
        what=f"{_form(place.form)} {place.name}",
        wanted=wanted,
        where=place.at,
        then=then_of(ends=place.ends, event=place.label if drawn_apart else ""),
        since=place.since,
    )


def then_of(*, ends: bool, event: str) -> str:
    """What follows when the awaited happens: an `event` drawn at something `ends` it or not; one
    without a name of its own stands in the flow."""
    said = f" ({event})" if event else ""
    if ends:
        return _("ends it and goes on elsewhere%(event)s", event=said)
    if event:
        return _("something else begins beside it%(event)s", event=said)
    return _("the flow goes on")


@bp.post("/records/<number>/messages")
@needs(messages.PERMISSION)
def send(number: str) -> Response:
    """Pass on to the batch what somebody outside has said."""
    with identity.house().reading() as session:
        stream = queries.run_of(session, number).stream
    form, _colon, name = inputs.text("what", _("What came")).partition(":")
    is_signal = form == NamedForm.SIGNAL
    sent = FromOutside(
        record=stream,
        name=name,
        sender=inputs.text("sender", _("Who sent it")),
        correlation=inputs.text("correlation", _("What it is for"), needed=False) or None,
        payload=_payload(),
        keep=None if is_signal else request.form.get("keep") or None,
    )
    command = messages.send_signal if is_signal else messages.send_message
    perform(command, sent, record=stream, tell=lambda effect: list(effect.released))
    return go_on(url_for("run.at_work", number=number))


def _payload() -> dict[str, str]:
    """One value on each line, ``name: text``."""
    found: dict[str, str] = {}
    for line in inputs.text("carried", _("What it said"), needed=False).splitlines():
        if not line.strip():
            continue
        name, colon, text = line.partition(":")
        if not colon or name.strip() in found:
            raise Invalid(
                _("Each line is a name of its own, a colon and a text: %(line)s", line=line[:60]),
                resolver=_("you, by typing it"),
                field="carried",
            )
        found[name.strip()] = text.strip()
    return found
