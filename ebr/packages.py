"""Several evidence bundles in one package: made by a job, kept once, handed out again (W18).

The bundles are documents of their records, each with its audit entry, as when they are asked for
one by one; the package keeps only its index and what goes around them, and is put together again
whenever it is downloaded: the same bytes every time, compared with the digest in its own entry.
A job that is broken off goes on where it stopped: bundles of records that have not grown since are
taken as they are (URS-REC-070, URS-REP-040).
"""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from audit import bundle as writing
from audit import canonical, chain, package, restored, trail, verifier
from audit.errors import NotYetLogged
from audit.models import Entry
from audit.streams import Stream
from core import jobs
from core.actors import Actor, ActorKind
from core.db import site_of
from core.errors import Busy, Invalid, NotFound
from core.house import House, service
from core.ids import new_id
from documents.errors import SealBroken
from ebr import bundle, issuing, queries
from ebr.bundle import EXPORT, SITE_KEYS, ZIP, Options
from ebr.models import Attachment
from ebr.report.models import BUNDLE_KIND, RECORD_KIND, IssuedDocument
from personnel import permissions
from personnel.errors import OutOfScope

PACKAGE_JOB = "ebr.export_package"
PACKAGE_KIND = "package"
TEMPLATE = "package 1"
STREAM = "export"
MOST_RECORDS = 200
SECONDS_BETWEEN_SIGNS = 15.0
TYPICAL_PDF = 700_000
"""Bytes of the PDF of a record that was never printed, for estimates."""

Tell = Callable[[int, str], None]


class NoSuchPackage(NotFound):
    """No package of that name was exported at this site, or not by who asks."""

    rule = "package.unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What shall be exported: numbers of records, each once, and what goes in besides."""

    numbers: tuple[str, ...]
    options: Options


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """How many records, and about how many bytes they will take as bundles."""

    records: int
    size: int


def request_package(session: Session, wanted: Wanted, *, by: Actor, at: datetime) -> UUID:
    """Ask for a package of these records as they will be when the job runs; answers the job.

    Raises NotPermitted, OutOfScope, NoSuchRun, and Invalid for none or too many.
    """
    allow(session, wanted, by=by, at=at)
    payload = {
        "numbers": list(wanted.numbers),
        "options": wanted.options.to_json(),
        "by": issuing.actor_to_json(by),
    }
    return jobs.enqueue(session, PACKAGE_JOB, payload)


def allow(session: Session, wanted: Wanted, *, by: Actor, at: datetime) -> None:
    """Refuse, before anything is made, what may not be exported. Raises as `request_package`."""
    if not 1 <= len(set(wanted.numbers)) == len(wanted.numbers) <= MOST_RECORDS:
        raise Invalid(
            f"a package takes 1 to {MOST_RECORDS} records, each once",
            resolver="who exports, by choosing others",
        )
    for number in wanted.numbers:
        bundle.allow_export(session, number, by=by, at=at)


def estimate(session: Session, wanted: Wanted) -> Estimate:
    """About how large the package will be: files as they are, entries as they pack."""
    size = 0
    for number in wanted.numbers:
        run = queries.run_of(session, number)
        entries = select(func.sum(func.length(Entry.payload))).where(
            Entry.site_id == site_of(session), Entry.rec == run.stream
        )
        size += (session.scalar(entries) or 0) // 8 + _printed_size(session, run.stream)
        if wanted.options.attachments:
            files = select(func.sum(Attachment.size)).where(Attachment.run_id == run.id)
            size += session.scalar(files) or 0
    return Estimate(records=len(wanted.numbers), size=size)


def _printed_size(session: Session, stream: str) -> int:
    query = (
        select(IssuedDocument.size)
        .where(IssuedDocument.record == stream, IssuedDocument.kind == RECORD_KIND)
        .order_by(IssuedDocument.at.desc())
        .limit(1)
    )
    return session.scalar(query) or TYPICAL_PDF


