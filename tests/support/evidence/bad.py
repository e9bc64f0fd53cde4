"""Bad vectors: one thing wrong in each, with the place that a verifier names first."""

from __future__ import annotations

import base64
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from audit import verifier
from tests.support.evidence import der, zips
from tests.support.evidence.building import (
    ORIGIN,
    TRACE,
    Draft,
    b64,
    cosign_line,
    dsse,
    export_key,
    key,
    note_line,
    person,
    public,
    sealed,
    site,
    vkey,
)
from tests.support.evidence.good import WITNESS_A, Vector, noted, package

E, P, M = verifier.ENTRIES, verifier.PROOFS, verifier.MANIFEST
NEUTRAL_KEY = (1).to_bytes(32, "little")


def bad() -> list[Vector]:
    """All bad vectors."""
    return [
        *(Vector(name=name, about=about, data=data(), result="INVALID", place=place, trust=trust)
          for name, about, place, trust, data in (*_zips(), *_manifests(), *_logs(), *_entries(),
                                                  *_signatures(), *_contents(), *_packages()))
    ]  # fmt: skip


Case = tuple[str, str, str, str | None, Callable[[], bytes]]


def _made(**hooks: Any) -> Callable[[], bytes]:
    return lambda: Draft(hooks=hooks).zip()


