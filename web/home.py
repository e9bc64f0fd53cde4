"""The front door: the start page leads to one's work, `/health` says that the server answers."""

from __future__ import annotations

from flask import Blueprint, redirect, url_for
from werkzeug.wrappers import Response

from web import navigation
from web.access import passive, public, signed_in

bp = Blueprint("home", __name__)


@bp.get("/")
@signed_in
def start() -> Response:
    """To one's work; who has none, as an administrator, to the first page of their menu."""
    first = [link.address for link in navigation.links()]
    return redirect(first[0] if first else url_for("personnel.terminal"), 303)


@bp.get("/health")
@passive
@public
def health() -> dict[str, str]:
    """The web server answers; says nothing about the site."""
    return {"status": "ok"}
