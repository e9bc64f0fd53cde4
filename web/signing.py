"""Signing on a page: what is signed is shown first, then credentials, then it is done (W3, W4).

One address does both. Without `_request` the command is rehearsed and the dialog shows the content
that the rehearsal made; with it the person has read that content and gives the credentials. The
dialog's request names content and person and is good for two minutes; what is sealed must have the
same digest, else nothing is signed (URS-SIG-020 to -080, Part 11, 11.50 and 11.200).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flask import redirect, render_template, request
from itsdangerous import BadSignature, SignatureExpired
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from audit.signatures import SignedContent
from core.actors import Actor
from core.errors import Refusal
from personnel import queries as people
from personnel import signing
from personnel.errors import ComponentsMissing, TooManyTries, WrongSecret
from web import identity, staging
from web.errors import OtherPersonsPage, Problem, RequestExpired, is_fragment_request, of_refusal
from web.i18n import gettext as _
from web.performing import SECRETS, Tell, earlier_answer, perform

VALID_SECONDS = 120
NOT_REPEATED = SECRETS | {"_decision"}
AGAIN = (WrongSecret, ComponentsMissing, TooManyTries, RequestExpired)
"""Refusals after which the same dialog is shown again, with everything that was typed."""

Page = str | Response | tuple[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedAct:
    """A command that takes a signature (`rehearsal=`, `signed_by=`), as a page offers it.

    `shown` finds the signed content in the rehearsal's answer; `tell` the JSON answer to keep.
    With `content` (of a second person at this terminal) nothing is rehearsed: any able person may
    sign it with full components, and `role_of(session, badge)` says in which role. `done` is where
    the browser goes afterwards. `refusable` offers "disagree" beside "sign".
    """

    command: Callable[..., Any]
    arguments: tuple[Any, ...]
    record: str
    meaning: str
    title: str
    done: str
    more: Mapping[str, Any] = field(default_factory=dict)
    shown: Callable[[Any], SignedContent] = lambda answer: answer
    tell: Tell = lambda _answer: None
    by: Actor | None = None
    content: SignedContent | None = None
    role_of: Callable[[Session, str], str] | None = None
    refusable: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    """How people call the values of the content, by code."""

    @property
    def second_person(self) -> bool:
        """Whether somebody else than the person of the session signs."""
        return self.role_of is not None


def signed(act: SignedAct) -> Page:
    """Show the dialog, or sign and go on."""
    if "_request" not in request.form:
        return dialog(act)
    if earlier_answer() is not None:
        return go_on(act.done)
    try:
        confirmation = _confirm(act)
    except AGAIN as refusal:
        return dialog(act, of_refusal(refusal))
    perform(
        act.command,
        *act.arguments,
        record=act.record,
        by=_signer(act, confirmation.badge),
        tell=act.tell,
        signed_by=confirmation,
        **act.more,
    )
    return go_on(act.done)


def dialog(act: SignedAct, problem: Problem | None = None) -> Page:
    """The dialog with the content as it would be signed now."""
    content = act.content or act.shown(_rehearsed(act))
    hidden = {name: values for name, values in request.form.lists() if name not in NOT_REPEATED} | {
        name: [value]
        for name, value in staging.stage(staging.collect(request.form, request.files)).items()
    }
    told = {"digest": content.digest(), "path": request.path, "for": identity.me().badge}
    page = "fragments/sign.html" if is_fragment_request() else "sign.html"
    text = render_template(
        page,
        act=act,
        content=content,
        hidden=hidden,
        wish=identity.serializer("signature").dumps(told),
        problem=problem,
        secret_only=not act.second_person and identity.me().first_signing_done,
    )
    return (text, problem.status) if problem else text


def go_on(address: str) -> Response:
    """Send the browser on after a form: 303, or htmx's own way."""
    if is_fragment_request():
        return Response("", 200, {"HX-Redirect": address})
    return redirect(address, 303)


def _rehearsed(act: SignedAct) -> Any:
    return identity.house().rehearse(
        act.command,
        *act.arguments,
        by=act.by or identity.actor(),
        record=act.record,
        rehearsal=True,
        **act.more,
    )


def _confirm(act: SignedAct) -> signing.Confirmation:
    identity.refuse_plain_http()
    digest = _shown_digest()
    badge = request.form.get("badge", "").strip()
    own = identity.me().badge
    if not act.second_person and badge and people.fold(badge) != people.fold(own):
        raise OtherPersonsPage(
            _("This signature is %(name)s's.", name=identity.me().name),
            resolver=_("%(name)s, with the own badge", name=identity.me().name),
        )
    if act.second_person and not badge:
        raise ComponentsMissing(
            _("The badge of the second person is missing."), resolver=_("the second person")
        )
    return signing.confirm(
        identity.house(),
        badge=badge or own,
        passphrase=request.form.get("passphrase", ""),
        digest=digest,
        meaning=act.meaning,
        terminal=identity.terminal().name,
        session_token=identity.token(),
        secret_only=not badge,
    )


def _shown_digest() -> str:
    try:
        told = identity.serializer("signature").loads(
            request.form["_request"], max_age=VALID_SECONDS
        )
    except SignatureExpired as error:
        raise RequestExpired(
            _("This was shown more than two minutes ago."),
            resolver=_("you, by reading it again and signing"),
        ) from error
    except BadSignature as error:
        raise _changed() from error
    if told["path"] != request.path or told["for"] != identity.me().badge:
        raise _changed()
    return str(told["digest"])


def _changed() -> Refusal:
    return RequestExpired(
        _("This signing request does not belong here."), resolver=_("you, by starting again")
    )


def _signer(act: SignedAct, badge: str) -> Actor:
    if act.role_of is None:
        return act.by or identity.actor()
    with identity.house().reading() as session:
        return people.actor(
            session,
            badge,
            role=act.role_of(session, badge),
            terminal=identity.terminal().name,
            login_session=str(identity.me().session_id),
        )
