"""Who is here: the terminal (a signed cookie), the session (a token stored as a hash), the door.

Sessions live in the database (`personnel.sessions`); the cookie holds only the token. Over plain
HTTP a token is given on this machine itself only.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass
from typing import Any

import structlog
from flask import Flask, current_app, g, redirect, request, url_for
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from werkzeug.wrappers import Response

from core.actors import Actor
from core.errors import Refusal
from core.house import House
from core.sites import SiteMode
from personnel import permissions, sessions
from personnel import queries as people
from personnel.errors import NotSignedIn, SessionLocked
from personnel.matrix import DEMONSTRATION, roles_with
from personnel.sessions import Presence
from web.access import Access, access_of
from web.errors import SAFE, NotEncrypted, OtherPersonsPage
from web.i18n import gettext as _
from web.security import clear_cookie, cookie_name, set_cookie

SESSION = "bw_session"
TERMINAL = "bw_terminal"
FIVE_YEARS = 5 * 365 * 24 * 3600
LAYOUTS = ("desk", "terminal")
THEMES = ("light", "dark")
LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terminal:
    """A workplace: name and room are recorded with every act; layout and theme are its looks."""

    name: str
    room: str = ""
    layout: str = "desk"
    theme: str = "light"


def house() -> House:
    """The composed application."""
    found: House = current_app.extensions["house"]
    return found


def install_terminal(app: Flask) -> None:
    """Know the terminal before anything can be refused: pages of refusals show it, too."""
    app.before_request(_know_terminal)


def install(app: Flask) -> None:
    """Register the door."""
    app.before_request(_admit)
    app.after_request(_remember_terminal)


def me() -> Presence:
    """The person who is signed in; `NotSignedIn` otherwise."""
    found: Presence | None = g.get("presence")
    if found is None:
        raise _not_signed_in()
    return found


def actor() -> Actor:
    """The person as the one who acts, in the role that opened this page."""
    found: Actor = g.actor
    return found


def actor_as(role: str | None) -> Actor:
    """The person in a given role when held (a step names one), else as `actor`."""
    return me().actor(role) if role in me().roles else actor()


def may(permission: str) -> bool:
    """For screens: do the person's roles hold the permission?"""
    presence: Presence | None = g.get("presence")
    if presence is None:
        return False
    if permission in DEMONSTRATION and current_app.extensions["site"].mode != "DEMONSTRATION":
        return False
    return any(role in roles_with(permission) for role in presence.roles)


def token() -> str | None:
    """The session token of this request."""
    return request.cookies.get(cookie_name(SESSION))


def terminal() -> Terminal:
    """The terminal of this request."""
    found: Terminal = g.terminal
    return found


def serializer(purpose: str) -> URLSafeTimedSerializer:
    """Signs what goes out in a page and comes back, for one purpose only."""
    return URLSafeTimedSerializer(current_app.secret_key or b"", salt=f"batchwright-{purpose}")


def keep_session(response: Response, value: str) -> None:
    """Give the browser its new session token. Raises NotEncrypted off this machine."""
    set_cookie(response, SESSION, value)


def drop_session(response: Response) -> None:
    """Take the session token away."""
    clear_cookie(response, SESSION)


def refuse_plain_http() -> None:
    """Raises NotEncrypted when a secret would cross a network in clear."""
    if not request.is_secure and request.remote_addr not in LOOPBACK:
        raise NotEncrypted(
            _("This connection is not encrypted."), resolver=_("the administrator, by serving TLS")
        )


def keep_terminal(response: Response, profile: Terminal) -> None:
    """Remember the terminal's profile in its browser."""
    set_cookie(response, TERMINAL, _profiles().dumps(asdict(profile)), max_age=FIVE_YEARS)


def _profiles() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.secret_key or b"", salt="batchwright-terminal")


def _terminal() -> Terminal:
    given = request.cookies.get(cookie_name(TERMINAL))
    if given:
        try:
            return _checked(_profiles().loads(given))
        except (BadSignature, TypeError, ValueError):
            pass
    g.new_terminal = True
    return Terminal(name=f"Desk {secrets.token_hex(2).upper()}")


def _checked(given: dict[str, Any]) -> Terminal:
    profile = Terminal(**given)
    if profile.layout not in LAYOUTS or profile.theme not in THEMES or not profile.name.strip():
        raise ValueError("not a terminal profile of ours")
    return profile


def _remember_terminal(response: Response) -> Response:
    if g.pop("new_terminal", False):
        keep_terminal(response, g.terminal)
    return response


def _know_terminal() -> None:
    g.terminal = _terminal()


def _admit() -> Response | None:
    g.presence, g.sign_in_refusal = None, None
    if request.endpoint is None:
        _look(passive=True)
        return None
    access = access_of(current_app.view_functions[request.endpoint])
    _look(passive=access.passive or "fragment" in request.args)
    if access.public:
        return None
    return _pass(access)


def _look(*, passive: bool) -> None:
    given = token()
    if given is None:
        return
    ask = sessions.current if passive else sessions.touch
    try:
        g.presence = ask(house(), given, terminal=g.terminal.name)
        g.actor = g.presence.actor()
        structlog.contextvars.bind_contextvars(user=g.presence.badge)
    except NotSignedIn as refusal:
        g.sign_in_refusal = refusal


def session_state() -> str:
    """``open``, ``locked`` or ``none``."""
    if g.get("presence") is not None:
        return "open"
    return "locked" if isinstance(g.get("sign_in_refusal"), SessionLocked) else "none"


def _pass(access: Access) -> Response | None:
    if g.presence is None:
        raise g.sign_in_refusal or _not_signed_in()
    if g.presence.must_change and not access.for_anyone:
        return redirect(url_for("personnel.passphrase"), 303)
    if access.permission is not None:
        _require(access.permission)
    if request.method not in SAFE and not access.for_anyone:
        _refuse_other_person()
    return None


def _require(permission: str) -> None:
    by = g.presence.actor()
    try:
        with house().reading() as session:
            g.actor = g.presence.actor(permissions.require(session, by, permission))
    except Refusal as refusal:
        house().keep_attempt(refusal, command=f"page {request.endpoint}", record="site", by=by)
        raise


def _refuse_other_person() -> None:
    shown_to = request.form.get("_for", "")
    if people.fold(shown_to) == people.fold(g.presence.badge):
        return
    owner = _("another person")
    with house().reading() as session:
        found = people.find(session, shown_to)
        owner = people.called(found) if found else owner
    refusal = OtherPersonsPage(
        _("This page belongs to %(owner)s.", owner=owner),
        resolver=_("%(name)s, by opening a page of their own", name=g.presence.name),
    )
    raise refusal


def _not_signed_in() -> NotSignedIn:
    return NotSignedIn(
        _("You are not signed in at this terminal."), resolver=_("you, by signing in")
    )


def is_demonstration() -> bool:
    """Whether this site is for demonstration."""
    return bool(current_app.extensions["site"].mode == SiteMode.DEMONSTRATION)
