"""The front door: the start page leads to one's work, `/health` says that the server answers."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from web.access import passive, public, signed_in

bp = Blueprint("home", __name__)


@bp.get("/")
@signed_in
def start() -> Response:
    """To one's work."""
    return redirect(url_for("ebr.queue"), 303)


@bp.get("/health")
@passive
@public
def health() -> dict[str, str]:
    """The web server answers; says nothing about the site."""
    return {"status": "ok"}