def on_package(house: House, claimed: jobs.Claim) -> None:
    """Job: make what is missing of the bundles, then the package; waits for the log if need be."""
    by = issuing.actor_from_json(claimed.payload["by"])
    wanted = Wanted(
        numbers=tuple(claimed.payload["numbers"]), options=Options(**claimed.payload["options"])
    )
    percent = [1]
    try:
        with _keeping(house, claimed, percent):
            for done, number in enumerate(wanted.numbers):
                percent[0] = 1 + 95 * done // len(wanted.numbers)
                jobs.report_progress(house, claimed, percent[0])
                _bundle(house, number, wanted.options, by)
            made = _assemble(house, wanted)
        house.perform(_store, wanted, made, claimed, by=by, record="site")
    except NotYetLogged as waits:
        jobs.postpone(house, claimed, waits.fact, timedelta(seconds=1))


@contextmanager
def _keeping(house: House, claimed: jobs.Claim, percent: Sequence[int]) -> Iterator[None]:
    """Keep the lease while a record is printed, which may take longer than a lease lasts."""
    done = threading.Event()

    def tell() -> None:
        while not done.wait(SECONDS_BETWEEN_SIGNS):
            # The next sign comes in time, even when this one found no turn to write.
            with suppress(Busy, jobs.LeaseLost):
                jobs.report_progress(house, claimed, percent[0])

    teller = threading.Thread(target=tell, daemon=True)
    teller.start()
    try:
        yield
    finally:
        done.set()
        teller.join()


def export_package(
    house: House, wanted: Wanted, folder: Path, *, tell: Tell, by: Actor = bundle.COMMAND_LINE
) -> Path:
    """Make the package now and write it to `folder`, whole or not at all; answers its path.

    `tell` hears how many bundles are done and which comes next. Raises as `request_package`, and
    NotYetLogged while another process holds the log; then what is made stays.
    """
    house.perform(allow, wanted, by=by, record="site")
    for done, number in enumerate(wanted.numbers):
        tell(done, number)
        with house.reading() as session:
            known = _unchanged(session, number, wanted.options)
        if known is None:
            bundle.export_now(house, number, by=by, options=wanted.options)
    made = _assemble(house, wanted)
    stored: UUID = house.perform(_store, wanted, made, None, by=by, record="site")
    with house.reading() as session:
        name, data = package_of(session, stored)
    return bundle.put(folder, name, data)


def _bundle(house: House, number: str, options: Options, by: Actor) -> None:
    with house.reading() as session:
        if _unchanged(session, number, options) is not None:
            return
    made = bundle.make_of(house, number, issuing.issue(house, number, by=by), options)
    house.perform(bundle.store, made, None, by=by, record=made.view.record)


