"""The report of a restore drill is read and signed by a person (URS-BAK-020)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from audit import drills, trail
from audit.backupmodels import RestoreDrill
from audit.signatures import SignedContent
from audit.streams import SITE
from core.actors import Actor
from ebr import rules as record_rules
from ebr.commands.steps import require_confirmation
from personnel import permissions, signing
from personnel.signing import Confirmation
from quality.errors import DrillSigned, NoSuchDrill

PERMISSION = "drill.sign"
REVIEWED = "reviewed"


def sign_drill(
    session: Session,
    ordinal: int,
    remark: str,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Sign (``reviewed``) that the report of a drill was read, and what follows from it.

    Raises NotPermitted, NoSuchDrill, DrillSigned, ReasonNeeded (URS-BAK-020).
    """
    role = permissions.require(session, by, PERMISSION)
    found = _drill(session, ordinal)
    words = record_rules.need_reason(remark, "what the drill shows")
    shown = drills.content(found)
    with trail.act(
        session, "backup.drill_signed", stream=SITE, by=by, object=shown.object, reason=words
    ) as act:
        if not rehearsal:
            given = require_confirmation(signed_by, shown.object, REVIEWED)
            signing.seal(session, given, shown, meaning=REVIEWED, role=role, reason=words, act=act)
    return shown


def _drill(session: Session, ordinal: int) -> RestoreDrill:
    found = drills.find(session, ordinal)
    if found is None:
        raise NoSuchDrill(
            f"there is no restore drill {ordinal}",
            resolver="whoever asks, by choosing one of the list",
        )
    if drills.signature_of(session, found) is not None:
        raise DrillSigned(
            f"the report of drill {ordinal} is signed already",
            resolver="nobody: a new drill gives a new report",
        )
    return found