def _edit(*path: Any, to: Any) -> Callable[[Any], None]:
    """A hook that sets one member, deep inside."""

    def hook(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return hook


def _drop(*path: Any) -> Callable[[Any], None]:
    def hook(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        del value[path[-1]]

    return hook


# --- the zip file ---


def _part(number: int, **changes: Any) -> Callable[[], bytes]:
    def parts(found: list[zips.Part]) -> list[zips.Part]:
        found[number] = replace(found[number], **changes)
        return found

    return _made(parts=parts)


def _more(**told: Any) -> Callable[[], bytes]:
    return _made(parts=lambda found: [*found, zips.Part(**{"data": b"x", **told})])


def _shape(**told: Any) -> Callable[[], bytes]:
    return _made(shape=lambda _: zips.Shape(**told))


def _zips() -> list[Case]:
    bomb = zips.Part(name=b"x", data=b"", method=zips.DEFLATED, size=2 * verifier.SMALL)
    unicode_path = struct.pack("<2HBL", 0x7075, 6, 1, 0) + b"x"
    zip64 = struct.pack("<2HQ", 1, 8, 1)
    found: list[tuple[str, str, Callable[[], bytes]]] = [
        ("not-a-zip", "no zip file at all", lambda: b"PK is not enough"),
        ("cut-off", "the end is missing", _made(zip=lambda data: data[:-1])),
        ("trailing-data", "bytes behind the end", _shape(after=b"x")),
        ("prepended-data", "bytes before the first file", _shape(before=b"#!/bin/sh\n")),
        ("hidden-data", "bytes between the files and their list", _shape(between=b"x")),
        ("archive-comment", "a comment of the archive", _shape(comment=b"x")),
        ("file-comment", "a comment of a file", _part(0, comment=b"x")),
        ("wrong-count", "the end counts one file less", _shape(count=3)),
        ("name-twice", "two files of one name", _more(name=b"record.json")),
        ("name-twice-in-capitals", "names that differ in capitals", _more(name=b"RECORD.json")),
        ("name-upwards", "a name that leads out of the folder", _more(name=b"../x")),
        ("name-absolute", "a name from the root", _more(name=b"/x")),
        ("name-backslash", "a name with a backslash", _more(name=b"a\\x")),
        ("name-beyond-ascii", "a name with a letter beyond ASCII",
         _more(name="\u00e9".encode(), flags=1 << 11)),
        ("names-differ", "local and central header name another file",
         _part(0, central_name=b"attachments/other.json")),
        ("symbolic-link", "a link instead of a file",
         _more(name=b"link", attributes=0o120777 << 16)),
        ("encrypted", "a file is marked as encrypted", _part(0, flags=1)),
        ("unknown-method", "packed in another way than stored or deflated", _part(0, method=14)),
        ("bomb", "a file that grows by more than 500", _made(parts=lambda found: [*found, bomb])),
        ("wrong-crc", "the checksum of a file is another", _part(0, crc=1)),
        ("wrong-length", "a file is shorter than told", _part(0, size=len(TRACE) + 1)),
        ("extra-unicode-path", "an extra field with another name", _part(0, extra=unicode_path)),
        ("extra-zip64", "an extra field with another length",
         _part(0, extra=b"", central_extra=zip64)),
        ("deflate-tail", "bytes behind the end of a deflate stream",
         _part(0, method=zips.DEFLATED, packed=zips.deflated(TRACE) + b"x")),
    ]  # fmt: skip
    return [(name, about, verifier.ARCHIVE, "site", data) for name, about, data in found]


# --- manifest and keys ---


def _resealed(change: Callable[[dict[str, bytes]], Any]) -> Callable[[], bytes]:
    """Files changed, and a manifest made for them: what a thief of the export key can do."""
    return _made(files=change)


def _manifests() -> list[Case]:
    stranger = {
        "site": lambda _: site(log=[vkey(ORIGIN, "log-x")], export=[export_key("export-x")]),
    }
    return [
        ("envelope-spaces", "the envelope is not in canonical form", M, "site",
         _made(manifest=lambda data: data.replace(b":", b": ", 1))),
        ("envelope-more", "an unknown member of the envelope", M, "site",
         _made(envelope=_edit("remark", to="x"))),
        ("envelope-newline", "a line end behind the envelope", M, "site",
         _made(manifest=lambda data: data + b"\n")),
        ("payload-type", "another payload type", M, "site",
         _made(envelope=_edit("payloadType", to="text/plain"))),
        ("payload-loose-base64", "base64 with bits that nobody reads", M, "site",
         _made(envelope=_loose)),
        ("payload-spaces", "the statement is not in canonical form", M, "site",
         _made(payload=lambda data: data.replace(b",", b", ", 1))),
        ("unsigned", "no signature", M, "site", _made(envelope=_edit("signatures", to=[]))),
        ("signed-by-stranger", "signed by an unknown key only", M, "site",
         _made(envelope=_signed_by("export-x"))),
        ("signature-of-other-bytes", "the signature is of other bytes", M, "site",
         _made(envelope=_signed_over(b"{}"))),
        ("signature-without-dsse", "signed without the DSSE prefix", M, "site",
         _made(envelope=_bare)),
        ("statement-version", "a later version of the statement about evidence", M, "site",
         _made(statement=_edit("predicateType", to="urn:batchwright:evidence:2"))),
        ("subject-twice", "a file is named twice", M, "site",
         _made(statement=lambda told: told["subject"].insert(0, told["subject"][0]))),
        ("subject-order", "files not in order of their names", M, "site",
         _made(statement=lambda told: told["subject"].reverse())),
        ("predicate-more", "an unknown member of the predicate", M, "site",
         _made(predicate=_edit("remark", to="x"))),
        ("predicate-mode", "a mode that does not exist", M, "site",
         _made(predicate=_edit("mode", to="TEST"))),
        ("predicate-without", "leaves out what may not be left out", M, "site",
         _made(predicate=_edit("without", to=["entries"]))),
        ("file-dropped", "a file is missing", "record.pdf", "site",
         _made(final=_drop("record.pdf"))),
        ("file-added", "a file that the manifest does not name", "extra.txt", "site",
         _made(final=_edit("extra.txt", to=b"x"))),
        ("file-changed", "one digit of the record", "record.json", "site",
         _made(final=lambda files: files.update(
             {"record.json": files["record.json"].replace(b"B-1", b"B-7")}))),
        ("file-not-required", "a manifest that does not ask for the readings", "readings.jsonl",
         "site", _resealed(_drop("readings.jsonl"))),
        ("keys-of-stranger", "everything signed by keys that nobody trusts",
         "keys/site.json", "site", _forged),
        ("keys-not-trusted", "a good bundle and a trust file of somebody else", "keys/site.json",
         "stranger", _made()),
        ("keys-more", "an unknown member of the site's keys", "keys/site.json", "site",
         _made(site=_edit("remark", to="x"))),
        ("keys-version", "a later version of the site's keys", "keys/site.json", "site",
         _made(site=_edit("v", to=2))),
        ("key-hash", "a log key whose hash does not fit", "keys/site.json", "site",
         _made(site=lambda told: told.update(
             log=[told["log"][0].replace("+" + told["log"][0].split("+")[1], "+00000000", 1)]))),
        ("export-key-id", "an export key that its bytes do not name", "keys/site.json", "site",
         _made(site=_edit("export", 0, "key_id", to="0" * 64))),
        ("log-key-missing", "no log key", "keys/site.json", "site",
         _made(site=_edit("log", to=[]))),
        ("keys-inside-do-not-fit", "without a trust file: keys that signed nothing", M, None,
         _made(**stranger)),
    ]  # fmt: skip


def _loose(envelope: dict[str, Any]) -> None:
    # Blanks behind the payload make room for spare bits, and are signed.
    payload = verifier.base64_bytes(envelope["payload"], M)
    text = base64.b64encode(payload + b"\n" * ((1 - len(payload)) % 3)).decode("ascii")
    at = text.index("=") - 1
    envelope["payload"] = text[:at] + chr(ord(text[at]) + 1) + text[at + 1 :]


def _signed_by(name: str) -> Callable[[dict[str, Any]], None]:
    def hook(envelope: dict[str, Any]) -> None:
        payload = verifier.base64_bytes(envelope["payload"], M)
        envelope["signatures"] = [dsse(payload, name)]

    return hook


def _signed_over(other: bytes) -> Callable[[dict[str, Any]], None]:
    return lambda envelope: envelope.update(signatures=[dsse(other, "export-1")])


def _bare(envelope: dict[str, Any]) -> None:
    payload = verifier.base64_bytes(envelope["payload"], M)
    envelope["signatures"][0]["sig"] = b64(key("export-1").sign(payload))


def _forged() -> bytes:
    def final(files: dict[str, bytes]) -> None:
        told = verifier.parse_envelope(files.pop(M), M)
        about = verifier.parse_envelope(verifier.base64_bytes(told["payload"], M), M)["predicate"]
        files[M] = sealed(files, verifier.PREDICATE_TYPE, about, {}, signer="export-x")

    def note(text: str) -> str:
        signed = text.partition("\n\n")[0] + "\n"
        return f"{signed}\n{note_line(signed, ORIGIN, 'log-x')}"

    keys = site(log=[vkey(ORIGIN, "log-x")], export=[export_key("export-x")])
    return Draft(hooks={"site": lambda _: keys, "note": note, "final": final}).zip()


# --- the log ---


def _logs() -> list[Case]:
    checkpoint, older = verifier.CHECKPOINT, verifier.CONSISTENCY
    return [
        ("checkpoint-of-stranger", "no known key signed the checkpoint", checkpoint, "site",
         _made(note=_resigned("log-x"))),
        ("checkpoint-signature-bad", "a known key signed it wrongly, beside a good signature",
         checkpoint, "site", lambda: noted(_broken_line, ORIGIN, "log-1")),
        ("checkpoint-other-size", "the size is another than the signed one", checkpoint, "site",
         _made(note=lambda note: note.replace("\n11\n", "\n12\n"))),
        ("checkpoint-size-zero-filled", "the size is written 011", checkpoint, "site",
         _made(text=lambda text: text.replace("\n11\n", "\n011\n"),
               predicate=_edit("checkpoint", "size", to=11))),
        ("checkpoint-not-named", "the manifest names another checkpoint", checkpoint, "site",
         _made(predicate=_edit("checkpoint", "root", to="00" * 32))),
        ("checkpoint-of-other-log", "signed by the right key for another origin", checkpoint,
         "site", _made(text=lambda text: text.replace(ORIGIN, "batchwright/other"))),
        ("quorum-missed", "two log witnesses are needed, one cosigned", checkpoint,
         "two-witnesses", lambda: noted(cosign_line, WITNESS_A, "witness-a")),
        ("cosignature-bad", "the cosignature of a known witness is of another time", checkpoint,
         "witnessed", lambda: noted(_other_time, WITNESS_A, "witness-a")),
        ("cosignature-by-log-key", "a log's signature in the name of a witness", checkpoint,
         "witnessed", lambda: noted(note_line, WITNESS_A, "witness-a")),
        ("cosignature-twice", "one witness twice is not two witnesses", checkpoint,
         "two-witnesses", _cosigned_twice),
        ("older-root", "an older checkpoint that this log did not grow from", f"{older}:1",
         "site", _made(consistency=_edit("from", 0, "root", to="A" * 43 + "="))),
        ("older-proof-cut", "a consistency proof without its last hash", f"{older}:1", "site",
         _made(consistency=_drop("from", 0, "proof", -1))),
        ("older-proof-empty", "a consistency proof of nothing", f"{older}:1", "site",
         _made(consistency=_edit("from", 0, "proof", to=[]))),
        ("older-size-zero", "an older checkpoint of size 0 proves anything", f"{older}:1", "site",
         _made(consistency=_edit("from", 0, "size", to=0))),
        ("older-short-hash", "a hash of 31 bytes", f"{older}:1", "site",
         _made(consistency=_edit("from", 0, "proof", 0, to="AAAA"))),
        ("printed-not-proven", "the checkpoint on the PDF has no proof", f"{E}:5", "site",
         _made(consistency=_edit("from", to=[]))),
        ("printed-other-root", "the checkpoint on the PDF has another root", f"{E}:5", "site",
         _made(facts=_edit("checkpoint", "root", to="00" * 32))),
        ("proof-swapped", "the proofs of two entries are swapped", f"{P}:1", "site",
         _made(proofs=_swap)),
        ("proof-short-hash", "a hash of 31 bytes in a proof", f"{P}:1", "site",
         _made(proofs=_edit("entries", 0, "proof", 0, to="AAAA"))),
        ("proof-too-long", "a proof with one hash more", f"{P}:2", "site",
         _made(proofs=lambda told: told["entries"][1]["proof"].append("A" * 43 + "="))),
        ("proof-index-outside", "an index beyond the log", f"{P}:5", "site",
         _made(proofs=_edit("entries", 4, "index", to=11))),
        ("proof-size", "proofs for a log of another size", P, "site",
         _made(proofs=_edit("size", to=12))),
        ("proof-missing", "an entry without proof", P, "site",
         _made(proofs=_drop("entries", 2))),
        ("entry-not-in-log", "an entry that the log does not hold", f"{P}:4", "site",
         _made(leaves=_edit(6, to=bytes(32)))),
        ("log-order", "the log holds two entries in another order", f"{P}:3", "site",
         lambda: Draft(indexes=(1, 4, 3, 6, 8)).zip()),
        ("time-stamp-of-other-bytes", "a time stamp over something else",
         "log/timestamps/10-1.tsr", "site", _stamped(lambda note: der.time_stamp(note + b"x"))),
        ("time-stamp-claims-other", "its signer claims another content",
         "log/timestamps/10-1.tsr", "site",
         _stamped(lambda note: der.time_stamp(note, claims=bytes(32)))),
        ("time-stamp-refused", "the authority refused", "log/timestamps/10-1.tsr", "site",
         _stamped(lambda note: der.time_stamp(note, status=2))),
        ("time-stamp-sha1", "an imprint of SHA-1", "log/timestamps/10-1.tsr", "site",
         _stamped(lambda note: der.time_stamp(note, oid=der.SHA1, imprint=bytes(20)))),
        ("time-stamp-alone", "what it stamped is missing", "log/timestamps/10-1.tsr", "site",
         lambda: Draft(stamps=True, hooks={"files": _drop("log/timestamps/10.txt")}).zip()),
        ("time-stamp-other-file", "a file that time stamps do not have",
         "log/timestamps/10.pem", "site",
         lambda: Draft(
             stamps=True, hooks={"files": _edit("log/timestamps/10.pem", to=b"x")}).zip()),
        ("time-stamp-not-proven", "the stamped checkpoint is not one of this log",
         "log/timestamps/10.txt", "site",
         lambda: Draft(stamps=True, hooks={"consistency": _drop("from", -1)}).zip()),
    ]  # fmt: skip


def _resigned(name: str) -> Callable[[str], str]:
    def hook(note: str) -> str:
        text = note.partition("\n\n")[0] + "\n"
        return f"{text}\n{note_line(text, ORIGIN, name)}"

    return hook


def _broken_line(text: str, name: str, key_name: str) -> str:
    return note_line(text + "x", name, key_name)


def _other_time(text: str, name: str, key_name: str) -> str:
    line = cosign_line(text, name, key_name)
    head, _, encoded = line.rstrip("\n").rpartition(" ")
    data = bytearray(base64.b64decode(encoded))
    data[11] ^= 1
    return f"{head} {base64.b64encode(data).decode('ascii')}\n"


def _cosigned_twice() -> bytes:
    def add(note: str) -> str:
        text = note.partition("\n\n")[0] + "\n"
        lines = [cosign_line(text, WITNESS_A, "witness-a", at) for at in (1, 2)]
        return note + "".join(lines)

    return Draft(hooks={"note": add}).zip()


def _swap(told: dict[str, Any]) -> None:
    first, second = told["entries"][:2]
    first["proof"], second["proof"] = second["proof"], first["proof"]


def _stamped(make: Callable[[bytes], bytes]) -> Callable[[], bytes]:
    def files(found: dict[str, bytes]) -> None:
        found["log/timestamps/10-1.tsr"] = make(found["log/timestamps/10.txt"])

    return lambda: Draft(stamps=True, hooks={"files": files}).zip()


# --- entries and signatures ---


def _at(number: int, change: Callable[[dict[str, Any]], None]) -> Callable[[], bytes]:
    """One entry changed before everything behind it is made to fit."""

    def hook(entry: dict[str, Any]) -> None:
        if entry["rseq"] == number:
            change(entry)

    return _made(entry=hook)


def _lines(change: Callable[[list[bytes]], list[bytes]]) -> Callable[[], bytes]:
    return _made(lines=change)


def _entries() -> list[Case]:
    return [
        ("entry-dropped", "an entry in the middle is missing", f"{E}:3", "site",
         _lines(lambda found: found[:2] + found[3:])),
        ("entry-first-dropped", "the first entry is missing", f"{E}:1", "site",
         _lines(lambda found: found[1:])),
        ("entry-last-dropped", "the last entry is missing", E, "site",
         _lines(lambda found: found[:-1])),
        ("entries-swapped", "two entries change places", f"{E}:2", "site",
         _lines(lambda found: [found[0], found[2], found[1], *found[3:]])),
        ("entry-doubled", "an entry stands twice", f"{E}:6", "site",
         _lines(lambda found: [*found, found[-1]])),
        ("entry-changed", "a word of an entry", f"{E}:3", "site",
         _lines(lambda found: [*found[:1], found[1].replace(b"21.50", b"21.05"), *found[2:]])),
        ("entry-spaces", "an entry is not in canonical form", f"{E}:1", "site",
         _lines(lambda found: [found[0].replace(b":", b": ", 1), *found[1:]])),
        ("entry-float", "a number with a fraction", f"{E}:2", "site",
         _lines(lambda found: [found[0], found[1].replace(b'"21.50"', b"21.50"), *found[2:]])),
        ("entry-no-line-end", "the last line has no end", E, "site",
         _resealed(lambda files: files.update({E: files[E][:-1]}))),
        ("entry-empty-line", "an empty line at the end", f"{E}:6", "site",
         _resealed(lambda files: files.update({E: files[E] + b"\n"}))),
        ("entry-decomposed-text", "text that is not in Unicode normal form C", f"{E}:4", "site",
         _lines(lambda found: [*found[:3], found[3].replace(b"meets all", b"e\xcc\x81"),
                               *found[4:]])),
        ("entry-version", "a later version of the entry", f"{E}:3", "site",
         _at(3, _edit("v", to=2))),
        ("entry-more", "an unknown member of an entry", f"{E}:3", "site",
         _at(3, _edit("remark", to="x"))),
        ("entry-no-actor", "an entry that does not say who", f"{E}:3", "site",
         _at(3, _edit("actor", "name", to=""))),
        ("entry-naive-time", "a time without offset", f"{E}:4", "site",
         _at(4, _edit("at", to="2026-03-02T07:04:00.000000"))),
        ("entry-loose-time", "a time in another spelling", f"{E}:4", "site",
         _at(4, _edit("at", to="20260302T070400+0100"))),
        ("entry-other-record", "an entry of another record", f"{E}:3", "site",
         _at(3, _edit("rec", to="batch/B-7"))),
        ("entry-count", "the manifest counts another number", E, "site",
         _made(predicate=_edit("entries", to=4))),
        ("entry-last-digest", "the manifest names another last entry", E, "site",
         _made(predicate=_edit("last_sha256", to="00" * 32))),
    ]  # fmt: skip


def _signatures() -> list[Case]:
    people = verifier.PEOPLE_KEYS
    return [
        ("signature-bad", "the signature is of another text", f"{E}:2", "site",
         _row(lambda row: row.update(signature=row["signature"][:-4] + "AA=="))),
        ("signature-moved", "the signature names another record", f"{E}:2", "site",
         _told(_edit("record", to="batch/B-7"))),
        ("signature-other-object", "the signature names another object", f"{E}:2", "site",
         _told(_edit("object", to="G999#1"))),
        ("signature-other-content", "other content than what was signed", f"{E}:2", "site",
         _at(2, _edit("signed", 0, "content", "content", "mass", to="152.00"))),
        ("signature-content-missing", "the signed content is not in the entry", f"{E}:2", "site",
         _at(2, _edit("signed", to=[]))),
        ("signature-stripped", "signed content without its signature", f"{E}:2", "site",
         _at(2, lambda entry: entry["changes"].pop())),
        ("signature-printed-name", "the row shows another name than was signed", f"{E}:2", "site",
         _row(_edit("printed_name", to="Somebody Else"))),
        ("signature-other-time", "given at another time than the entry", f"{E}:2", "site",
         _told(_edit("real_at", to="2026-03-02T05:59:00.000000+00:00"))),
        ("signature-other-point", "given at another point of the record", f"{E}:2", "site",
         _told(_edit("after_sha256", to="00" * 32))),
        ("signature-later-point", "given after an entry that follows", f"{E}:2", "site",
         _told(_edit("after_rseq", to=2))),
        ("signature-prior-unknown", "countersigns a signature that is not there", f"{E}:3", "site",
         _made(told=lambda told: told.update(prior="00" * 32) if told["prior"] else None)),
        ("signature-nonce-twice", "one nonce for two signatures", f"{E}:3", "site",
         _made(told=_edit("nonce", to="n-1"))),
        ("signature-changed-row", "a signature that was changed later", f"{E}:2", "site",
         _at(2, lambda entry: entry["changes"][-1].update(before={"meaning": "seen"}))),
        ("signature-changed-alone", "a later entry that changes a signature", f"{E}:4", "site",
         _at(4, lambda entry: entry["changes"].append(
             {"table": "signature", "id": "s-1", "before": {"meaning": "seen"},
              "after": {"meaning": "verified"}}))),
        ("signed-content-twice", "two contents under one nonce", f"{E}:2", "site",
         _at(2, lambda entry: entry["signed"].insert(
             0, {**entry["signed"][0], "content": {"mass": "0.00"}}))),
        ("signature-more", "an unknown member of what was signed", f"{E}:2", "site",
         _told(_edit("remark", to="x"))),
        ("person-key-missing", "the key of a signer is not published", f"{E}:3", "site",
         _made(people=_drop("keys", 1))),
        ("person-key-of-another", "the key belongs to another person", f"{E}:2", "site",
         _made(people=_edit("keys", 0, "badge", to="P-999"))),
        ("person-key-too-late", "signed after the key was given up", f"{E}:2", "site",
         _made(people=_edit("keys", 0, "valid_until", to="2026-03-02T06:02:00.000000+00:00"))),
        ("person-key-too-early", "signed before the key was valid", f"{E}:2", "site",
         _made(people=_edit("keys", 0, "valid_from", to="2026-03-02T06:02:00.000001+00:00"))),
        ("person-key-id", "a key that its bytes do not name", people, "site",
         _made(people=_edit("keys", 0, "key_id", to="00" * 32))),
        ("person-key-loose-time", "a time in another spelling", people, "site",
         _made(people=_edit("keys", 0, "valid_from", to="2026-01-01"))),
        ("person-key-twice", "one key twice", people, "site",
         _made(people=lambda told: told["keys"].append(person("P-101")))),
        ("person-key-small-order", "a key that signs anything", f"{E}:2", "site", _small_order),
    ]  # fmt: skip


def _row(change: Callable[[dict[str, Any]], Any]) -> Callable[[], bytes]:
    return _made(row=lambda row: change(row) if row["signer"] == "P-101" else None)


def _told(change: Callable[[dict[str, Any]], Any]) -> Callable[[], bytes]:
    return _made(told=lambda told: change(told) if told["signer"] == "P-101" else None)


def _small_order() -> bytes:
    weak = verifier.person_key_id(NEUTRAL_KEY)
    encoded = base64.b64encode(NEUTRAL_KEY).decode("ascii")
    signature = base64.b64encode(NEUTRAL_KEY + bytes(32)).decode("ascii")
    assert public("P-101") != NEUTRAL_KEY
    hooks = {
        "told": lambda told: told.update(key_id=weak) if told["signer"] == "P-101" else None,
        "row": lambda row: row.update(signature=signature) if row["signer"] == "P-101" else None,
        "people": lambda told: told["keys"][0].update(key_id=weak, public=encoded),
    }
    return Draft(hooks=hooks).zip()


# --- what the entries say about the other files ---


def _contents() -> list[Case]:
    pdf, snapshot = verifier.RECORD_PDF, verifier.SNAPSHOT
    return [
        ("snapshot-decision", "another decision than the entries hold", snapshot, "site",
         _made(snapshot=_edit("decision", "disposition", to="rejected"))),
        ("snapshot-followed", "an entry after the decision is not named", snapshot, "site",
         _made(snapshot=_edit("followed", to=[]))),
        ("record-of-another", "record.json is about another record", verifier.RECORD_JSON, "site",
         _made(record=_edit("record", to="batch/B-7"))),
        ("record-not-issued", "a record.json that no entry names", verifier.RECORD_JSON, "site",
         _made(facts=_edit("content_sha256", to="00" * 32))),
        ("pdf-not-issued", "a record.pdf that no entry names", pdf, "site",
         _resealed(lambda files: files.update({pdf: b"%PDF-1.7\n% another\n"}))),
        ("pdf-no-pdf", "record.pdf is no PDF", pdf, "site", lambda: Draft(pdf=b"text").zip()),
        ("seal-digest", "the seal of the PDF claims another digest", pdf, "site",
         lambda: Draft(pdf=der.sealed_pdf(digest=bytes(32))).zip()),
        ("seal-range", "the seal says to cover bytes that are not there", pdf, "site",
         lambda: Draft(pdf=der.sealed_pdf()[:-1]).zip()),
        ("attachment-changed", "an attachment that no entry names", "attachments/trace.json",
         "site", _resealed(_edit("attachments/trace.json", to=b"{}"))),
        ("attachment-dropped", "an attachment is missing", "attachments/", "site",
         _resealed(_drop("attachments/trace.json"))),
        ("attachment-left-out-but-there", "left out by the manifest, and there",
         "attachments/trace.json", "site",
         _made(predicate=_edit("without", to=["attachments", "trends"]))),
        ("recipe-changed", "a recipe that no entry names", "recipe/REC-1.bpmn", "site",
         _resealed(_edit("recipe/REC-1.bpmn", to=b"<other/>"))),
        ("recipe-dropped", "the recipe is missing", "recipe/", "site",
         _resealed(_drop("recipe/REC-1.bpmn"))),
        ("reading-changed", "another raw value than the entry holds", "readings.jsonl", "site",
         _resealed(lambda files: files.update(
             {"readings.jsonl": files["readings.jsonl"].replace(b"GOOD", b"BAD!")}))),
        ("reading-dropped", "a reading is missing", "readings.jsonl", "site",
         _resealed(_edit("readings.jsonl", to=b""))),
    ]  # fmt: skip


def _packages() -> list[Case]:
    index, second = verifier.INDEX, "B-2.ebr.zip"
    return [
        ("package-bundle-dropped", "a bundle of the package is missing", second, "site",
         lambda: package({"package": _drop(second)})),
        ("package-bundle-added", "a bundle that the index does not name", "B-3.ebr.zip", "site",
         lambda: package({"package": lambda files: files.update(
             {"B-3.ebr.zip": files[second]})})),
        ("package-bundle-exchanged", "two bundles change places", "B-1.ebr.zip", "site",
         lambda: package({"package": _exchanged})),
        ("package-wrong-record", "the index tells of another record", second, "site",
         lambda: package({"index": _edit("bundles", 1, "record", to="batch/B-7")})),
        ("package-not-listed", "a bundle that the index passes over", index, "site",
         lambda: package({"index": _drop("bundles", 1)})),
        ("package-bad-bundle", "a bundle in it is bad", f"{second}!record.pdf", "site",
         lambda: package({"bundles": lambda found: found.update(
             {second: Draft(record="batch/B-2", decided=False, pdf=b"text").zip()})})),
        ("package-signed-by-stranger", "the index is signed by an unknown key", index, "site",
         lambda: package({"envelope": _signed_by("export-x")})),
        ("package-of-another-site", "a bundle of another site than the index says", "B-1.ebr.zip",
         "site", lambda: package({"index": _edit("site", to="Another plant")})),
    ]  # fmt: skip


def _exchanged(files: dict[str, bytes]) -> None:
    files["B-1.ebr.zip"], files["B-2.ebr.zip"] = files["B-2.ebr.zip"], files["B-1.ebr.zip"]
