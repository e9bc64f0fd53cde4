"""The evidence bundle of a record: everything that it takes to believe it without us (URS-REC-070).

Around the sealed PDF and its JSON stand all entries of the record's stream with their proofs, the
keys, the verifier, and besides: the recipe as it was executed, every attachment, the schema of the
JSON, and what follows from the entries (snapshot, readings). On demand: the samples of the
historian behind each trend; or the same without attachments.
A bundle that its own verifier does not find VALID is never handed out.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from audit import bundle, canonical, restored, trail, verifier
from audit.errors import NotYetLogged
from audit.keys import PersonKey, SiteKeys
from audit.sequencer import sequence_pending
from audit.streams import Stream
from core import jobs
from core.actors import Actor
from core.errors import BrokenPromise
from core.house import House, service
from documents.sealing import SealKey
from ebr import access, issuing, queries, record
from ebr.models import Attachment
from ebr.report import schema, trends
from ebr.report.model import RecordView
from ebr.report.models import BUNDLE_KIND, IssuedDocument
from hardware import queries as plant
from workflows import queries as definitions

EXPORT_JOB = "ebr.export_bundle"
EXPORT = "export.bundle"
SITE_KEYS = "site_keys"
PEOPLE_KEYS = "people_keys"
ZIP = "application/zip"
COMMAND_LINE = Actor.service("export", trigger="command line")
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
LONGEST_NAME = 100

KeysOfPeople = Callable[[Session], list[PersonKey]]


class BundleNotValid(BrokenPromise):
    """The verifier does not accept the bundle that was just made; it is not handed out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What goes in besides the record: its `attachments`, and the raw samples of its `trends`."""

    attachments: bool = True
    trends: bool = False

    def to_json(self) -> dict[str, bool]:
        """As a job carries it."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle that verified: the record it is of, its bytes, and what its manifest says."""

    view: RecordView
    data: bytes
    about: Mapping[str, Any]


def request_bundle(session: Session, number: str, *, by: Actor, at: datetime) -> UUID:
    """Ask for a bundle of the record as it will be when the job runs.

    Raises NotPermitted, OutOfScope, NoSuchRun.
    """
    allow_export(session, number, by=by, at=at)
    run = queries.run_of(session, number)
    payload = {"record": run.stream, "by": issuing.actor_to_json(by)}
    return jobs.enqueue(session, EXPORT_JOB, payload)


def on_export(house: House, claimed: jobs.Claim) -> None:
    """Job: make, verify and store the bundle; looks again when the log is not that far yet."""
    by = issuing.actor_from_json(claimed.payload["by"])
    number = claimed.payload["record"]
    try:
        with issuing.telling(house, claimed):
            made = make_of(house, number, issuing.issue(house, number, by=by), Options())
    except NotYetLogged as waits:
        jobs.postpone(house, claimed, waits.fact, timedelta(seconds=1))
        return
    house.perform(store, made, claimed, by=by, record=made.view.record)


def export_bundle(
    house: House,
    number: str,
    folder: Path,
    *,
    by: Actor = COMMAND_LINE,
    options: Options | None = None,
) -> Path:
    """Make the bundle of a record now and write it to `folder`; answers the path of the file.

    The file appears whole or not at all. Raises NotPermitted, OutOfScope, NoSuchRun, NotYetLogged
    (another process holds the log's sequencer).
    """
    stored = export_now(house, number, by=by, options=options or Options())
    with house.reading() as session:
        found = issuing.document(session, stored)
        return put(folder, found.name, found.data)


def export_now(house: House, number: str, *, by: Actor, options: Options) -> UUID:
    """Make, verify and store the bundle of a record now; answers its document.

    Raises NotPermitted, OutOfScope, NoSuchRun, NotYetLogged.
    """
    with house.reading() as session:
        stream = queries.run_of(session, number).stream
    house.perform(allow_export, number, by=by, record=stream)
    document = issuing.issue(house, number, by=by)
    sequence_pending(house, house.services[SITE_KEYS])
    made = make_of(house, number, document, options)
    stored: UUID = house.perform(store, made, None, by=by, record=made.view.record)
    return stored


def put(folder: Path, name: str, data: bytes) -> Path:
    """Write a file whole or not at all: aside, to the disk, then renamed into place."""
    folder.mkdir(parents=True, exist_ok=True)
    aside, path = folder / f".{name}.part", folder / name
    with aside.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return aside.replace(path)


def allow_export(session: Session, number: str, *, by: Actor, at: datetime) -> None:
    """Refuse, before anything is rendered, who may not export this record.

    Raises NotPermitted, OutOfScope, NoSuchRun.
    """
    access.require(session, number, EXPORT, by=by)


