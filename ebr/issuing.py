"""Issuing documents of a record: rendered by a job, sealed by the site, stored once, then served.

The record as of one entry has one PDF: who asks for it again gets the same bytes. Rendering runs
outside any transaction; the document, its audit entry and the end of the job are one transaction
(URS-REP-030, URS-AUD-010).
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from audit import checkpoints, trail
from audit.streams import Stream
from core import jobs
from core.actors import Actor, ActorKind
from core.clock import show
from core.errors import Busy, NotFound
from core.house import House, moment
from documents import sealing
from documents.errors import SealBroken
from documents.fonts import load_fonts
from documents.sealing import SealKey
from ebr import access, record
from ebr.report import pictures, printing, trends
from ebr.report.model import RecordView
from ebr.report.models import RECORD_KIND, IssuedDocument
from ebr.report.printing import Edition
from ebr.report.trends import TrendView

ISSUE_JOB = "ebr.issue_record"
FONTS = "fonts_folder"
SEAL_KEY = "seal_key"
PDF = "application/pdf"
READ = "record.read"
SECONDS_BETWEEN_SIGNS = 15.0


class NoSuchDocument(NotFound):
    """No such document was issued at this site."""

    rule = "document.unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """Answer to a request: the document when it was issued before, else the job that makes it."""

    document: UUID | None
    job: UUID | None


@dataclass(frozen=True, slots=True)
class Draft:
    """A record ready to be printed, read in one session."""

    view: RecordView
    content: bytes
    trends: list[TrendView]
    photos: dict[str, bytes]
    edition: Edition
    known: UUID | None


def request_record(session: Session, number: str, *, by: Actor, at: datetime) -> Asked:
    """Ask for the PDF of a record as it is now. Raises NotPermitted, OutOfScope, NoSuchRun.

    The same state of a record is rendered once, whoever asks how often.
    """
    access.require(session, number, READ, by=by)
    view = record.view(session, number)
    digest = record.digest(record.to_json(view))
    known = find(session, view.record, digest)
    if known is not None:
        return Asked(known.id, None)
    key = f"{ISSUE_JOB}:{view.record}:{digest}"
    payload = {"record": view.record, "version": view.version, "by": actor_to_json(by)}
    dedupe = f"{key}:{_times_given_up(session, key)}"
    return Asked(None, jobs.enqueue(session, ISSUE_JOB, payload, dedupe=dedupe))


def _times_given_up(session: Session, key: str) -> int:
    """A job that was laid aside as dead must not stop a later request for ever."""
    query = select(func.count()).where(
        jobs.Job.dedupe.startswith(key, autoescape=True), jobs.Job.state == "dead"
    )
    return session.scalar(query) or 0


def find(session: Session, stream: str, content_digest: str) -> IssuedDocument | None:
    """The PDF that was issued for that content with the template of today, or None."""
    return session.scalars(
        select(IssuedDocument).where(
            IssuedDocument.record == stream,
            IssuedDocument.kind == RECORD_KIND,
            IssuedDocument.content_digest == content_digest,
            IssuedDocument.template == printing.TEMPLATE_VERSION,
        )
    ).one_or_none()


def documents_of(session: Session, stream: str) -> list[IssuedDocument]:
    """Every document ever issued for a record, newest first, without its bytes."""
    query = select(IssuedDocument).where(IssuedDocument.record == stream)
    return list(session.scalars(query.order_by(IssuedDocument.at.desc(), IssuedDocument.id.desc())))


def document(session: Session, document_id: UUID) -> IssuedDocument:
    """One document with its bytes, which still have the digest of their issue.

    Raises NoSuchDocument, and SealBroken when the stored bytes were changed.
    """
    found = session.scalars(
        select(IssuedDocument)
        .where(IssuedDocument.id == document_id)
        .options(undefer(IssuedDocument.data), undefer(IssuedDocument.content))
    ).one_or_none()
    if found is None:
        raise NoSuchDocument("there is no such document", resolver="the list of the record")
    if hashlib.sha256(found.data).hexdigest() != found.digest:
        raise SealBroken(f"{found.name} is not what was issued")
    return found


def on_issue(house: House, claimed: jobs.Claim) -> None:
    """Job: render, seal and store the PDF of a record."""
    by = actor_from_json(claimed.payload["by"])
    issue(house, claimed.payload["record"], by=by, claimed=claimed)


def issue(house: House, number: str, *, by: Actor, claimed: jobs.Claim | None = None) -> UUID:
    """Issue the PDF of a record as it is now, or answer the one that was issued for this state.

    With `claimed`, tells its progress and ends the job in the transaction of the issue.
    """
    with house.reading() as session:
        draft = _draft(session, number, by)
    if draft.known is not None:
        _finish(house, claimed)
        return draft.known
    with telling(house, claimed):
        pdf = _sealed(house, draft)
    return house.perform(_store, draft, pdf, claimed, by=by, record=draft.view.record)


def _finish(house: House, claimed: jobs.Claim | None) -> None:
    if claimed is not None:
        with house.transaction() as session:
            jobs.finish(session, claimed)


def _draft(session: Session, number: str, by: Actor) -> Draft:
    view = record.view(session, number)
    content = record.to_json(view)
    digest = record.digest(content)
    known = find(session, view.record, digest)
    return Draft(
        view=view,
        content=content,
        trends=trends.of(session, view),
        photos=pictures.of(session, view),
        edition=edition_of(session, digest, by),
        known=known.id if known else None,
    )


def edition_of(session: Session, content_digest: str, by: Actor) -> Edition:
    """What a copy made now says about itself."""
    name = by.name if by.kind is not ActorKind.PERSON else f"{by.name} ({by.id})"
    return Edition(
        at=moment(session).site,
        by=name,
        software=trail.installed_software(),
        content_digest=content_digest,
        checkpoint=_checkpoint(session),
    )


def _checkpoint(session: Session) -> str:
    latest = checkpoints.latest(session)
    if latest is None:
        return ""
    at = show(latest.at, moment(session).zone)
    return f"size {latest.size}, root {bytes(latest.root).hex()[:16]}, {at} real time"


def _sealed(house: House, draft: Draft) -> bytes:
    fonts_folder: Path = house.services[FONTS]
    key: SealKey = house.services[SEAL_KEY]
    pdf = printing.render(
        draft.view,
        draft.content,
        draft.trends,
        draft.photos,
        edition=draft.edition,
        fonts=load_fonts(fonts_folder),
    )
    return sealing.seal_pdf(pdf, key=key, at=house.clock.now())


@contextmanager
def telling(house: House, claimed: jobs.Claim | None) -> Iterator[None]:
    """Report progress and keep the lease while pages are laid out (5 to 8 a second).

    Nothing is told after the block, so that the end of the job has the last word.
    """
    if claimed is None:
        yield
        return
    jobs.report_progress(house, claimed, 10)
    done = threading.Event()
    teller = threading.Thread(target=_tell, args=(house, claimed, done), daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def _tell(house: House, claimed: jobs.Claim, done: threading.Event) -> None:
    percent = 10
    while not done.wait(SECONDS_BETWEEN_SIGNS):
        # How many pages there will be is not known before they are laid out.
        percent += (90 - percent) // 3
        # The next sign comes in time for the lease, even when this one found no turn to write.
        with suppress(Busy):
            jobs.report_progress(house, claimed, percent)


def _store(
    session: Session,
    draft: Draft,
    pdf: bytes,
    claimed: jobs.Claim | None,
    *,
    by: Actor,
    at: datetime,
) -> UUID:
    known = find(session, draft.view.record, draft.edition.content_digest)
    if known is None:
        known = keep(
            session,
            draft.view,
            kind=RECORD_KIND,
            action="document.issued",
            name=f"{draft.view.number} record {draft.view.version}.pdf",
            media_type=PDF,
            data=pdf,
            content=draft.content,
            content_digest=draft.edition.content_digest,
            by=by,
            at=at,
        )
    if claimed is not None:
        jobs.finish(session, claimed)
    return known.id


def keep(
    session: Session,
    view: RecordView,
    *,
    kind: str,
    action: str,
    name: str,
    media_type: str,
    data: bytes,
    content: bytes,
    content_digest: str,
    by: Actor,
    at: datetime,
) -> IssuedDocument:
    """Store an issued document in an act of its own on the record's stream."""
    row = IssuedDocument(
        record=view.record,
        kind=kind,
        record_version=view.version,
        content_digest=content_digest,
        template=printing.TEMPLATE_VERSION,
        standing=view.standing.words,
        name=name,
        media_type=media_type,
        digest=hashlib.sha256(data).hexdigest(),
        size=len(data),
        data=data,
        content=content,
        at=at,
        by=by.id,
        by_name=by.name,
    )
    facts = {"sha256": row.digest, "content_sha256": content_digest, "entry": view.version}
    with trail.act(
        session, action, stream=Stream.parse(view.record), by=by, object=name, facts=facts
    ):
        session.add(row)
    return row


def actor_to_json(by: Actor) -> dict[str, str]:
    """Who asked, as a job carries it."""
    return {
        "kind": by.kind.value,
        "id": by.id,
        "name": by.name,
        "role": by.role,
        "terminal": by.terminal,
    }


def actor_from_json(told: dict[str, Any]) -> Actor:
    """Who asked, from the job."""
    return Actor(**{**told, "kind": ActorKind(told["kind"])})


def issued_by(session: Session, job_id: UUID) -> IssuedDocument | None:
    """The document that a finished job led to; None while it works or when it was given up.

    A record that moved on between request and rendering is issued as it was when rendered.
    """
    job = session.get_one(jobs.Job, job_id)
    if job.state != "done":
        return None
    return session.scalars(
        select(IssuedDocument)
        .where(
            IssuedDocument.record == job.payload["record"],
            IssuedDocument.kind == RECORD_KIND,
            IssuedDocument.record_version >= job.payload["version"],
        )
        .order_by(IssuedDocument.record_version)
        .limit(1)
    ).one_or_none()
