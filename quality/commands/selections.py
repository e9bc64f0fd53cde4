"""The review of a selection of the whole audit trail as a signed task (URS-AUD-110).

What was selected is fixed by the question, the size of the log and a digest over the entries found.
Entries that come later and fit the question are not reviewed; `quality.selections.later` counts
them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import log, questions, trail
from audit.models import LogLeaf
from audit.search import Question
from audit.searchindex import places
from audit.signatures import SignedContent
from audit.streams import SITE
from core.actors import Actor
from core.db import site_of
from ebr import rules as record_rules
from ebr.commands.steps import require_confirmation
from personnel import permissions, signing
from personnel.signing import Confirmation
from quality.errors import OwnActs
from quality.models import SelectionReview
from quality.selections import Selection, selection

PERMISSION = "review.quality"
IN_ONE_QUERY = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What a person says about a selection. `through` is the size of the log that was looked at."""

    question: Question
    through: int
    findings: str
    conclusion: str


def review_selection(
    session: Session,
    reviewed: Reviewed,
    *,
    by: Actor,
    at: datetime,
    signed_by: Confirmation | None = None,
    rehearsal: bool = False,
) -> SignedContent:
    """Sign (``reviewed``) that the selection was looked at, and what was found.

    Raises NotPermitted, ReasonNeeded, NothingSelected, and OwnActs when an entry of the reviewer is
    among the selected ones.
    """
    role = permissions.require(session, by, PERMISSION)
    findings = record_rules.need_reason(reviewed.findings, "what was found")
    conclusion = record_rules.need_reason(reviewed.conclusion, "the conclusion of the review")
    found = selection(session, reviewed.question, reviewed.through, by=by.id)
    _require_independent(found, by)
    row = SelectionReview(
        ordinal=_next(session),
        question=reviewed.question.as_json(),
        through=found.through,
        root=log.root(log.StoredTree(session).read, found.through).hex(),
        selected=found.count,
        selected_sha256=_digest(session, list(places(found.members))),
        ranks=found.ranks,
        rules=questions.RULES,
        findings=findings,
        conclusion=conclusion,
        at=at,
        by=by.id,
        by_name=by.name,
    )
    shown = _content(row)
    with trail.act(
        session, "audit_trail.selection_reviewed", stream=SITE, by=by, object=shown.object
    ) as act:
        if not rehearsal:
            given = require_confirmation(signed_by, shown.object, "reviewed")
            sealed = signing.seal(session, given, shown, meaning="reviewed", role=role, act=act)
            session.flush()
            row.signature_id = sealed.id
        session.add(row)
    return shown


def _require_independent(found: Selection, by: Actor) -> None:
    if found.own:
        raise OwnActs(
            f"{found.own} of the {found.count} entries are acts of {by.name}",
            resolver="another reviewer, or you, by leaving out what you did yourself",
        )


def _next(session: Session) -> int:
    query = select(func.max(SelectionReview.ordinal)).where(
        SelectionReview.site_id == site_of(session)
    )
    return (session.scalar(query) or 0) + 1


def _digest(session: Session, indexes: Sequence[int]) -> str:
    """SHA-256 over the leaf hashes of the entries, in the order of the log."""
    digest = hashlib.sha256()
    for start in range(0, len(indexes), IN_ONE_QUERY):
        query = (
            select(LogLeaf.leaf)
            .where(LogLeaf.site_id == site_of(session))
            .where(LogLeaf.idx.in_(indexes[start : start + IN_ONE_QUERY]))
            .order_by(LogLeaf.idx)
        )
        for leaf in session.scalars(query):
            digest.update(leaf)
    return digest.hexdigest()


def _content(row: SelectionReview) -> SignedContent:
    return SignedContent(
        record=str(SITE),
        object=f"audit trail review {row.ordinal}",
        version=row.ordinal,
        content={
            "kind": "selection_review",
            "question": row.question,
            "through": row.through,
            "root": row.root,
            "selected": row.selected,
            "selected_sha256": row.selected_sha256,
            "ranks": row.ranks,
            "rules": row.rules,
            "findings": row.findings,
            "conclusion": row.conclusion,
        },
    )