def make_of(house: House, number: str, document: UUID, options: Options) -> Made:
    """The bundle around an issued document, verified; with the record as of now."""
    with house.reading() as session:
        printed = issuing.document(session, document)
        view = record.view(session, number)
        data, about = make(session, view, printed, options)
        keys = restored.keys_now(session, service(session, SITE_KEYS))
    check(data, keys)
    return Made(view, data, about)


def make(
    session: Session, view: RecordView, printed: IssuedDocument, options: Options
) -> tuple[bytes, dict[str, Any]]:
    """Bytes and predicate of the bundle with all entries there are. Raises NotYetLogged."""
    keys = restored.keys_now(session, service(session, SITE_KEYS))
    people: KeysOfPeople = service(session, PEOPLE_KEYS)
    target = io.BytesIO()
    entries = trail.entries(session, Stream.parse(view.record))
    told = [entry.data for entry in entries]
    content = bundle.Record(
        stream=Stream.parse(view.record),
        pdf=printed.data,
        json=printed.content,
        others=_others(session, view, told, options),
        without=_left_out(options),
    )
    about = bundle.write(
        session, target, content, keys=keys, people=people(session), through=entries[-1].rseq
    )
    return target.getvalue(), about


def _left_out(options: Options) -> list[str]:
    return [name for name, taken in options.to_json().items() if not taken]


def check(data: bytes, keys: SiteKeys) -> None:
    """Verify as an outsider would, with the keys of the site. Raises BundleNotValid."""
    report = verifier.verify_bytes(data, keys.published())
    if report["result"] != "VALID":
        told = "; ".join(f"{each['place']}: {each['problem']}" for each in report["problems"])
        raise BundleNotValid(f"the bundle does not verify: {told}")


def _others(
    session: Session, view: RecordView, entries: Sequence[Mapping[str, Any]], options: Options
) -> dict[str, bytes]:
    seal: SealKey = service(session, issuing.SEAL_KEY)
    return {
        **_recipes(session, view, entries),
        "schema/record.schema.json": schema.text(),
        "keys/seal.pem": b"".join(seal.trusted),
        **(_attachments(session, view) if options.attachments else {}),
        **(_samples(session, view) if options.trends else {}),
    }


def _recipes(
    session: Session, view: RecordView, entries: Sequence[Mapping[str, Any]]
) -> dict[str, bytes]:
    """Every recipe file that the record was executed by; mostly one."""
    run = queries.run_of(session, view.number)
    name = _safe(f"{run.code}-{run.version_label}")
    others = sorted(verifier.digests_of(entries, "procedure_run", "file_digest"))
    names = {
        digest: f"recipe/{name}.bpmn" if digest == run.file_digest else f"recipe/{digest}.bpmn"
        for digest in others
    }
    return {path: definitions.stored_bytes(session, digest) for digest, path in names.items()}


def _attachments(session: Session, view: RecordView) -> dict[str, bytes]:
    run = queries.run_of(session, view.number)
    rows = session.scalars(
        select(Attachment).where(Attachment.run_id == run.id).options(undefer(Attachment.data))
    )
    return {f"attachments/{row.digest[:16]}-{_safe(row.name)}": bytes(row.data) for row in rows}


def _samples(session: Session, view: RecordView) -> dict[str, bytes]:
    """What the historian stored behind each trend: raw value, status, every time, one a line."""
    historian = plant.historian(session)
    return {
        f"trends/{trend.digest[:16]}-{_safe(trend.tag)}.jsonl": b"".join(
            canonical.encode(canonical.plain(dataclasses.asdict(sample))) + b"\n"
            for sample in historian.samples(trend.tag, trend.start, trend.end)
        )
        for trend in trends.of(session, view)
    }


def _safe(name: str) -> str:
    """A name that can be unpacked on any machine; the record's list has the real one."""
    return UNSAFE.sub("_", name).strip("._")[-LONGEST_NAME:].strip("._") or "file"


def store(
    session: Session,
    made: Made,
    claimed: jobs.Claim | None,
    *,
    by: Actor,
    at: datetime,
) -> UUID:
    """Keep a bundle as a document of its record, with what its manifest says."""
    row = issuing.keep(
        session,
        made.view,
        kind=BUNDLE_KIND,
        action="bundle.exported",
        name=f"{made.view.number}{verifier.BUNDLE_NAME}",
        media_type=ZIP,
        data=made.data,
        content=canonical.encode(made.about),
        content_digest=hashlib.sha256(made.data).hexdigest(),
        by=by,
        at=at,
    )
    if claimed is not None:
        jobs.finish(session, claimed)
    return row.id
