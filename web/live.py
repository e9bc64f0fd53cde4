"""The one polling endpoint: heartbeat, clock, session, live tags, and what changed.

Asking never counts as activity of a person (URS-IAM-100). `snapshot` is plain, so that another
transport could carry the same answer.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from flask import Blueprint, g, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import chain
from audit.models import StreamHead
from core import logs
from core.clock import Moment
from core.errors import NotFound
from core.house import moment
from documents.units import symbol
from hardware import queries as plant
from hardware.queries import TagNow
from web import filters, identity, scoping
from web.access import passive, public
from web.i18n import gettext as _
from web.security import csrf
from web.sentences import said

EVERYTHING = "site"
MOST_TAGS = 40

bp = Blueprint("live", __name__)
log = logs.logger(__name__)


@bp.get("/live")
@passive
@public
def live() -> dict[str, Any]:
    """Heartbeat and news since a cursor; tags only for people who are signed in."""
    with identity.house().reading() as session:
        watch = request.args.get("watch", "") if g.presence else ""
        shows_plant = g.presence is not None and not scoping.is_limited()
        tags = request.args.get("tags", "").split(",") if shows_plant else []
        return snapshot(
            session,
            since=request.args.get("since", ""),
            watch=watch if scoping.watches(session, watch) else "",
            tags=[tag for tag in tags[:MOST_TAGS] if tag],
        )


@bp.post("/csp-report")
@passive
@public
def csp_report() -> tuple[str, int]:
    """A browser tells that a page broke the content security policy."""
    log.error("csp.violation", report=request.get_data(as_text=True)[:2000])
    return "", 204


# A browser sends its report without any token.
csrf.exempt(csp_report)


def snapshot(session: Session, *, since: str, watch: str, tags: list[str]) -> dict[str, Any]:
    """Everything that a page asks for, at one moment."""
    now = moment(session)
    cursor = _cursor(session, watch)
    return {
        "now": now.real.isoformat(),
        "clock": filters.clock_in_words(now.site),
        "site_s": now.site.timestamp(),
        "cursor": cursor,
        "session": {"state": identity.session_state(), "locks_in_s": _locks_in(now)},
        "tags": [_tag(key, found) for key, found in _tags_now(session, tags).items()],
        "changed": [watch] if watch and since and since != cursor else [],
    }


def _cursor(session: Session, watch: str) -> str:
    if not watch:
        return ""
    if watch == EVERYTHING:
        return str(session.scalar(select(func.sum(StreamHead.rseq))) or 0)
    try:
        return str(chain.head(session, watch)[0])
    except ValueError:
        return ""


def _locks_in(now: Moment) -> int | None:
    locks_at: datetime | None = g.presence.locks_at if g.presence else None
    return None if locks_at is None else int((locks_at - now.steady).total_seconds())


def _tags_now(session: Session, keys: list[str]) -> dict[str, TagNow]:
    found = {}
    for key in keys:
        try:
            found[key] = plant.current_of(session, [key])[key]
        except NotFound:
            continue
    return found


def _tag(key: str, now: TagNow) -> dict[str, Any]:
    return {"tag": key, **tag_view(now)}


def _first(reasons: str) -> str:
    """The reason that a person can act on; the others follow from it."""
    return reasons.partition("; ")[0]


def tag_view(now: TagNow) -> dict[str, Any]:
    """A live value as a screen shows it; without good quality it is no value but a reason."""
    return {
        "value": now.text,
        "text": filters.number(now.text),
        "unit": symbol(now.unit),
        "good": now.good,
        "quality": now.quality.value.lower(),
        "words": _("good, %(age)s old", age=f"{now.age_s:.0f} s")
        if now.good
        else said(_first(now.because)),
        "at": now.received_at.isoformat() if now.received_at else None,
    }
