"""Issuing documents: rendered by a job, sealed by the site, stored once, then served.

The record as of one entry has one PDF: who asks for it again gets the same bytes. So has every
other kind of document (`ebr.printables`) for one content and template. Rendering runs outside any
transaction; the document, its audit entry and the end of the job are one transaction (URS-REP-030,
URS-AUD-010).
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from audit import trail
from audit.streams import Stream
from core import jobs, logs
from core.actors import Actor, ActorKind
from core.errors import Busy, NotFound
from core.house import House, moment
from documents import sealing, stamping
from documents.errors import SealBroken, StampFailed
from documents.fonts import load_fonts
from documents.sealing import SealKey
from documents.stamping import TimeAuthority
from ebr import printables
from ebr.printables import DocumentKind, Draft, Edition, NoSuchKind, Subject, edition_of, told_of
from ebr.report.model import RecordView
from ebr.report.models import RECORD_KIND, IssuedDocument, RenewedSeal
from ebr.report.printing import TEMPLATE_VERSION
from ebr.report.recordkind import RecordKind

ISSUE_JOB = "ebr.issue_record"
FONTS = "fonts_folder"
SEAL_KEY = "seal_key"
AUTHORITY = "time_authority"
"""Service: a `documents.stamping.TimeAuthority` where the settings name one, else None."""
RENEW_JOB = "ebr.renew_seals"
PDF = "application/pdf"
SECONDS_BETWEEN_SIGNS = 15.0
logger = logs.logger(__name__)


class NoSuchDocument(NotFound):
    """No such document was issued at this site."""

    rule = "document.unknown"


@dataclass(frozen=True, slots=True)
class Asked:
    """Answer to a request: the document when it was issued before, else the job that makes it."""

    document: UUID | None
    job: UUID | None


@dataclass(frozen=True, slots=True)
class _Ready:
    """A document ready to be laid out, read in one session."""

    kind: DocumentKind
    subject: Subject
    draft: Draft
    edition: Edition
    known: UUID | None


@dataclass(frozen=True, slots=True)
class _Made:
    """The sealed file, the SHA-256 of its pages before the seal, and how long its time holds."""

    pdf: bytes
    rendition: str
    proven_until: datetime | None = None


def kind_of(services: Mapping[str, Any], name: str) -> DocumentKind:
    """The kind of that name. Raises NoSuchKind when none is registered."""
    if name == RECORD_KIND:
        return RecordKind()
    registered: Mapping[str, DocumentKind] = services.get(printables.KINDS, {})
    try:
        return registered[name]
    except KeyError:
        raise NoSuchKind(
            f"this site issues no document of the kind {name}", resolver="the list of documents"
        ) from None


def request_record(session: Session, number: str, *, by: Actor, at: datetime) -> Asked:
    """Ask for the PDF of a record as it is now. Raises NotPermitted, OutOfScope, NoSuchRun.

    The same state of a record is rendered once, whoever asks how often.
    """
    return request(session, RECORD_KIND, {"record": number}, by=by, at=at)


def request(session: Session, kind: str, subject: Subject, *, by: Actor, at: datetime) -> Asked:
    """Ask for a document of a registered kind about `subject`.

    The same content with the same template is rendered once. Raises NoSuchKind and whatever the
    kind refuses: NotPermitted, OutOfScope, its own NotFound.
    """
    making = kind_of(session.info["services"], kind)
    making.require(session, subject, by=by)
    draft = making.draft(session, subject)
    digest = hashlib.sha256(draft.data).hexdigest()
    known = find(session, draft.stream, digest, kind=kind, template=making.template)
    if known is not None:
        return Asked(known.id, None)
    payload = {
        "kind": kind,
        "subject": dict(subject),
        "record": draft.stream,
        "by": actor_to_json(by),
    }
    key = f"{ISSUE_JOB}:{kind}:{draft.stream}:{digest[:32]}"
    dedupe = f"{key}:{_times_given_up(session, key)}"
    return Asked(None, jobs.enqueue(session, ISSUE_JOB, payload, dedupe=dedupe))


def _times_given_up(session: Session, key: str) -> int:
    """A job that was laid aside as dead must not stop a later request for ever."""
    query = select(func.count()).where(
        jobs.Job.dedupe.startswith(key, autoescape=True), jobs.Job.state == "dead"
    )
    return session.scalar(query) or 0


def find(
    session: Session,
    stream: str,
    content_digest: str,
    *,
    kind: str = RECORD_KIND,
    template: str = TEMPLATE_VERSION,
) -> IssuedDocument | None:
    """The document that was issued for that content with that template, or None."""
    return session.scalars(
        select(IssuedDocument).where(
            IssuedDocument.record == stream,
            IssuedDocument.kind == kind,
            IssuedDocument.content_digest == content_digest,
            IssuedDocument.template == template,
        )
    ).one_or_none()


def documents_of(session: Session, stream: str) -> list[IssuedDocument]:
    """Every document ever issued for a record, newest first, without its bytes."""
    query = select(IssuedDocument).where(IssuedDocument.record == stream)
    return list(session.scalars(query.order_by(IssuedDocument.at.desc(), IssuedDocument.id.desc())))


def issued(
    session: Session, *, kind: str | None = None, words: str = ""
) -> Iterator[IssuedDocument]:
    """Printed documents ever issued, newest first, without bytes; of one kind, by words."""
    query = select(IssuedDocument).where(IssuedDocument.media_type == PDF)
    if kind is not None:
        query = query.where(IssuedDocument.kind == kind)
    if words:
        query = query.where(IssuedDocument.name.icontains(words, autoescape=True))
    query = query.order_by(IssuedDocument.at.desc(), IssuedDocument.id.desc())
    yield from session.scalars(query.execution_options(yield_per=200))


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


def subject_of(found: IssuedDocument) -> Subject:
    """What a document was asked for; one of a version before this was about its record."""
    if found.subject is None:
        return {"record": found.record}
    told: dict[str, str] = json.loads(found.subject)
    return told


def on_issue(house: House, claimed: jobs.Claim) -> None:
    """Job: render, seal and store a document."""
    told = claimed.payload
    # A job that was left by the version before names the record only.
    kind = told.get("kind", RECORD_KIND)
    subject = told.get("subject", {"record": told["record"]})
    issue_document(house, kind, subject, by=actor_from_json(told["by"]), claimed=claimed)


def issue(house: House, number: str, *, by: Actor) -> UUID:
    """Issue the PDF of a record as it is now, or answer the one issued for this state."""
    return issue_document(house, RECORD_KIND, {"record": number}, by=by)


def issue_document(
    house: House,
    kind: str,
    subject: Subject,
    *,
    by: Actor,
    claimed: jobs.Claim | None = None,
) -> UUID:
    """Issue a document as of now, or answer the one that was issued for this content.

    With `claimed`, tells its progress and ends the job in the transaction of the issue. Whether
    `by` may have it was asked when it was requested. Raises NoSuchKind, RenderingFailed.
    """
    making = kind_of(house.services, kind)
    with house.reading() as session:
        ready = _ready(session, making, subject, by)
    if ready.known is not None:
        _end(house, claimed, ready.known)
        return ready.known
    with telling(house, claimed):
        made = _made(house, ready)
    return house.perform(_store, ready, made, claimed, by=by, record=ready.draft.stream)


def _end(house: House, claimed: jobs.Claim | None, made: UUID) -> None:
    if claimed is not None:
        with house.transaction() as session:
            _finish(session, claimed, made)


def _finish(session: Session, claimed: jobs.Claim, made: UUID) -> None:
    """The job ends and says which document it led to."""
    jobs.finish(session, claimed)
    session.get_one(jobs.Job, claimed.id).payload = {**claimed.payload, "made": str(made)}


def _ready(session: Session, making: DocumentKind, subject: Subject, by: Actor) -> _Ready:
    draft = making.draft(session, subject)
    digest = hashlib.sha256(draft.data).hexdigest()
    known = find(session, draft.stream, digest, kind=making.name, template=making.template)
    return _Ready(
        kind=making,
        subject=subject,
        draft=draft,
        edition=edition_of(session, draft, digest, by),
        known=known.id if known else None,
    )


def _made(house: House, ready: _Ready) -> _Made:
    fonts_folder: Path = house.services[FONTS]
    key: SealKey = house.services[SEAL_KEY]
    edition = replace(ready.edition, seal_sha256=sealing.certificate_digest(key))
    pages = ready.kind.render(
        ready.draft,
        edition,
        fonts=load_fonts(fonts_folder),
        attachments=printables.attachments_of(ready.draft, edition),
    )
    sealed = _sealed(house, pages, key)
    return _Made(sealed, hashlib.sha256(pages).hexdigest(), stamping.proven_until(sealed))


def _sealed(house: House, pages: bytes, key: SealKey) -> bytes:
    """Long-term where an authority answers, else as the site's own statement of the time."""
    authority: TimeAuthority | None = house.services.get(AUTHORITY)
    try:
        return sealing.seal_pdf(pages, key=key, at=house.clock.now(), authority=authority)
    except StampFailed as silent:
        # A person waits for the document; the renewal adds the time stamp (`ebr.renewing`).
        logger.warning("sealed without a time stamp: %s", silent)
        return sealing.seal_pdf(pages, key=key, at=house.clock.now())


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
    ready: _Ready,
    made: _Made,
    claimed: jobs.Claim | None,
    *,
    by: Actor,
    at: datetime,
) -> UUID:
    making, draft, digest = ready.kind, ready.draft, ready.edition.content_digest
    known = find(session, draft.stream, digest, kind=making.name, template=making.template)
    if known is None:
        known = _row(
            draft,
            kind=making.name,
            template=making.template,
            name=f"{draft.title}.pdf",
            media_type=PDF,
            data=made.pdf,
            content_digest=digest,
            by=by,
            at=at,
        )
        known.subject = json.dumps(dict(ready.subject), ensure_ascii=False, sort_keys=True)
        known.proven_until = made.proven_until
        facts = {"template": making.template, "rendition_sha256": made.rendition}
        _add(session, known, "document.issued", {**facts, **told_of(ready.edition)}, by=by)
        plan_renewal(session)
    if claimed is not None:
        _finish(session, claimed, known.id)
    return known.id


