"""What a question to the whole audit trail selects, and which selections were reviewed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import questions
from audit.search import Question, Search
from core.db import site_of
from core.errors import NotFound
from quality.errors import NothingSelected
from quality.models import SelectionReview


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Entries that fit a question among the first `through` of the log.

    `members` has the bit of each place in the log; `ranks` counts them by rank; `own` counts those
    of the person who asks.
    """

    through: int
    members: int
    ranks: dict[str, int]
    own: int

    @property
    def count(self) -> int:
        """How many entries."""
        return self.members.bit_count()


def selection(session: Session, question: Question, through: int | None, *, by: str) -> Selection:
    """What a question finds in the first `through` entries (all, if none).

    Raises NothingSelected for an empty selection, and while the search is still behind `through`.
    """
    search = Search(session, ranks=questions.RANKS)
    size = search.postings.logged if through is None else through
    if not 0 < size <= search.postings.through:
        raise NothingSelected(
            f"the search covers {search.postings.through} entries, not {size}",
            resolver="you, by asking again in a moment",
        )
    first = (1 << size) - 1
    members = search.matching(question) & first
    if not members:
        raise NothingSelected("no entry fits the question", resolver="you, by another question")
    return Selection(
        through=size,
        members=members,
        ranks={rank: (found & members).bit_count() for rank, found in search.ranked().items()},
        own=(search.done_by(by) & members).bit_count(),
    )


def reviews(session: Session) -> list[SelectionReview]:
    """All reviews of selections, the newest first."""
    query = (
        select(SelectionReview)
        .where(SelectionReview.site_id == site_of(session))
        .order_by(SelectionReview.ordinal.desc())
    )
    return list(session.scalars(query))


def review(session: Session, ordinal: int) -> SelectionReview:
    """One of them. Raises NotFound."""
    query = select(SelectionReview).where(
        SelectionReview.site_id == site_of(session), SelectionReview.ordinal == ordinal
    )
    found = session.scalars(query).one_or_none()
    if found is None:
        raise NotFound(f"there is no audit trail review {ordinal}", resolver="you, by the list")
    return found


def later(session: Session, row: SelectionReview) -> int:
    """How many entries fit the question of a review and came after it: nobody reviewed them."""
    search = Search(session, ranks=questions.RANKS)
    question: dict[str, Any] = row.question
    return (search.matching(Question.of_json(question)) >> row.through).bit_count()
