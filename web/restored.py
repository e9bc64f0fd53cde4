"""The page of a restored site: what was lost, and the two signatures that let it go on.

What it asks and does is the service ``restoring`` of the house (URS-BAK-040). Everybody who is
signed in may read it; the quality unit decides, a second person confirms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from flask import Blueprint, Flask, g, render_template, request, url_for
from sqlalchemy.orm import Session

from audit import anchors, restored
from audit.signatures import SignedContent
from core.errors import Refusal
from web import identity
from web.access import needs, passive, public, signed_in
from web.i18n import gettext as _
from web.signing import Page, SignedAct, signed

bp = Blueprint("restored", __name__)
SERVICE = "restoring"
DECIDE, CONFIRM = "restore.decide", "restore.confirm"


class Restoring(Protocol):
    """What the composition offers."""

    def notes(self) -> Sequence[tuple[str, str]]:
        """The notes kept outside, read before any transaction."""

    def standing(self, session: Session, notes: Sequence[tuple[str, str]]) -> Any:
        """What was lost and who has decided already, None for a site in order."""

    def decide(
        self, session: Session, notes: Sequence[tuple[str, str]], reason: str, **more: Any
    ) -> SignedContent:
        """The quality unit signs that the restore is meant, and why."""

    def confirm(
        self, session: Session, notes: Sequence[tuple[str, str]], **more: Any
    ) -> SignedContent:
        """A second person signs, and the site goes on."""


def install(app: Flask) -> None:
    """Every page may ask whether the site only reads."""
    app.context_processor(lambda: {"site_only_reads": _only_reads})


def _only_reads() -> bool:
    if "only_reads" not in g:
        with identity.house().reading() as session:
            g.only_reads = restored.is_restored(session)
    return bool(g.only_reads)


class NotOffered(Refusal):
    """This installation was composed without the way out."""

    rule = "site.not_restored"


def _restoring() -> Restoring:
    found: Restoring | None = identity.house().services.get(SERVICE)
    if found is None:
        raise NotOffered(
            _("There is nothing to sign here."), resolver=_("whoever runs this installation")
        )
    return found


@bp.get("/restored")
@signed_in
def page() -> Page:
    """What was lost, who has signed, what is to be done; and the restorations so far."""
    service = _restoring()
    notes = service.notes()
    with identity.house().reading() as session:
        standing = service.standing(session, notes)
        done = [_told(row) for row in restored.restorations(session)]
    return render_template("restored/page.html", standing=standing, done=done)


def _told(row: Any) -> dict[str, Any]:
    return {
        "at": row.restored_at,
        "origin": row.origin,
        "kept": row.kept_size,
        "lost": row.lost_size,
        "incident": row.incident,
        "reason": row.reason,
        "people": f"{row.decided_by}, {row.confirmed_by}",
    }


@bp.post("/restored/decision")
@needs(DECIDE)
def decide() -> Page:
    """The quality unit decides, signed."""
    service = _restoring()
    return signed(
        SignedAct(
            command=service.decide,
            arguments=(service.notes(), request.form.get("reason", "")),
            record="site",
            meaning="approved",
            title=_("This restore is meant: the site shall go on"),
            done=url_for(".page"),
        )
    )


@bp.post("/restored/confirmation")
@needs(CONFIRM)
def confirm() -> Page:
    """A second person confirms, signed."""
    service = _restoring()
    return signed(
        SignedAct(
            command=service.confirm,
            arguments=(service.notes(),),
            record="site",
            meaning="verified",
            title=_("Confirm the restore: the site goes on"),
            done=url_for(".page"),
        )
    )


@bp.get("/health/log")
@passive
@public
def health() -> tuple[dict[str, Any], int]:
    """For monitoring: 200 while the log is on time, anchored and no history was lost, else 503.

    Names neither anchors nor records.
    """
    with identity.house().reading() as session:
        silent = sorted({at.kind for at in anchors.standing(session) if at.silent})
        told = {
            "restored": restored.is_restored(session),
            "late": anchors.log_is_late(session),
            "silent": silent,
        }
    return told, 503 if any(told.values()) else 200
