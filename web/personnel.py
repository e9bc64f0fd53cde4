"""Login, lock, unlock, logout, own passphrase, terminal and language."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, g, redirect, render_template, request, session, url_for
from werkzeug.wrappers import Response

from core.errors import Invalid, Refusal
from personnel import enrolment, sessions, signing
from personnel.errors import NotSignedIn, PassphraseRefused, SessionLocked
from web import identity
from web.access import for_anyone, public, signed_in
from web.errors import is_fragment_request, of_refusal
from web.i18n import CHOICE, LANGUAGES
from web.i18n import gettext as _
from web.identity import LAYOUTS, THEMES, Terminal
from web.security import forget_form_session
from web.signing import Page, SignedAct, go_on, signed

bp = Blueprint("personnel", __name__)


@bp.get("/login")
@public
def login() -> str | Response:
    """Badge and passphrase."""
    if g.presence is not None:
        return redirect(_next(), 303)
    return _login_page()


@bp.post("/login")
@public
def log_in() -> Page:
    """Open a session; an earlier one at this terminal ends with it."""
    identity.refuse_plain_http()
    badge = request.form.get("badge", "").strip()
    try:
        opened = sessions.login(
            identity.house(),
            badge,
            request.form.get("passphrase", ""),
            terminal=identity.terminal().name,
            replaces=identity.token(),
        )
    except Refusal as refusal:
        return _login_page(refusal), refusal.http_status
    forget_form_session()
    response = redirect(url_for(".passphrase") if opened.must_change else _next(), 303)
    identity.keep_session(response, opened.token)
    return response


def _login_page(refusal: Refusal | None = None) -> str:
    return render_template(
        "personnel/login.html",
        problem=of_refusal(refusal) if refusal else None,
        badge=request.form.get("badge", ""),
        next=_next(),
    )


def _next() -> str:
    """Where to go after signing in: a path of ours, else the work queue."""
    wanted = request.values.get("next", "")
    parts = urlsplit(wanted)
    ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\"))
    if ours and not parts.scheme and not parts.netloc and "\\" not in wanted:
        return wanted
    return url_for("ebr.queue")


@bp.get("/unlock")
@public
def unlock() -> str | Response:
    """The page of a locked session, for browsers without script and for reloads."""
    if identity.session_state() != "locked":
        return redirect(url_for(".login", next=_next()), 303)
    return render_template("personnel/unlock.html", next=_next(), who=_locked_person())


@bp.post("/unlock")
@public
def go_on_after_lock() -> Page:
    """The same person goes on with what stands on the screen."""
    identity.refuse_plain_http()
    try:
        opened = sessions.unlock(
            identity.house(),
            identity.token() or "",
            request.form.get("passphrase", ""),
            terminal=identity.terminal().name,
        )
    except NotSignedIn:
        return go_on(url_for(".login"))
    except Refusal as refusal:
        page = "fragments/problem.html" if is_fragment_request() else "personnel/unlock.html"
        problem = of_refusal(refusal)
        text = render_template(page, problem=problem, next=_next(), who=_locked_person())
        return text, refusal.http_status
    if is_fragment_request():
        response = Response("", 200, {"HX-Trigger": "bw:unlocked"})
    else:
        response = redirect(_next(), 303)
    identity.keep_session(response, opened.token)
    return response


def _locked_person() -> str:
    refusal = g.sign_in_refusal
    return refusal.resolver.partition(",")[0] if isinstance(refusal, SessionLocked) else ""


@bp.post("/lock")
@for_anyone
@public
def lock() -> Response:
    """Lock the screen; what stands on it stays."""
    given = identity.token()
    if given is not None:
        sessions.lock(identity.house(), given, terminal=identity.terminal().name)
    if is_fragment_request():
        return Response("", 200, {"HX-Trigger": "bw:locked"})
    return redirect(url_for(".unlock", next=_next()), 303)


@bp.post("/logout")
@for_anyone
@public
def logout() -> Response:
    """End the session everywhere."""
    given = identity.token()
    if given is not None:
        sessions.logout(identity.house(), given)
    forget_form_session()
    response = go_on(url_for(".login"))
    identity.drop_session(response)
    return response


@bp.post("/touch")
@for_anyone
@signed_in
def touch() -> tuple[str, int]:
    """The person types or moves: the idle time starts again (done by the door)."""
    return "", 204


@bp.get("/passphrase")
@for_anyone
@signed_in
def passphrase() -> str:
    """Change the own passphrase."""
    return render_template("personnel/passphrase.html", problem=None)


@bp.post("/passphrase")
@for_anyone
@signed_in
def change_passphrase() -> Page:
    """Set a new passphrase; the old one must be right."""
    identity.refuse_plain_http()
    try:
        _refuse_unequal()
        enrolment.change_passphrase(
            identity.house(),
            badge=identity.me().badge,
            old=request.form.get("passphrase", ""),
            new=request.form.get("new", ""),
            terminal=identity.terminal().name,
        )
    except Refusal as refusal:
        problem = of_refusal(refusal)
        return render_template("personnel/passphrase.html", problem=problem), refusal.http_status
    return redirect(url_for("ebr.queue"), 303)


@bp.get("/enrol")
@public
def enrol() -> str:
    """Choose a passphrase with the single-use secret that an administrator issued."""
    return _enrol_page()


@bp.post("/enrol")
@public
def set_first_passphrase() -> Page:
    """Set the passphrase; nobody else ever knows it (URS-IAM-070)."""
    identity.refuse_plain_http()
    try:
        _refuse_unequal()
        enrolment.set_passphrase(
            identity.house(),
            badge=request.form.get("badge", "").strip(),
            secret=request.form.get("secret", ""),
            passphrase=request.form.get("new", ""),
            terminal=identity.terminal().name,
        )
    except Refusal as refusal:
        return _enrol_page(refusal), refusal.http_status
    return go_on(url_for(".login"))


def _enrol_page(refusal: Refusal | None = None) -> str:
    return render_template(
        "personnel/enrol.html",
        problem=of_refusal(refusal) if refusal else None,
        badge=request.form.get("badge", ""),
    )


def _refuse_unequal() -> None:
    if request.form.get("new", "") != request.form.get("again", ""):
        raise PassphraseRefused(
            _("The two new passphrases differ."), resolver=_("you, by typing it twice")
        )


@bp.route("/undertaking", methods=["GET", "POST"])
@signed_in
def undertaking() -> Page:
    """What everybody signs once before any other signature (Part 11, 11.100(c))."""
    with identity.house().reading() as reading:
        content = signing.undertaking(reading, identity.me().badge)
    if request.method == "GET":
        return render_template("personnel/undertaking.html", statement=signing.STATEMENT)
    return signed(
        SignedAct(
            command=_undertake,
            arguments=(),
            record=content.record,
            meaning="undertaken",
            title=_("Undertaking about electronic signatures"),
            done=url_for("ebr.queue"),
            shown=lambda _answer: content,
        )
    )


def _undertake(
    session: object, *, rehearsal: bool = False, signed_by: object = None, **who: object
) -> None:
    """The command behind the undertaking takes its confirmation as an argument."""
    if not rehearsal:
        signing.sign_undertaking(session, signed_by, **who)  # type: ignore[arg-type]


@bp.get("/terminal")
@public
def terminal() -> str:
    """The profile of this terminal."""
    return render_template("personnel/terminal.html", layouts=LAYOUTS, themes=THEMES)


@bp.post("/terminal")
@public
def set_terminal() -> Response:
    """Name, room, layout and theme of this terminal."""
    form = request.form
    name = form.get("name", "").strip()[:40]
    if not name or form.get("layout") not in LAYOUTS or form.get("theme") not in THEMES:
        raise Invalid(_("The terminal needs a name, a layout and a theme."), resolver=_("you"))
    room = form.get("room", "").strip()[:20]
    if g.presence is not None and name != g.terminal.name:
        raise Invalid(_("Sign out before you rename this terminal."), resolver=_("you"))
    profile = Terminal(name=name, room=room, layout=form["layout"], theme=form["theme"])
    response = redirect(_next(), 303)
    identity.keep_terminal(response, profile)
    return response


@bp.post("/look")
@public
def look() -> Response:
    """Switch between light and dark at this terminal."""
    theme = "light" if g.terminal.theme == "dark" else "dark"
    response = redirect(_next(), 303)
    identity.keep_terminal(response, replace(g.terminal, theme=theme))
    return response


@bp.post("/language")
@public
def language() -> Response:
    """Choose the language of the screens."""
    wanted = request.form.get("language")
    if wanted in LANGUAGES:
        session[CHOICE] = wanted
    return redirect(_next(), 303)
