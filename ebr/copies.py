"""Controlled copies: numbered printouts of issued documents, and what became of each.

URS-REP-050: every copy has a number and a holder; another one needs a reason; who scans it learns
whether the record has changed since; each copy is accounted for once, so the list balances.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core.actors import Actor
from core.clock import show
from core.errors import Invalid, NotFound, Refusal
from core.house import House, moment
from documents.copying import CopyMark, controlled_copy
from documents.environment import make_environment
from documents.fonts import load_fonts
from ebr import issuing
from ebr.report.models import ControlledCopy, CopyReturn, IssuedDocument

LONGEST_HOLDER = 80
"""What fits above the head of a page."""
LONGEST_REASON = 400


class NoSuchCopy(NotFound):
    """No controlled copy carries this code."""

    rule = "copy.unknown"


class ReprintWithoutReason(Invalid):
    """A second copy of a document was asked for without saying why."""

    rule = "copy.reprint_needs_reason"


class CopyWithoutHolder(Invalid):
    """Nobody was named who gets the copy."""

    rule = "copy.needs_holder"


class NotToBeCopied(Invalid):
    """Only issued PDF documents are printed as controlled copies."""

    rule = "copy.not_a_document"


class AlreadyAccountedFor(Refusal):
    """What became of the copy was told before."""

    rule = "copy.accounted_for"


class Fate(StrEnum):
    """What became of a copy."""

    RETURNED = "returned"
    DESTROYED = "destroyed"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class CopyState:
    """A copy as it stands: `superseded` says that the thing it shows has changed since."""

    copy: ControlledCopy
    document: IssuedDocument
    superseded: bool
    returned: CopyReturn | None

    @property
    def word(self) -> str:
        """The state in one word; what became of the paper comes first."""
        if self.returned is not None:
            return self.returned.fate
        return "superseded" if self.superseded else "valid"


@dataclass(frozen=True, slots=True)
class Balance:
    """The copies of a document: issued = out + returned + destroyed + lost."""

    issued: int
    out: int
    returned: int
    destroyed: int
    lost: int


def issue_copy(
    session: Session, document: UUID, holder: str, reason: str = "", *, by: Actor, at: datetime
) -> ControlledCopy:
    """Number a new copy for `holder`. Every copy but the first needs a reason.

    Raises NoSuchDocument, NotToBeCopied, CopyWithoutHolder, ReprintWithoutReason, and what the kind
    of document refuses (NotPermitted, OutOfScope).
    """
    found = issuing.document(session, document)
    if found.media_type != issuing.PDF:
        raise NotToBeCopied(f"{found.name} is not printed", resolver="you, by taking its PDF")
    issuing.kind_of(session.info["services"], found.kind).require(
        session, issuing.subject_of(found), by=by
    )
    number = 1 + len(_copies(session, document))
    _check(found, number, holder.strip(), reason.strip())
    copy = ControlledCopy(
        document_id=document,
        number=number,
        code=f"COPY-{found.digest[:12].upper()}-{number}",
        holder=holder.strip(),
        reason=reason.strip(),
        at=at,
        by=by.id,
        by_name=by.name,
    )
    facts = {"copy": number, "code": copy.code, "holder": copy.holder, "sha256": found.digest}
    stream = Stream.parse(found.record)
    with trail.act(
        session, "copy.issued", stream=stream, by=by, object=found.name,
        reason=copy.reason or None, facts=facts,
    ):  # fmt: skip
        session.add(copy)
    return copy


def _check(found: IssuedDocument, number: int, holder: str, reason: str) -> None:
    if not holder or len(holder) > LONGEST_HOLDER:
        raise CopyWithoutHolder(
            "it is not said who gets the copy", resolver="you, by naming the holder", field="holder"
        )
    if (number > 1 and not reason) or len(reason) > LONGEST_REASON:
        raise ReprintWithoutReason(
            f"{found.name} was printed before: copy {number} needs a reason",
            resolver="you, by typing why another copy is needed",
            field="reason",
        )


def printed(house: House, code: str) -> bytes:
    """The file to print for a copy, with its number and code on every page."""
    with house.reading() as session:
        state = state_of(session, code)
        copy, found = state.copy, state.document
        pdf = bytes(issuing.document(session, copy.document_id).data)
        zone = moment(session).zone
        mark = CopyMark(
            code=copy.code,
            heading=f"CONTROLLED COPY {copy.number}",
            lines=(
                f"for {copy.holder}",
                f"printed {show(copy.at, zone)} by {copy.by_name} ({copy.by})",
                f"{copy.code}, file SHA-256 {found.digest[:16]} …",
            ),
            issued_at=copy.at,
        )
    fonts = load_fonts(house.services[issuing.FONTS])
    return controlled_copy(pdf, mark, environment=make_environment("documents"), fonts=fonts)


def account_for(
    session: Session, code: str, fate: Fate, note: str = "", *, by: Actor, at: datetime
) -> CopyReturn:
    """Tell what became of a copy. Raises NoSuchCopy, AlreadyAccountedFor, and as `issue_copy`."""
    state = state_of(session, code)
    found = state.document
    issuing.kind_of(session.info["services"], found.kind).require(
        session, issuing.subject_of(found), by=by
    )
    if state.returned is not None:
        raise AlreadyAccountedFor(
            f"{code} was {state.returned.fate} on {state.returned.at:%Y-%m-%d}",
            resolver="nobody: a copy is accounted for once",
        )
    row = CopyReturn(
        copy_id=state.copy.id,
        fate=fate.value,
        note=note.strip()[:LONGEST_REASON],
        at=at,
        by=by.id,
        by_name=by.name,
    )
    facts = {"copy": state.copy.number, "code": code, "fate": fate.value}
    stream = Stream.parse(found.record)
    with trail.act(
        session, "copy.accounted_for", stream=stream, by=by, object=found.name,
        reason=row.note or None, facts=facts,
    ):  # fmt: skip
        session.add(row)
    return row


def state_of(session: Session, code: str) -> CopyState:
    """The copy of that code as it stands now. Raises NoSuchCopy."""
    copy = session.scalars(
        select(ControlledCopy).where(ControlledCopy.code == code.strip().upper())
    ).one_or_none()
    if copy is None:
        raise NoSuchCopy(f"no copy carries the code {code}", resolver="who issued the copy")
    return _state(session, copy)


def copies_of(session: Session, document: UUID) -> list[CopyState]:
    """Every copy of a document in the order of its numbers."""
    return [_state(session, copy) for copy in _copies(session, document)]


def balance(session: Session, document: UUID) -> Balance:
    """How many copies of a document are out and what became of the others."""
    copies = _copies(session, document)
    fates = session.scalars(
        select(CopyReturn.fate).where(CopyReturn.copy_id.in_([copy.id for copy in copies]))
    ).all()
    counted = {fate: fates.count(fate.value) for fate in Fate}
    return Balance(
        issued=len(copies),
        out=len(copies) - len(fates),
        returned=counted[Fate.RETURNED],
        destroyed=counted[Fate.DESTROYED],
        lost=counted[Fate.LOST],
    )


def _copies(session: Session, document: UUID) -> Sequence[ControlledCopy]:
    query = select(ControlledCopy).where(ControlledCopy.document_id == document)
    return session.scalars(query.order_by(ControlledCopy.number)).all()


def _state(session: Session, copy: ControlledCopy) -> CopyState:
    found = session.get_one(IssuedDocument, copy.document_id)
    returned = session.scalars(
        select(CopyReturn).where(CopyReturn.copy_id == copy.id)
    ).one_or_none()
    return CopyState(copy, found, _superseded(session, found), returned)


def _superseded(session: Session, found: IssuedDocument) -> bool:
    """Whether the same question would be answered otherwise today."""
    kind = issuing.kind_of(session.info["services"], found.kind)
    draft = kind.draft(session, issuing.subject_of(found))
    return hashlib.sha256(draft.data).hexdigest() != found.content_digest
