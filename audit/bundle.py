"""The evidence bundle: a record with all it takes to verify it without us (URS-REC-070).

A plain zip around the stand-alone verifier. The manifest is a DSSE envelope over an in-toto
Statement that names the digest of every other file; its format is in
docs/reference/evidence-format.md.
"""

from __future__ import annotations

import base64
import json
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from stat import S_IFREG
from typing import IO, Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from audit import canonical, checkpoints, log, verifier
from audit.errors import NotYetLogged, TamperedTrail
from audit.keys import PersonKey, SiteKeys
from audit.models import Checkpoint, Entry, LogLeaf
from audit.streams import Stream
from core.db import site_of
from core.house import moment
from core.sites import Site, the_site

FORMAT = "batchwright-evidence 1"
FIXED_DATE = (1980, 1, 1, 0, 0, 0)
README = """Evidence bundle of {record} ({mode} site {site})

record.pdf              the record for people
record.json             the same record for machines
audit/entries.jsonl     every audit entry of the record from the first to number {entries},
                        one a line, byte for byte as it was sealed
audit/proofs.json       where each entry stands in the log of the site, with its proof
log/checkpoint.txt      the signed checkpoint of that log
keys/                   public keys of the site and of those who signed
manifest.dsse.json      the signed list of all files with their SHA-256
verify.py               checks all of this; needs only Python 3.9 or newer:

    python3 -I verify.py THIS_FILE.zip

Better use a copy of verify.py and the keys of the site (--trust trust.json) that you got another
way than with this file. Entries beyond number {entries} may exist; they are not part of this
bundle.
"""


@dataclass(frozen=True, slots=True)
class Logged:
    """An entry with its place in the log."""

    entry: Entry
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What upper packages give: the record as PDF and as JSON object with its name in `record`.

    `others` are further files by path, such as attachments.
    """

    stream: Stream
    pdf: bytes
    json: bytes
    others: Mapping[str, bytes]


def write(
    session: Session,
    target: Path | IO[bytes],
    record: Record,
    *,
    keys: SiteKeys,
    people: Iterable[PersonKey],
    through: int | None = None,
) -> dict[str, Any]:
    """Write the bundle with the entries from 1 to `through` (default: all that are logged).

    Answers the manifest's predicate. `NotYetLogged` when the log does not hold them yet.
    """
    checkpoint = checkpoints.latest(session)
    if checkpoint is None:
        raise NotYetLogged("the log has no checkpoint yet", resolver="the sequencer, in a second")
    entries = _logged(session, record.stream, checkpoint, through)
    site = the_site(session)
    predicate = _predicate(session, site, record.stream, checkpoint, entries)
    files = {
        verifier.RECORD_PDF: record.pdf,
        verifier.RECORD_JSON: record.json,
        verifier.ENTRIES: b"".join(bytes(at.entry.payload) + b"\n" for at in entries),
        verifier.PROOFS: _json(_proofs(session, checkpoint, entries)),
        verifier.CHECKPOINT: checkpoint.note.encode("utf-8"),
        verifier.SITE_KEYS: _json(keys.published()),
        verifier.PEOPLE_KEYS: _json(_people(entries, people)),
        "verify.py": Path(verifier.__file__).read_bytes(),
        "VERSION": f"{FORMAT}\n{predicate['software']}\n".encode(),
        "README.txt": _readme(predicate).encode("utf-8"),
        **record.others,
    }
    files[verifier.MANIFEST] = _json(_envelope(files, predicate, keys))
    _write_zip(target, files)
    return predicate


def _logged(
    session: Session, stream: Stream, checkpoint: Checkpoint, through: int | None
) -> list[Logged]:
    query = (
        select(Entry, LogLeaf.idx)
        .join(LogLeaf, LogLeaf.entry_id == Entry.id)
        .where(Entry.site_id == site_of(session), Entry.rec == str(stream))
        .where(LogLeaf.idx < checkpoint.size)
        .order_by(Entry.rseq)
    )
    if through is not None:
        query = query.where(Entry.rseq <= through)
    found = [Logged(entry, index) for entry, index in session.execute(query)]
    if not found or (through is not None and len(found) < through):
        raise NotYetLogged(
            f"the log does not hold {stream} up to entry {through or 1} yet",
            resolver="the sequencer, in a second",
        )
    if found[-1].entry.rseq != len(found):
        raise TamperedTrail(f"entries of {stream} are missing before {found[-1].entry.rseq}")
    return found


def _predicate(
    session: Session, site: Site, stream: Stream, checkpoint: Checkpoint, entries: list[Logged]
) -> dict[str, Any]:
    last = entries[-1].entry
    note = verifier.CheckpointNote(checkpoint.note)
    return {
        "record": str(stream),
        "entries": len(entries),
        "last_sha256": verifier.sha256(bytes(last.payload)).hex(),
        "checkpoint": {"origin": note.origin, "size": note.size, "root": note.root.hex()},
        "site": site.name,
        "mode": site.mode,
        "software": last.data["software"]["name"],
        "made_at": canonical.moment_text(moment(session).real),
    }


def _proofs(session: Session, checkpoint: Checkpoint, entries: list[Logged]) -> dict[str, Any]:
    tree = log.StoredTree(session)
    size = checkpoint.size
    tree.prefetch(lambda read: [log.inclusion_proof(read, at.index, size) for at in entries])
    return {
        "size": size,
        "entries": [
            {
                "rseq": at.entry.rseq,
                "index": at.index,
                "leaf": _base64(bytes(at.entry.leaf)),
                "proof": [_base64(part) for part in log.inclusion_proof(tree.read, at.index, size)],
            }
            for at in entries
        ],
    }


def _people(entries: list[Logged], people: Iterable[PersonKey]) -> dict[str, Any]:
    used = {
        change["after"]["key_id"]
        for at in entries
        for change in at.entry.data["changes"]
        if change["table"] == "signature"
    }
    keys = sorted((key for key in people if key.key_id in used), key=lambda key: key.badge)
    return {"keys": [key.published() for key in keys]}


def _envelope(
    files: Mapping[str, bytes], predicate: Mapping[str, Any], keys: SiteKeys
) -> dict[str, Any]:
    statement = {
        "_type": verifier.STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": verifier.sha256(files[name]).hex()}}
            for name in sorted(files)
        ],
        "predicateType": verifier.PREDICATE_TYPE,
        "predicate": predicate,
    }
    payload = _json(statement)
    covered = verifier.pre_authentication(verifier.PAYLOAD_TYPE, payload)
    return {
        "payloadType": verifier.PAYLOAD_TYPE,
        "payload": _base64(payload),
        "signatures": [{"keyid": keys.export.key_id, "sig": _base64(keys.export.sign(covered))}],
    }


def _readme(predicate: Mapping[str, Any]) -> str:
    return README.format(**predicate)


def _write_zip(target: Path | IO[bytes], files: Mapping[str, bytes]) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, FIXED_DATE)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = (S_IFREG | 0o644) << 16
            archive.writestr(info, files[name])


def _json(value: Mapping[str, Any]) -> bytes:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8") + b"\n"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
