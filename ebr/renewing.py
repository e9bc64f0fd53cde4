"""Renewal of long-term seals: a new time stamp around a file before the last one runs out.

Looks once a day. A document that was sealed while the authority was silent, or before there was
one, gets its first time stamp in the same way. The file with the new stamp is an issued version of
its own, with its digest in the trail; the file of the issue stays.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from audit import trail
from audit.streams import Stream
from core import jobs, logs
from core.actors import Actor
from core.house import House, moment
from documents import stamping
from documents.errors import StampFailed
from documents.sealcheck import check_seal
from documents.sealing import SealKey
from documents.stamping import TimeAuthority
from ebr import issuing
from ebr.report.models import IssuedDocument, RenewedSeal

BEFORE_THE_END = timedelta(days=90)
EVERY = timedelta(days=1)
AT_ONCE = 50
RENEWAL = Actor.service("renewal", trigger="a time stamp runs out")
logger = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class _Stamped:
    """A file with one more time stamp; `before` is the digest of the file it went around."""

    data: bytes
    before: str
    proven_until: datetime


def due(session: Session, *, now: datetime) -> list[UUID]:
    """Documents whose newest time stamp runs out soon, or that carry none; oldest first."""
    newest = (
        select(func.max(RenewedSeal.proven_until))
        .where(RenewedSeal.document_id == IssuedDocument.id)
        .scalar_subquery()
    )
    until = func.coalesce(newest, IssuedDocument.proven_until)
    query = (
        select(IssuedDocument.id)
        .where(IssuedDocument.media_type == issuing.PDF)
        .where(or_(until.is_(None), until < now + BEFORE_THE_END))
        .order_by(IssuedDocument.id)
        .limit(AT_ONCE)
    )
    return list(session.scalars(query))


def on_renew(house: House, claimed: jobs.Claim) -> None:
    """Job: stamp what is due, then look again tomorrow."""
    renew_all(house)
    with house.transaction() as session:
        jobs.finish(session, claimed)
        issuing.plan_renewal(session, later=EVERY)


def renew_all(house: House) -> int:
    """Put time stamps around all that is due; answers how many. A silent authority ends it."""
    authority: TimeAuthority | None = house.services.get(issuing.AUTHORITY)
    if authority is None:
        return 0
    with house.reading() as session:
        waiting = due(session, now=moment(session).real)
    for done, document in enumerate(waiting):
        try:
            renew(house, document, authority)
        except StampFailed as silent:
            logger.warning("%s of %s seals are not renewed: %s", len(waiting) - done,
                           len(waiting), silent)  # fmt: skip
            return done
    return len(waiting)


def renew(house: House, document: UUID, authority: TimeAuthority) -> None:
    """One more time stamp around one document. Raises StampFailed; SealBroken for changed bytes."""
    key: SealKey = house.services[issuing.SEAL_KEY]
    with house.reading() as session:
        before = issuing.current_file(session, document)
        stream = issuing.document(session, document).record
    check_seal(before, key.trusted)
    data = stamping.renew(before, authority=authority, own=key.trusted)
    until = stamping.proven_until(data)
    if until is None:
        raise StampFailed("the file came back without a time stamp")
    made = _Stamped(data, hashlib.sha256(before).hexdigest(), until)
    house.perform(_keep, document, made, by=RENEWAL, record=stream)


def _keep(session: Session, document: UUID, made: _Stamped, *, by: Actor, at: datetime) -> None:
    issued = issuing.document(session, document)
    edition = 1 + (
        session.scalar(
            select(func.max(RenewedSeal.edition)).where(RenewedSeal.document_id == document)
        )
        or 0
    )
    row = RenewedSeal(
        document_id=document,
        edition=edition,
        digest=hashlib.sha256(made.data).hexdigest(),
        size=len(made.data),
        data=made.data,
        proven_until=made.proven_until,
        at=at,
    )
    facts = {"sha256": row.digest, "around_sha256": made.before, "edition": edition}
    stream = Stream.parse(issued.record)
    with trail.act(
        session, "document.stamped", stream=stream, by=by, object=issued.name, facts=facts
    ):
        session.add(row)