def plan_renewal(session: Session, *, later: timedelta = timedelta(0)) -> None:
    """Look today (or so much later) for seals that need a time stamp; one job for a day."""
    if session.info["services"].get(AUTHORITY) is None:
        return
    day = (moment(session).steady + later).date()
    jobs.enqueue(session, RENEW_JOB, {}, dedupe=f"{RENEW_JOB}:{day.isoformat()}", delay=later)


def current_file(session: Session, document_id: UUID) -> bytes:
    """The newest file of a document: as issued, or with the time stamps put around it since.

    Raises NoSuchDocument, and SealBroken when the stored bytes were changed.
    """
    first = document(session, document_id)
    newest = session.scalars(
        select(RenewedSeal)
        .where(RenewedSeal.document_id == document_id)
        .order_by(RenewedSeal.edition.desc())
        .options(undefer(RenewedSeal.data))
        .limit(1)
    ).one_or_none()
    if newest is None:
        return bytes(first.data)
    if hashlib.sha256(newest.data).hexdigest() != newest.digest:
        raise SealBroken(f"{first.name} is not what was stamped")
    return bytes(newest.data)


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
    """Store an issued file about a record in an act of its own on the record's stream."""
    draft = Draft(
        stream=view.record,
        version=view.version,
        title=name,
        standing=view.standing.words,
        data=content,
    )
    row = _row(
        draft,
        kind=kind,
        template=TEMPLATE_VERSION,
        name=name,
        media_type=media_type,
        data=data,
        content_digest=content_digest,
        by=by,
        at=at,
    )
    _add(session, row, action, {}, by=by)
    return row


def _row(
    draft: Draft,
    *,
    kind: str,
    template: str,
    name: str,
    media_type: str,
    data: bytes,
    content_digest: str,
    by: Actor,
    at: datetime,
) -> IssuedDocument:
    return IssuedDocument(
        record=draft.stream,
        kind=kind,
        record_version=draft.version,
        content_digest=content_digest,
        template=template,
        standing=draft.standing,
        name=name,
        media_type=media_type,
        digest=hashlib.sha256(data).hexdigest(),
        size=len(data),
        data=data,
        content=draft.data,
        at=at,
        by=by.id,
        by_name=by.name,
    )


def _add(
    session: Session, row: IssuedDocument, action: str, more: Mapping[str, Any], *, by: Actor
) -> None:
    """The row and its entry on the stream of the record."""
    facts = {
        "sha256": row.digest,
        "content_sha256": row.content_digest,
        "entry": row.record_version,
        **more,
    }
    stream = Stream.parse(row.record)
    with trail.act(session, action, stream=stream, by=by, object=row.name, facts=facts):
        session.add(row)


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
    made = session.get_one(jobs.Job, job_id).payload.get("made")
    return None if made is None else session.get(IssuedDocument, UUID(made))
