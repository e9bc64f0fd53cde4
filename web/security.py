"""What every answer carries and every request must show: headers, CSP, origin, form token.

The content security policy allows nothing inline and nothing from elsewhere; a violation that a
browser reports is logged, and fails the browser tests.
"""

from __future__ import annotations

import re
import uuid

import structlog
from flask import Flask, g, request, session
from flask.sessions import SecureCookieSessionInterface
from flask_wtf.csrf import CSRFProtect
from werkzeug.wrappers import Response

from core import logs
from web.errors import SAFE, ForeignRequest
from web.i18n import gettext as _

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=(), payment=(), usb=()",
}
REQUEST_ID = re.compile(r"[A-Za-z0-9-]{8,64}\Z")
QUIET = frozenset({"live.live", "live.csp_report"})

csrf = CSRFProtect()
log = logs.logger(__name__)


class FormSession(SecureCookieSessionInterface):
    """The signed cookie of form token and language: `__Host-` and Secure over TLS."""

    def get_cookie_name(self, app: Flask) -> str:
        """Its name on this connection."""
        return cookie_name("bw_form")

    def get_cookie_secure(self, app: Flask) -> bool:
        """Secure whenever the connection is."""
        return request.is_secure


def cookie_name(plain: str) -> str:
    """The name of a cookie on this connection."""
    return f"__Host-{plain}" if request.is_secure else plain


def set_cookie(response: Response, plain: str, value: str, *, max_age: int | None = None) -> None:
    """Set one of our cookies: HttpOnly, SameSite=Strict, this host only."""
    response.set_cookie(
        cookie_name(plain),
        value,
        max_age=max_age,
        path="/",
        secure=request.is_secure,
        httponly=True,
        samesite="Strict",
    )


def clear_cookie(response: Response, plain: str) -> None:
    """Forget one of our cookies."""
    response.delete_cookie(
        cookie_name(plain), path="/", secure=request.is_secure, httponly=True, samesite="Strict"
    )


def install(app: Flask) -> None:
    """Register the checks and the headers."""
    app.config.update(
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Strict",
        SESSION_COOKIE_PATH="/",
        WTF_CSRF_TIME_LIMIT=None,
    )
    app.session_interface = FormSession()
    app.before_request(_name_the_request)
    app.before_request(_refuse_foreign)
    csrf.init_app(app)
    app.after_request(_dress)


def forget_form_session() -> None:
    """A new person begins with a new form token; the chosen language stays."""
    language = session.get("language")
    session.clear()
    if language:
        session["language"] = language


def _name_the_request() -> None:
    given = request.headers.get("X-Request-Id", "")
    g.request_id = given if REQUEST_ID.match(given) else uuid.uuid4().hex[:12]
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request=g.request_id)


def _refuse_foreign() -> None:
    origin = request.headers.get("Sec-Fetch-Site", "same-origin")
    if request.method not in SAFE and origin not in ("same-origin", "none"):
        raise ForeignRequest(
            _("The request came from another site."), resolver=_("nobody: open our own page")
        )


def _dress(response: Response) -> Response:
    relax: dict[str, str] = g.get("relaxed_policy", {})
    policy = {name: f"{value} {relax.get(name, '')}".strip() for name, value in POLICY.items()}
    extra = {name: value for name, value in relax.items() if name not in POLICY}
    text = "; ".join(f"{name} {value}" for name, value in {**policy, **extra}.items())
    response.headers["Content-Security-Policy"] = f"{text}; report-uri /csp-report"
    for name, value in HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers["X-Request-Id"] = g.get("request_id", "")
    if request.is_secure:
        response.headers["Strict-Transport-Security"] = "max-age=31536000"
    if request.endpoint not in QUIET:
        log.info(
            "request",
            method=request.method,
            endpoint=request.endpoint or "",
            status=response.status_code,
        )
    return response


def relax_policy(**directives: str) -> None:
    """Add to the policy of this one answer, as in ``relax_policy(script_src="'wasm-...'")``."""
    g.relaxed_policy = {name.replace("_", "-"): value for name, value in directives.items()}
