"""Every problem speaks: what happened, whether it was recorded, who can resolve it.

The only place that knows HTTP codes of problems. A refused command has changed nothing, and its
attempt stands in the trail. htmx requests get the fragment, browsers without it a whole page.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, current_app, g, redirect, render_template, request, url_for
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from core import logs
from core.errors import Busy, Invalid, Refusal, Stale
from ebr import queries as records
from ebr.errors import NoSuchRun
from personnel.errors import NotSignedIn, SessionLocked
from web.i18n import gettext as _
from web.sentences import said

log = logs.logger(__name__)
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""


class OtherPersonsPage(Refusal):
    """The form was rendered for somebody else than the one who is signed in now."""

    rule = "page.other_person"


class RequestExpired(Stale):
    """What was shown for signing is too old to be signed (URS-SIG-080)."""

    rule = "signature.request_expired"


class NotEncrypted(Refusal):
    """Passphrases travel over TLS or not at all, except on this machine itself."""

    rule = "transport.plain"
    http_status = 403


class FileRefused(Invalid):
    """The file is not of a kind that the record keeps, or it is damaged or too large."""

    rule = "file.type"


class ForeignRequest(Refusal):
    """The request came from another site or carries no valid form token (CSRF)."""

    rule = "request.foreign"
    http_status = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What the person reads. `recorded` is a sentence, never a guess."""

    status: int
    title: str
    fact: str
    rule: str
    resolver: str
    recorded: str
    field: str = ""


def is_fragment_request() -> bool:
    """Whether htmx asks (and will put the answer into the page)."""
    return request.headers.get("HX-Request") == "true"


def of_refusal(refusal: Refusal) -> Problem:
    """A refusal as the person reads it; one that would have changed something is kept first.

    Most are recorded where the command refused. This is for those refused before or beside a
    command, such as a step that the record does not have yet (URS-AUD-010). Where the database
    takes no attempt now, that is what the person reads.
    """
    try:
        _keep(refusal)
    except Busy as busy:
        refusal = busy
    return Problem(
        status=refusal.http_status,
        title=_title(refusal.http_status),
        fact=said(refusal.fact),
        rule=refusal.rule,
        resolver=said(refusal.resolver),
        recorded=_("Nothing was recorded. The attempt is noted in the audit trail.")
        if refusal.recorded
        else _("Nothing was changed."),
        field=refusal.details.get("field", ""),
    )


def _keep(refusal: Refusal) -> None:
    # `Busy` is no attempt; asking for its record would wait for the same database again.
    if request.method in SAFE or "actor" not in g or isinstance(refusal, Busy):
        return
    current_app.extensions["house"].keep_attempt(
        refusal, command=f"page {request.endpoint}", record=_record(), by=g.actor
    )


def _record() -> str:
    """The stream of the record that the request is about, the site's where it is about none."""
    number = (request.view_args or {}).get("number")
    if not isinstance(number, str):
        return "site"
    try:
        with current_app.extensions["house"].reading() as session:
            return records.run_of(session, number).stream
    except NoSuchRun:
        return "site"


def _title(status: int) -> str:
    return {
        400: _("This request cannot be trusted"),
        401: _("Please sign in"),
        403: _("You may not do this"),
        404: _("There is no such thing here"),
        405: _("This is not possible here"),
        409: _("This cannot be done now"),
        413: _("The file is too large"),
        422: _("Something is missing or not as expected"),
        429: _("Please wait"),
        503: _("The system is busy"),
    }.get(status, _("Something went wrong"))


def answer(problem: Problem) -> tuple[str, int, dict[str, str]]:
    """The fragment or the page of a problem."""
    if is_fragment_request():
        headers = {"HX-Retarget": "#problem", "HX-Reswap": "innerHTML"}
        return render_template("fragments/problem.html", problem=problem), problem.status, headers
    return render_template("problem.html", problem=problem), problem.status, {}


def install(app: Flask) -> None:
    """Register the handlers."""
    app.register_error_handler(Refusal, _refused)
    app.register_error_handler(CSRFError, _foreign)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _failed)


def _refused(refusal: Refusal) -> tuple[str, int, dict[str, str]] | Response:
    if isinstance(refusal, NotSignedIn) and "presence" in g and g.presence is None:
        return _sign_in_first(refusal)
    return answer(of_refusal(refusal))


def _sign_in_first(refusal: Refusal) -> tuple[str, int, dict[str, str]] | Response:
    if request.method == "GET" and not is_fragment_request():
        page = "personnel.unlock" if isinstance(refusal, SessionLocked) else "personnel.login"
        return redirect(url_for(page, next=request.full_path.rstrip("?")), 303)
    text, status, headers = answer(of_refusal(refusal))
    return text, status, {**headers, "WWW-Authenticate": "Session"}


def _foreign(error: CSRFError) -> tuple[str, int, dict[str, str]]:
    return answer(
        of_refusal(
            ForeignRequest(
                _("The form carries no valid token: %(why)s", why=error.description or ""),
                resolver=_("you, by opening the page again"),
            )
        )
    )


def _http(error: HTTPException) -> tuple[str, int, dict[str, str]] | HTTPException:
    status = error.code or 500
    if status < 400:
        return error
    text, code, headers = answer(
        Problem(
            status=status,
            title=_title(status),
            fact=_("Nothing is found at this address.")
            if status == 404
            else (error.description or ""),
            rule=f"http.{status}",
            resolver=_("you, by going back or using the menu"),
            recorded=_("Nothing was recorded."),
        )
    )
    return text, code, {**headers, **{k: v for k, v in error.get_headers() if k == "Allow"}}


def _failed(error: Exception) -> tuple[str, int, dict[str, str]]:
    log.error("request.failed", exc_info=error)
    return answer(
        Problem(
            status=500,
            title=_("Something went wrong"),
            fact=_("A fault in the system. Its reference is %(ref)s.", ref=g.get("request_id", "")),
            rule="system.fault",
            resolver=_("the administrator, with this reference"),
            recorded=_(
                "Look at the page again before you repeat anything. Sending the same form again "
                "is safe: it is never recorded twice."
            ),
        )
    )
