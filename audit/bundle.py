"""The evidence bundle: a record with all it takes to verify it without us (URS-REC-070).

A plain zip around the stand-alone verifier. The manifest is a DSSE envelope over an in-toto
Statement that names the digest of every other file; its format is in
docs/reference/evidence-format.md. Several bundles make a package with an index of the same form
(`audit.package`).
"""

from __future__ import annotations

import base64
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from stat import S_IFREG
from typing import IO, Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from audit import anchors, canonical, checkpoints, log, timestamps, verifier
from audit.anchormodels import TimestampToken
from audit.errors import NotYetLogged, TamperedTrail
from audit.keys import PersonKey, SiteKeys
from audit.models import Checkpoint, Entry, LogLeaf
from audit.streams import Stream
from core.db import site_of
from core.house import moment
from core.sites import Site, the_site

FORMAT = "batchwright-evidence 1"
STORED = zipfile.ZIP_STORED
FIXED_DATE = (1980, 1, 1, 0, 0, 0)
README = """Evidence bundle of {record} ({mode} site {site})

record.pdf              the record for people
record.json             the same record for machines; schema/ describes it
snapshot.json           which entry decided about the record, and what followed
readings.jsonl          every value taken from a device, with raw value, times and quality
audit/entries.jsonl     every audit entry of the record from the first to number {entries},
                        one a line, byte for byte as it was sealed
audit/proofs.json       where each entry stands in the log of the site, with its proof
log/checkpoint.txt      the signed checkpoint of that log, with the cosignatures of log witnesses
log/consistency.json    proofs that the log grew from checkpoints on earlier prints and stamps
log/timestamps/         time stamps (RFC 3161) over checkpoints, if there are any
attachments/, recipe/   the files of the record, and the recipe as it was executed
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

    `others` are further files by path, such as attachments and the seal's certificate. `without`
    names what was left out on purpose, of `verifier.LEAVES_OUT`.
    """

    stream: Stream
    pdf: bytes
    json: bytes
    others: Mapping[str, bytes]
    without: Sequence[str] = ()


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
    checkpoint = _checkpoint(session, record.stream, through)
    entries = _logged(session, record.stream, checkpoint, through)
    site = the_site(session)
    predicate = _predicate(session, site, record, checkpoint, entries)
    stamps = _time_stamps(session, keys, checkpoint, entries)
    sizes = _printed(entries) | {size for size, _ in stamps}
    files = {
        verifier.RECORD_PDF: record.pdf,
        verifier.RECORD_JSON: record.json,
        **_of_entries([at.entry for at in entries]),
        verifier.PROOFS: _json(_proofs(session, checkpoint, entries)),
        verifier.CHECKPOINT: anchors.full_note(session, checkpoint).encode("utf-8"),
        verifier.CONSISTENCY: _json(_consistency(session, checkpoint, sizes)),
        verifier.SITE_KEYS: _json(site_keys(keys)),
        verifier.PEOPLE_KEYS: _json(_people(entries, people)),
        "verify.py": Path(verifier.__file__).read_bytes(),
        "VERSION": f"{FORMAT}\n{predicate['software']}\n".encode(),
        "README.txt": _readme(predicate).encode("utf-8"),
        **{name: data for _, each in stamps for name, data in each.items()},
        **record.others,
    }
    files[verifier.MANIFEST] = sealed(files, verifier.PREDICATE_TYPE, predicate, keys)
    write_zip(target, files)
    return predicate


def site_keys(keys: SiteKeys) -> dict[str, Any]:
    """The published keys in the members that version 1 of the format knows."""
    known = verifier.SITE_MEMBERS | verifier.OPTIONAL_SITE_MEMBERS
    return {name: told for name, told in keys.published().items() if name in known}


def _of_entries(entries: Sequence[Entry]) -> dict[str, bytes]:
    """The files that follow from the entries alone."""
    lines = [bytes(entry.payload) for entry in entries]
    told = [entry.data for entry in entries]
    return {
        verifier.ENTRIES: b"".join(line + b"\n" for line in lines),
        verifier.SNAPSHOT: _json(verifier.snapshot_of(told, lines)),
        verifier.READINGS: verifier.readings_of(told),
    }


def _checkpoint(session: Session, stream: Stream, through: int | None) -> Checkpoint:
    """The newest checkpoint; or one that a log witness cosigned, where it holds all entries."""
    latest = checkpoints.latest(session)
    if latest is None:
        raise NotYetLogged("the log has no checkpoint yet", resolver="the sequencer, in a second")
    cosigned = anchors.newest_cosigned(session)
    if cosigned is None or through is None or _held(session, stream, cosigned) < through:
        return latest
    return cosigned