def _unchanged(session: Session, number: str, options: Options) -> IssuedDocument | None:
    """The newest bundle of a record when nothing followed but its own entry, made the same way."""
    stream = queries.run_of(session, number).stream
    found = session.scalars(
        select(IssuedDocument)
        .where(IssuedDocument.record == stream, IssuedDocument.kind == BUNDLE_KIND)
        .options(undefer(IssuedDocument.content))
        .order_by(IssuedDocument.at.desc(), IssuedDocument.id.desc())
        .limit(1)
    ).one_or_none()
    if found is None or not found.content:
        return None
    about = json.loads(found.content)
    wanted = [name for name, taken in options.to_json().items() if not taken]
    fits = about["without"] == wanted and chain.head(session, stream)[0] == about["entries"] + 1
    return found if fits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A package that verified: its digest and size, what goes around the bundles, and those."""

    digest: str
    size: int
    frame: bytes
    about: Mapping[str, Any]
    documents: Mapping[str, UUID]


def _assemble(house: House, wanted: Wanted) -> Assembled:
    """Put the bundles together and verify the whole, outside of any writing transaction."""
    with house.reading() as session:
        rows = _bundles(session, wanted)
        bundles = {name: issuing.document(session, row.id).data for name, row in rows.items()}
        told = {name: json.loads(row.content) for name, row in rows.items()}
        keys = restored.keys_now(session, service(session, SITE_KEYS))
        files, about = package.files(
            session, bundles, told, keys=keys, software=trail.installed_software()
        )
    whole = _zipped(files)
    bundle.check(whole, keys)
    return Assembled(
        digest=hashlib.sha256(whole).hexdigest(),
        size=len(whole),
        frame=_zipped({name: data for name, data in files.items() if name not in bundles}),
        about=about,
        documents={name: row.id for name, row in rows.items()},
    )


def _bundles(session: Session, wanted: Wanted) -> dict[str, IssuedDocument]:
    """The bundle of each record by file name. Raises NotYetLogged when one of them went on."""
    found = {}
    for number in wanted.numbers:
        known = _unchanged(session, number, wanted.options)
        if known is None:
            raise NotYetLogged(f"{number} went on meanwhile", resolver="the export, once more")
        found[f"{number}{verifier.BUNDLE_NAME}"] = known
    return found


def _store(
    session: Session,
    wanted: Wanted,
    made: Assembled,
    claimed: jobs.Claim | None,
    *,
    by: Actor,
    at: datetime,
) -> UUID:
    """Keep the package with its entry, in a stream of its own."""
    row = IssuedDocument(
        record=f"{STREAM}/{new_id()}",
        kind=PACKAGE_KIND,
        record_version=1,
        content_digest=made.digest,
        template=TEMPLATE,
        standing="",
        name=_name(wanted.numbers),
        media_type=ZIP,
        digest=hashlib.sha256(made.frame).hexdigest(),
        size=made.size,
        data=made.frame,
        content=canonical.encode(
            {
                "about": made.about,
                "documents": [[name, str(found)] for name, found in made.documents.items()],
            }
        ),
        at=at,
        by=by.id,
        by_name=by.name,
    )
    facts = {"sha256": made.digest, "records": list(wanted.numbers)}
    stream = Stream.parse(row.record)
    with trail.act(session, "package.exported", stream=stream, by=by, object=row.name, facts=facts):
        session.add(row)
    if claimed is not None:
        jobs.finish(session, claimed)
    return row.id


def _name(numbers: Sequence[str]) -> str:
    first, last = min(numbers), max(numbers)
    span = first if first == last else f"{first}-to-{last}"
    return f"{span}.{len(numbers)}.package.zip"


def packages(session: Session, *, by: Actor) -> list[IssuedDocument]:
    """Packages exported so far, newest first; who may read some products only sees the own ones."""
    query = select(IssuedDocument).where(IssuedDocument.kind == PACKAGE_KIND)
    if _is_limited(session, by):
        query = query.where(IssuedDocument.by == by.id)
    ordered = query.order_by(IssuedDocument.at.desc(), IssuedDocument.id.desc())
    return list(session.scalars(ordered))


def _is_limited(session: Session, by: Actor) -> bool:
    if by.kind is not ActorKind.PERSON:
        return False
    try:
        permissions.require_reach(session, by, EXPORT, None)
    except OutOfScope:
        return True
    return False


def package_for(session: Session, document: UUID, *, by: Actor, at: datetime) -> UUID:
    """The same id, when this person may have that package. Raises NoSuchPackage, OutOfScope."""
    found = session.get(IssuedDocument, document)
    theirs = found is not None and (found.by == by.id or not _is_limited(session, by))
    if found is None or found.kind != PACKAGE_KIND or not theirs:
        raise NoSuchPackage("there is no such export", resolver="the list of exports")
    for name in _parts(session, document):
        number = name.removesuffix(verifier.BUNDLE_NAME)
        bundle.allow_export(session, number, by=by, at=at)
    return document


def package_of(session: Session, document: UUID) -> tuple[str, bytes]:
    """Name and bytes of a package, put together as when it was made.

    Raises NoSuchDocument, and SealBroken when the bytes are not those of its entry any more.
    """
    found = issuing.document(session, document)
    parts = {
        name: issuing.document(session, UUID(part)).data
        for name, part in _parts(session, document).items()
    }
    data = _zipped({**verifier.read_zip(found.data), **parts})
    if hashlib.sha256(data).hexdigest() != found.content_digest:
        raise SealBroken(f"{found.name} is not what was exported")
    return found.name, data


def _parts(session: Session, document: UUID) -> dict[str, str]:
    content = session.scalar(select(IssuedDocument.content).where(IssuedDocument.id == document))
    return dict(json.loads(content or b"{}")["documents"])


def _zipped(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    writing.write_zip(target, files, method=writing.STORED)
    return target.getvalue()
