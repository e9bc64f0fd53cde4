"""The evidence bundle of a record: everything that it takes to believe it without us (URS-REC-070).

Around the sealed PDF and its JSON stand all entries of the record's stream with their proofs, the
keys, the verifier, and besides: the recipe as it was executed, every attachment, the schema of the
JSON, and `snapshot.json`, which says up to which entry a release decided and what followed.
A bundle that its own verifier does not find VALID is never handed out.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from audit import bundle, trail, verifier
from audit.errors import NotYetLogged
from audit.keys import PersonKey, SiteKeys
from audit.sequencer import sequence_pending
from audit.streams import Stream
from core import jobs
from core.actors import Actor
from core.errors import BrokenPromise
from core.house import House, service
from ebr import access, issuing, queries, record
from ebr.models import Attachment
from ebr.report import schema
from ebr.report.model import RecordView, Standing
from ebr.report.models import BUNDLE_KIND, IssuedDocument
from workflows import queries as definitions

EXPORT_JOB = "ebr.export_bundle"
EXPORT = "export.bundle"
SITE_KEYS = "site_keys"
PEOPLE_KEYS = "people_keys"
ZIP = "application/zip"
COMMAND_LINE = Actor.service("export", trigger="command line")
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

KeysOfPeople = Callable[[Session], list[PersonKey]]


class BundleNotValid(BrokenPromise):
    """The verifier does not accept the bundle that was just made; it is not handed out."""


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
            view, data = _made(house, number, issuing.issue(house, number, by=by))
    except NotYetLogged as waits:
        jobs.postpone(house, claimed, waits.fact, timedelta(seconds=1))
        return
    house.perform(_store, view, data, claimed, by=by, record=view.record)


def export_bundle(house: House, number: str, folder: Path, *, by: Actor = COMMAND_LINE) -> Path:
    """Make the bundle of a record now and write it to `folder`; answers the path of the file.

    Raises NotPermitted, OutOfScope, NoSuchRun, NotYetLogged (another process holds the log's
    sequencer).
    """
    with house.reading() as session:
        stream = queries.run_of(session, number).stream
    house.perform(allow_export, number, by=by, record=stream)
    document = issuing.issue(house, number, by=by)
    sequence_pending(house, house.services[SITE_KEYS])
    view, data = _made(house, number, document)
    made = house.perform(_store, view, data, None, by=by, record=view.record)
    with house.reading() as session:
        stored = issuing.document(session, made)
        path = folder / stored.name
        folder.mkdir(parents=True, exist_ok=True)
        path.write_bytes(stored.data)
    return path


def allow_export(session: Session, number: str, *, by: Actor, at: datetime) -> None:
    """Refuse, before anything is rendered, who may not export this record.

    Raises NotPermitted, OutOfScope, NoSuchRun.
    """
    access.require(session, number, EXPORT, by=by)


def _made(house: House, number: str, document: UUID) -> tuple[RecordView, bytes]:
    """The bundle around an issued document, verified; with the record as of now."""
    with house.reading() as session:
        printed = issuing.document(session, document)
        view = record.view(session, number)
        data = make(session, view, printed)
        keys: SiteKeys = service(session, SITE_KEYS)
    check(data, keys)
    return view, data


def make(session: Session, view: RecordView, printed: IssuedDocument) -> bytes:
    """The bytes of the bundle with all entries that the log holds. Raises NotYetLogged."""
    keys: SiteKeys = service(session, SITE_KEYS)
    people: KeysOfPeople = service(session, PEOPLE_KEYS)
    target = io.BytesIO()
    entries = trail.entries(session, Stream.parse(view.record))
    content = bundle.Record(
        stream=Stream.parse(view.record),
        pdf=printed.data,
        json=printed.content,
        others=_others(session, view, printed),
    )
    bundle.write(
        session, target, content, keys=keys, people=people(session), through=entries[-1].rseq
    )
    return target.getvalue()


def check(data: bytes, keys: SiteKeys) -> None:
    """Verify as an outsider would, with the keys of the site. Raises BundleNotValid."""
    with tempfile.NamedTemporaryFile(suffix=".zip") as file:
        file.write(data)
        file.flush()
        report = verifier.verify_bundle(file.name, keys.published())
    if report["result"] != "VALID":
        told = "; ".join(f"{each['place']}: {each['problem']}" for each in report["problems"])
        raise BundleNotValid(f"the bundle does not verify: {told}")


def _others(session: Session, view: RecordView, printed: IssuedDocument) -> dict[str, bytes]:
    run = queries.run_of(session, view.number)
    name = _safe(f"{run.code}-{run.version_label}")
    return {
        f"recipe/{name}.bpmn": definitions.stored_bytes(session, run.file_digest),
        "schema/record.schema.json": schema.text(),
        "snapshot.json": _text(_snapshot(session, view, printed)),
        **_attachments(session, view),
    }


def _attachments(session: Session, view: RecordView) -> dict[str, bytes]:
    run = queries.run_of(session, view.number)
    rows = session.scalars(
        select(Attachment).where(Attachment.run_id == run.id).options(undefer(Attachment.data))
    )
    return {f"attachments/{row.digest[:16]}-{_safe(row.name)}": bytes(row.data) for row in rows}


def _safe(name: str) -> str:
    """A name that can be unpacked on any machine; the record's list has the real one."""
    return UNSAFE.sub("_", name).strip("._") or "file"


def _snapshot(session: Session, view: RecordView, printed: IssuedDocument) -> Mapping[str, Any]:
    """Up to which entry the record was decided on, and every entry that followed."""
    decided = view.standing.entry
    entries = trail.entries(session, Stream.parse(view.record), after=decided or 0)
    return {
        "record": view.record,
        "pdf": {
            "sha256": printed.digest,
            "content_sha256": printed.content_digest,
            "entry": printed.record_version,
        },
        "decision": None if decided is None else _decision(view.standing),
        "followed": [] if decided is None else [_followed(entry.data) for entry in entries],
    }


def _decision(standing: Standing) -> Mapping[str, Any]:
    return {
        "words": standing.words,
        "entry": standing.entry,
        "entry_sha256": standing.entry_sha256,
        "by": str(standing.decided_by),
        "at": None if standing.decided_at is None else standing.decided_at.isoformat(),
        "reason": standing.reason,
    }


def _followed(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {
        "entry": data["rseq"],
        "at": data["at"],
        "action": data["action"],
        "object": data["object"],
        "by": data["actor"]["name"],
    }


def _text(value: Mapping[str, Any]) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True).encode() + b"\n"


def _store(
    session: Session,
    view: RecordView,
    data: bytes,
    claimed: jobs.Claim | None,
    *,
    by: Actor,
    at: datetime,
) -> UUID:
    row = issuing.keep(
        session,
        view,
        kind=BUNDLE_KIND,
        action="bundle.exported",
        name=f"{view.number}.ebr.zip",
        media_type=ZIP,
        data=data,
        content=b"",
        content_digest=hashlib.sha256(data).hexdigest(),
        by=by,
        at=at,
    )
    if claimed is not None:
        jobs.finish(session, claimed)
    return row.id