def _held(session: Session, stream: Stream, checkpoint: Checkpoint) -> int:
    """How many entries of a record a checkpoint covers."""
    query = (
        select(func.count())
        .select_from(Entry)
        .join(LogLeaf, LogLeaf.entry_id == Entry.id)
        .where(Entry.site_id == site_of(session), Entry.rec == str(stream))
        .where(LogLeaf.idx < checkpoint.size)
    )
    return session.scalar(query) or 0


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
    session: Session, site: Site, record: Record, checkpoint: Checkpoint, entries: list[Logged]
) -> dict[str, Any]:
    last = entries[-1].entry
    note = verifier.CheckpointNote(checkpoint.note)
    return {
        "record": str(record.stream),
        "entries": len(entries),
        "last_sha256": verifier.sha256(bytes(last.payload)).hex(),
        "checkpoint": {"origin": note.origin, "size": note.size, "root": note.root.hex()},
        "site": site.name,
        "mode": str(site.mode),
        "software": last.data["software"]["name"],
        "made_at": canonical.moment_text(moment(session).real),
        "without": [name for name in verifier.LEAVES_OUT if name in record.without],
    }


def _printed(entries: Iterable[Logged]) -> set[int]:
    """Sizes of the checkpoints that issued PDFs of the record show."""
    told = [
        at.entry.data["facts"].get("checkpoint")
        for at in entries
        if at.entry.action == verifier.ISSUED
    ]
    return {printed["size"] for printed in told if printed is not None}


def _time_stamps(
    session: Session, keys: SiteKeys, checkpoint: Checkpoint, entries: Sequence[Logged]
) -> list[tuple[int, dict[str, bytes]]]:
    """Size and files of the stamped checkpoints that say when entries of the record existed.

    From the first that covers an entry to the first that covers all.
    """
    stamped = select(TimestampToken.size).where(TimestampToken.site_id == site_of(session))
    query = (
        select(Checkpoint)
        .where(Checkpoint.site_id == site_of(session))
        .where(Checkpoint.size > entries[0].index, Checkpoint.size <= checkpoint.size)
        .where(Checkpoint.size.in_(stamped))
        .order_by(Checkpoint.size)
    )
    found = []
    for each in session.scalars(query):
        if verifier.CheckpointNote(each.note).origin != keys.log.origin:
            continue  # from before a restore, when the log had another name
        found.append((each.size, _time_stamp_files(session, each)))
        if each.size > entries[-1].index:
            break
    return found


def _time_stamp_files(session: Session, stamped: Checkpoint) -> dict[str, bytes]:
    stem = f"{verifier.TIME_STAMPS}{stamped.size}"
    tokens = timestamps.tokens(session, stamped.size)
    return {
        f"{stem}.txt": stamped.note.encode("utf-8"),
        **{f"{stem}-{number}.tsr": each.token for number, each in enumerate(tokens, start=1)},
    }


def _consistency(session: Session, checkpoint: Checkpoint, sizes: Iterable[int]) -> dict[str, Any]:
    tree, size = log.StoredTree(session), checkpoint.size
    older = sorted(each for each in sizes if each < size)
    tree.prefetch(lambda read: [log.consistency_proof(read, each, size) for each in older])
    tree.prefetch(lambda read: [log.root(read, each) for each in older])
    return {
        "v": 1,
        "size": size,
        "from": [
            {
                "size": each,
                "root": _base64(log.root(tree.read, each)),
                "proof": [_base64(part) for part in log.consistency_proof(tree.read, each, size)],
            }
            for each in older
        ],
    }


def _proofs(session: Session, checkpoint: Checkpoint, entries: list[Logged]) -> dict[str, Any]:
    tree = log.StoredTree(session)
    size = checkpoint.size
    tree.prefetch(lambda read: [log.inclusion_proof(read, at.index, size) for at in entries])
    return {
        "v": 1,
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
    return {"v": 1, "keys": [key.published() for key in keys]}


def sealed(
    files: Mapping[str, bytes], kind: str, predicate: Mapping[str, Any], keys: SiteKeys
) -> bytes:
    """The signed list of those files with what is said besides: bundle manifest, package index."""
    statement = {
        "_type": verifier.STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": verifier.sha256(files[name]).hex()}}
            for name in sorted(files)
        ],
        "predicateType": kind,
        "predicate": predicate,
    }
    payload = verifier.envelope_bytes(statement)
    covered = verifier.pre_authentication(verifier.PAYLOAD_TYPE, payload)
    envelope = {
        "payloadType": verifier.PAYLOAD_TYPE,
        "payload": _base64(payload),
        "signatures": [{"keyid": keys.export.key_id, "sig": _base64(keys.export.sign(covered))}],
    }
    return verifier.envelope_bytes(envelope)


def _readme(predicate: Mapping[str, Any]) -> str:
    return README.format(**predicate)


def write_zip(
    target: Path | IO[bytes],
    files: Mapping[str, bytes],
    *,
    method: int = zipfile.ZIP_DEFLATED,
) -> None:
    """A zip of these files, the same bytes for the same files."""
    with zipfile.ZipFile(target, "w", method) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, FIXED_DATE)
            info.compress_type = method
            info.external_attr = (S_IFREG | 0o644) << 16
            archive.writestr(info, files[name])


def _json(value: Mapping[str, Any]) -> bytes:
    return verifier.canonical_bytes(value)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
