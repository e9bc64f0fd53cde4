"""Questions that are kept: those of the house, and those that people save (URS-AUD-100, -110).

The house's own come with the release and name its version in every export; each that has a rank
is a rule for critical events. A person's question is kept by revisions; sharing it lets all readers
of the trail ask it, and only its owner changes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from audit import trail
from audit.search import Question, Rank
from audit.searchmodels import SavedQuestion
from audit.streams import SITE
from core.actors import Actor
from core.db import site_of
from core.errors import Invalid

RULES = 1
"""Version of the rules below; whoever changes one raises it."""
CRITICAL, MAJOR = "critical", "major"
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseQuestion:
    """A question that ships with the product; with a rank it is a rule, too."""

    code: str
    text: str
    question: Question
    rank: str = ""


HOUSE = (
    HouseQuestion(
        code="corrections", text="Values corrected after their first entry", rank=CRITICAL,
        question=Question(action="value.corrected"),
    ),
    HouseQuestion(
        code="clock", text="Jumps of a clock", rank=CRITICAL,
        question=Question(action="clock.stepped"),
    ),
    HouseQuestion(
        code="tampering", text="Verifications that failed", rank=CRITICAL,
        question=Question(action="verification.failed"),
    ),
    HouseQuestion(
        code="refused", text="Refused attempts", rank=MAJOR, question=Question(refused=True)
    ),
    HouseQuestion(
        code="changes", text="All changes after the first entry", rank=MAJOR,
        question=Question(changed=True),
    ),
    HouseQuestion(
        code="gaps", text="Gaps in recorded data", rank=MAJOR, question=Question(action="data.gap")
    ),
    HouseQuestion(
        code="off-hours", text="Outside working hours", question=Question(off_hours=True)
    ),
)  # fmt: skip
RANKS = tuple(
    Rank(rank=rank, code=each.code, question=each.question)
    for rank in (CRITICAL, MAJOR)
    for each in HOUSE
    if each.rank == rank
)


class QuestionRefused(Invalid):
    """A question cannot be kept like this."""

    rule = "question.refused"


def saved(session: Session, reader: str) -> list[SavedQuestion]:
    """The newest revisions of what the reader may ask: the own ones and the shared ones."""
    query = (
        select(SavedQuestion)
        .where(SavedQuestion.site_id == site_of(session))
        .where(or_(SavedQuestion.owner == reader, SavedQuestion.shared))
        .order_by(SavedQuestion.owner, SavedQuestion.name, SavedQuestion.revision)
    )
    newest = {(row.owner, row.name): row for row in session.scalars(query)}
    newest = {key: row for key, row in newest.items() if _is_newest(session, row)}
    return [row for row in newest.values() if not row.withdrawn]


def _is_newest(session: Session, row: SavedQuestion) -> bool:
    # A shared revision may have been followed by one that only its owner sees.
    return row.revision == _newest(session, row.owner, row.name)


def save_question(
    session: Session,
    name: str,
    question: Question,
    *,
    shared: bool,
    withdrawn: bool = False,
    by: Actor,
    at: datetime,
) -> int:
    """Keep a question under a name of the owner's; answers its revision. `QuestionRefused`."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME:
        raise QuestionRefused(
            f"a question is kept under a name of 1 to {LONGEST_NAME} letters",
            resolver="who keeps it",
        )
    revision = _newest(session, by.id, name) + 1
    if withdrawn and revision == 1:
        raise QuestionRefused(f"no question of yours is called {name}", resolver="who keeps it")
    action = "question.withdrawn" if withdrawn else "question.saved"
    with trail.act(session, action, stream=SITE, by=by, object=name):
        session.add(
            SavedQuestion(
                owner=by.id,
                name=name,
                revision=revision,
                question=question.as_json(),
                shared=shared,
                withdrawn=withdrawn,
            )
        )
    return revision


def _newest(session: Session, owner: str, name: str) -> int:
    query = (
        select(SavedQuestion.revision)
        .where(SavedQuestion.site_id == site_of(session))
        .where(SavedQuestion.owner == owner, SavedQuestion.name == name)
        .order_by(SavedQuestion.revision.desc())
        .limit(1)
    )
    return session.scalar(query) or 0
