#!/usr/bin/env python3
"""Verify an exported Batchwright record without Batchwright: one file, standard library only.

    python3 -I verify.py BUNDLE.zip [--trust trust.json] [--json]

Exit code 0: VALID. 1: INVALID, and the place is named. 2: it could not be started that way.
Runs on Python 3.9 and newer; with the package ``cryptography`` installed it is faster, never
different. What it checks and how each file looks: docs/reference/evidence-format.md.
"""

from __future__ import annotations

import argparse
import base64
import binascii
import hashlib
import json
import re
import stat
import struct
import sys
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

try:
    from cryptography.exceptions import InvalidSignature as _BadSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
except ImportError:
    Ed25519PublicKey = None  # type: ignore[assignment, misc]  # the pure Python below does it

MOST_INTEGER = 2**53 - 1
KEY = re.compile(r"[a-z0-9_.-]+\Z")


class Invalid(Exception):
    """Something does not hold: `place` says where, `problem` what."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem


# --- Canonical bytes: the restricted profile of RFC 8785 (JCS) that entries are written in ---


def check_profile(value: Any, place: str = "value") -> None:
    """Objects, lists, strings in NFC, booleans, null and integers below 2**53; else `Invalid`.

    Keys are of ``a-z 0-9 _ . -``. No floats: measured values are decimal strings, so that their
    significant digits stay.
    """
    kind = type(value)
    if kind is str:
        if not value.isascii():
            _check_text(value, place)
    elif kind is dict:
        for key, part in value.items():
            if type(key) is not str or not KEY.match(key):
                raise Invalid(place, f"key {key!r} is not of a-z 0-9 _ . -")
            check_profile(part, key)
    elif kind is list or kind is tuple:
        for part in value:
            check_profile(part, place)
    elif kind is int:
        if not -MOST_INTEGER <= value <= MOST_INTEGER:
            raise Invalid(place, "an integer beyond 2**53 goes in as a string")
    elif value is not None and kind is not bool:
        raise Invalid(place, f"a {kind.__name__} is not part of the profile")


def _check_text(text: str, place: str) -> None:
    if not unicodedata.is_normalized("NFC", text):
        raise Invalid(place, "text is not in Unicode normal form C")
    if any("\ud800" <= letter <= "\udfff" for letter in text):
        raise Invalid(place, "text holds half of a surrogate pair")


def canonical_bytes(value: Any) -> bytes:
    """The one way to write `value`: sorted keys, no blanks, UTF-8; `Invalid` outside the profile.

    Equal to RFC 8785 on this profile.
    """
    check_profile(value)
    return _WRITER.encode(value).encode("utf-8")


def parse_canonical(data: bytes, place: str) -> Any:
    """The value of canonical bytes; `Invalid` when they are not exactly canonical."""
    try:
        text = data.decode("utf-8")
        value = _READER.decode(text)
        again = _WRITER.encode(value).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise Invalid(place, f"not readable as JSON ({error})") from None
    if again != data:
        raise Invalid(place, "bytes are not in canonical form")
    # Parts of a normal text are normal, so that one look at the whole is enough for most.
    if not (data.isascii() or unicodedata.is_normalized("NFC", text)):
        check_profile(value, place)
    return value


def _profile_object(found: dict[str, Any]) -> dict[str, Any]:
    if not _KEYS_SEEN.issuperset(found):
        for key in found:
            if not KEY.match(key):
                raise ValueError(f"key {key!r} is not of a-z 0-9 _ . -")
        if len(_KEYS_SEEN) < MOST_KEYS_SEEN:
            _KEYS_SEEN.update(found)
    return found


def _profile_integer(text: str) -> int:
    number = int(text)
    if not -MOST_INTEGER <= number <= MOST_INTEGER:
        raise ValueError("an integer beyond 2**53 goes in as a string")
    return number


def _no_float(text: str) -> Any:
    raise ValueError(f"number {text} is not exact")


_KEYS_SEEN: set[str] = set()
MOST_KEYS_SEEN = 10_000
_READER = json.JSONDecoder(
    object_hook=_profile_object,
    parse_int=_profile_integer,
    parse_float=_no_float,
    parse_constant=_no_float,
)
_WRITER = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
)


# --- Hashes ---


def sha256(data: bytes) -> bytes:
    """SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def leaf_hash(payload: bytes) -> bytes:
    """RFC 9162 leaf: SHA-256(0x00 || payload)."""
    return sha256(b"\x00" + payload)


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 9162 inner node: SHA-256(0x01 || left || right)."""
    return sha256(b"\x01" + left + right)


# --- Merkle tree of the log (RFC 9162, sections 2.1.1, 2.1.3.2 and 2.1.4.2) ---


def check_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes, place: str = "proof"
) -> None:
    """`leaf` is number `index` of the tree of `size` leaves with that root, else `Invalid`."""
    _check_hashes([leaf, root, *proof], place)
    if not 0 <= index < size:
        raise Invalid(place, f"index {index} is not in a tree of {size} leaves")
    node, last, hashed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise Invalid(place, "the inclusion proof is too long")
        if node & 1 or node == last:
            hashed = node_hash(sibling, hashed)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or hashed != root:
        raise Invalid(place, "the inclusion proof does not lead to the root of the checkpoint")


def check_consistency(
    size1: int, size2: int, root1: bytes, root2: bytes, proof: Sequence[bytes], place: str = "proof"
) -> None:
    """The tree of `size2` leaves is the tree of `size1` leaves with more behind it."""
    _check_hashes([root1, root2, *proof], place)
    if not 0 < size1 <= size2:
        raise Invalid(place, f"sizes {size1} and {size2} cannot be compared")
    if size1 == size2:
        if proof or root1 != root2:
            raise Invalid(place, "trees of equal size differ")
        return
    path = list(proof)
    if size1 & (size1 - 1) == 0:
        path.insert(0, root1)
    if not path:
        raise Invalid(place, "the consistency proof is empty")
    older = newer = path[0]
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node, last = node >> 1, last >> 1
    for sibling in path[1:]:
        if last == 0:
            raise Invalid(place, "the consistency proof is too long")
        if node & 1 or node == last:
            older, newer = node_hash(sibling, older), node_hash(sibling, newer)
            while not node & 1 and node:
                node, last = node >> 1, last >> 1
        else:
            newer = node_hash(newer, sibling)
        node, last = node >> 1, last >> 1
    if last != 0 or older != root1 or newer != root2:
        raise Invalid(place, "the consistency proof does not fit the two roots")


def _check_hashes(hashes: Iterable[bytes], place: str) -> None:
    if any(len(hashed) != 32 for hashed in hashes):
        raise Invalid(place, "a hash is not 32 bytes long")


# --- Ed25519 (RFC 8032), pure Python; used where `cryptography` is not installed ---

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE_D = -121665 * pow(121666, PRIME - 2, PRIME) % PRIME
ROOT_OF_MINUS_1 = pow(2, (PRIME - 1) // 4, PRIME)


def _point_add(left: Any, right: Any) -> Any:
    a = (left[1] - left[0]) * (right[1] - right[0]) % PRIME
    b = (left[1] + left[0]) * (right[1] + right[0]) % PRIME
    c = 2 * left[3] * right[3] * CURVE_D % PRIME
    d = 2 * left[2] * right[2] % PRIME
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % PRIME, g * h % PRIME, f * g % PRIME, e * h % PRIME


def _point_multiply(scalar: int, point: Any) -> Any:
    result = (0, 1, 1, 0)
    while scalar:
        if scalar & 1:
            result = _point_add(result, point)
        point = _point_add(point, point)
        scalar >>= 1
    return result


def _point_decode(data: bytes) -> Any:
    y = int.from_bytes(data, "little")
    sign, y = y >> 255, y & (1 << 255) - 1
    if y >= PRIME:
        return None
    square = (y * y - 1) * pow(CURVE_D * y * y + 1, PRIME - 2, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * ROOT_OF_MINUS_1 % PRIME
    if (x * x - square) % PRIME or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = PRIME - x
    return x, y, 1, x * y % PRIME


def _point_encode(point: tuple[int, int, int, int]) -> bytes:
    inverse = pow(point[2], PRIME - 2, PRIME)
    x, y = point[0] * inverse % PRIME, point[1] * inverse % PRIME
    return (y | (x & 1) << 255).to_bytes(32, "little")


BASE = _point_decode((4 * pow(5, PRIME - 2, PRIME) % PRIME).to_bytes(32, "little"))


def ed25519_by_hand(public: bytes, signature: bytes, message: bytes) -> bool:
    """True when the signature is good; by RFC 8032, 5.1.7, in plain integers (some 4 ms)."""
    key = _point_decode(public)
    scalar = int.from_bytes(signature[32:], "little")
    if key is None or scalar >= ORDER:
        return False
    challenge = hashlib.sha512(signature[:32] + public + message).digest()
    number = int.from_bytes(challenge, "little") % ORDER
    minus_key = (PRIME - key[0], key[1], key[2], PRIME - key[3])
    found = _point_add(_point_multiply(scalar, BASE), _point_multiply(number, minus_key))
    return _point_encode(found) == signature[:32]


def check_ed25519(public: bytes, signature: bytes, message: bytes, place: str) -> None:
    """The key signed exactly these bytes, else `Invalid`."""
    if len(public) != 32 or len(signature) != 64:
        raise Invalid(place, "key or signature has the wrong length")
    if Ed25519PublicKey is None:
        good = ed25519_by_hand(public, signature, message)
    else:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
            good = True
        except (_BadSignature, ValueError):
            good = False
    if not good:
        raise Invalid(place, "the signature is not good")


# --- Text and JSON as they come from a file ---


def base64_bytes(text: Any, place: str) -> bytes:
    """Bytes of standard base64 with padding, in its only spelling; else `Invalid`."""
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise Invalid(place, "not base64") from None
    if base64.b64encode(data).decode("ascii") != text:
        raise Invalid(place, "base64 with loose ends")
    return data


def strict_json(data: bytes, place: str) -> Any:
    """JSON without repeated keys and without floats; else `Invalid`."""

    def pairs(found: Sequence[Any]) -> Any:
        keys = [key for key, _ in found]
        if len(set(keys)) != len(keys):
            raise ValueError("a key stands twice")
        return dict(found)

    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=pairs,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except (ValueError, RecursionError) as error:
        raise Invalid(place, f"not readable as JSON ({error})") from None


def member(value: Any, key: str, kind: Any, place: str) -> Any:
    """``value[key]`` of that type; else `Invalid`."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is int):
        raise Invalid(place, f"{key} is missing or of another type")
    return found


def moment_of(text: Any, place: str) -> datetime:
    """An aware moment from ISO 8601 with offset; else `Invalid`."""
    try:
        moment = datetime.fromisoformat(text)
    except (ValueError, TypeError):
        raise Invalid(place, f"{text!r} is not a moment") from None
    if moment.tzinfo is None:
        raise Invalid(place, f"{text!r} has no offset")
    return moment


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC to the microsecond, as rows hold moments."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")  # noqa: UP017


# --- Checkpoints: signed notes (C2SP signed-note and tlog-checkpoint) ---

NOTE_SIGNATURE = "\u2014 "


class LogKey:
    """A log's public key as a note verifier names it: ``name+hash+base64``."""

    def __init__(self, vkey: str, place: str = "log key") -> None:
        # Base64 may hold "+" itself: the name and the hash are split off from the left.
        parts = str(vkey).split("+", 2)
        if len(parts) != 3:
            raise Invalid(place, "a key is written name+hash+base64")
        self.vkey = vkey
        self.name, hashed, encoded = parts
        data = base64_bytes(encoded, place)
        self.public = data[1:]
        if data[:1] != b"\x01" or len(self.public) != 32:
            raise Invalid(place, "not an Ed25519 key")
        self.hash = note_key_hash(self.name, self.public)
        if self.hash.hex() != hashed:
            raise Invalid(place, "name and key do not fit the hash of the key")


def note_key_hash(name: str, public: bytes) -> bytes:
    """The four bytes by which a note names an Ed25519 key."""
    return sha256(name.encode("utf-8") + b"\n\x01" + public)[:4]


class CheckpointNote:
    """A checkpoint as signed: `text` (the signed part), `origin`, `size`, `root`, signatures."""

    def __init__(self, note: str, place: str = "checkpoint") -> None:
        text, gap, signatures = note.rpartition("\n\n")
        if not gap or not signatures.endswith("\n"):
            raise Invalid(place, "not a signed note")
        self.text = text + "\n"
        lines = self.text.split("\n")
        if len(lines) < 4 or not lines[0] or not re.match(r"(0|[1-9][0-9]{0,17})\Z", lines[1]):
            raise Invalid(place, "not a checkpoint: origin, size and root are needed")
        self.origin = lines[0]
        self.size = int(lines[1])
        self.root = base64_bytes(lines[2], place)
        _check_hashes([self.root], place)
        self.signatures = [_note_signature(line, place) for line in signatures.split("\n")[:-1]]

    def check(self, keys: Iterable[LogKey], place: str = "checkpoint") -> LogKey:
        """A known key of the origin signed it, and no known key signed it wrongly."""
        known = {(key.name, key.hash): key for key in keys if key.name == self.origin}
        good = None
        for name, hashed, signature in self.signatures:
            key = known.get((name, hashed))
            if key is not None:
                check_ed25519(key.public, signature, self.text.encode("utf-8"), place)
                good = key
        if good is None:
            raise Invalid(place, f"no known key of {self.origin} signed it")
        return good


def _note_signature(line: str, place: str) -> tuple[str, bytes, bytes]:
    name, _, encoded = line[len(NOTE_SIGNATURE) :].partition(" ")
    data = base64_bytes(encoded, place)
    if not line.startswith(NOTE_SIGNATURE) or not name or len(data) < 5:
        raise Invalid(place, "a signature line of the note is malformed")
    return name, data[:4], data[4:]


# --- Entries ---

ENTRY_FIELDS: Mapping[str, tuple[type, ...]] = {
    "v": (int,),
    "site": (int,),
    "rec": (str,),
    "rseq": (int,),
    "prev": (str, type(None)),
    "at": (str,),
    "tz": (str,),
    "real_at": (str,),
    "actor": (dict,),
    "action": (str,),
    "object": (str,),
    "reason": (str, type(None)),
    "changes": (list,),
    "facts": (dict,),
    "journal": (list,),
    "signed": (list,),
    "software": (dict,),
    "request": (str,),
}
ACTOR_FIELDS = ("kind", "id", "name", "role", "terminal")
SOFTWARE_FIELDS = ("name", "configuration")


def check_entry(
    payload: bytes, *, rec: str, rseq: int, prev: str | None, place: str
) -> dict[str, Any]:
    """Canonical bytes of a whole entry, at its place in its chain; answers what they say.

    `prev` is the hex SHA-256 of the entry before it, None for the first.
    """
    data: dict[str, Any] = parse_canonical(payload, place)
    check_entry_fields(data, place)
    if (data["rec"], data["rseq"]) != (rec, rseq):
        raise Invalid(place, f"it says to be entry {data['rseq']} of {data['rec']}")
    if data["prev"] != prev:
        raise Invalid(place, "it does not follow the entry before it (prev differs)")
    return data


def check_entry_fields(data: Any, place: str) -> None:
    """Nothing is missing of who, what, when, why and where (URS-AUD-020), nothing is added."""
    if type(data) is not dict:
        raise Invalid(place, "an entry is an object")
    for name, kinds in ENTRY_FIELDS.items():
        if type(data.get(name, Ellipsis)) not in kinds:
            raise Invalid(place, f"{name} is missing or of another type")
    if data.keys() != ENTRY_FIELDS.keys() or data["v"] != 1:
        raise Invalid(place, "fields of another format than version 1")
    actor, software = data["actor"], data["software"]
    for name in ACTOR_FIELDS:
        if type(actor.get(name)) is not str or not actor[name]:
            raise Invalid(place, f"the actor has no {name}")
    for name in SOFTWARE_FIELDS:
        if type(software.get(name)) is not str:
            raise Invalid(place, f"{name} of the software is missing or of another type")
    if not (data["action"] and data["object"] and data["request"] and data["tz"]):
        raise Invalid(place, "action, object, request or zone is empty")
    moment_of(data["real_at"], place)
    moment_of(data["at"], place)


# --- Signatures of people ---

SIGNATURE_DOMAIN = b"batchwright-signature-v1\n"
PERSON_KEY_DOMAIN = b"batchwright-person-key-v1\n"
EXPORT_KEY_DOMAIN = b"batchwright-export-key-v1\n"
MANIFEST_OF_COLUMN = {
    "record": "record",
    "object": "object",
    "record_version": "version",
    "content_digest": "content_sha256",
    "meaning": "meaning",
    "signer": "signer",
    "printed_name": "printed_name",
    "role": "role",
    "reason": "reason",
    "real_at": "real_at",
    "zone": "tz",
    "key_id": "key_id",
    "nonce": "nonce",
    "prior": "prior",
}


def person_key_id(public: bytes) -> str:
    """The name of a person's key: hex SHA-256 of the key in its own domain."""
    return sha256(PERSON_KEY_DOMAIN + public).hex()


def export_key_id(public: bytes) -> str:
    """The name of an export key, in a domain of its own."""
    return sha256(EXPORT_KEY_DOMAIN + public).hex()


def signature_digest(manifest: bytes, signature: bytes) -> str:
    """What a countersignature names as `prior`."""
    return sha256(SIGNATURE_DOMAIN + manifest + signature).hex()


def check_signature(row: Mapping[str, Any], public: bytes, place: str) -> dict[str, Any]:
    """The row repeats its manifest and the key signed the manifest; answers the manifest."""
    manifest = str(row.get("manifest")).encode("utf-8")
    told = parse_canonical(manifest, place)
    if not isinstance(told, dict):
        raise Invalid(place, "the manifest is not an object")
    for column, name in MANIFEST_OF_COLUMN.items():
        if name not in told or row.get(column) != told[name]:
            raise Invalid(place, f"{column} differs from what was signed")
    at = member(told, "at", str, place)
    if row.get("at") != utc_text(moment_of(at, place)) or row.get("utc_offset") != at[-6:]:
        raise Invalid(place, "at differs from what was signed")
    if person_key_id(public) != told["key_id"]:
        raise Invalid(place, "the key is not the one that the signature names")
    signature = base64_bytes(row.get("signature"), place)
    check_ed25519(public, signature, SIGNATURE_DOMAIN + manifest, place)
    return told


class SignedEntries:
    """Checks the signatures in the entries of one record, fed in order with `take`.

    `people` are the published keys by id; each is a mapping with ``badge``, ``public`` (base64),
    ``valid_from`` and ``valid_until`` (ISO 8601 or null).
    """

    def __init__(self, people: Mapping[str, Mapping[str, Any]]) -> None:
        self.count = 0
        self._people = people
        self._digests: set[str] = set()
        self._nonces: set[str] = set()
        self._hashes: list[str | None] = [None]

    def take(self, entry: Mapping[str, Any], payload: bytes, place: str) -> None:
        """Check the signatures of the next entry; its number must follow the last one's."""
        contents = self._contents(entry, place)
        for change in entry["changes"]:
            if not isinstance(change, dict):
                raise Invalid(place, "a change is not an object")
            if change.get("table") == "signature":
                if change.get("before") is not None:
                    raise Invalid(place, "a signature was changed")
                self._check(entry, member(change, "after", dict, place), contents, place)
        if contents:
            raise Invalid(place, "signed content without its signature")
        self._hashes.append(sha256(payload).hex())

    def _contents(self, entry: Mapping[str, Any], place: str) -> dict[str, Any]:
        return {
            member(signed, "nonce", str, place): member(signed, "content", dict, place)
            for signed in entry["signed"]
        }

    def _check(
        self,
        entry: Mapping[str, Any],
        row: Mapping[str, Any],
        contents: dict[str, Any],
        place: str,
    ) -> None:
        place = f"{place}, signature of {row.get('signer')}"
        key = self._people.get(str(row.get("key_id")))
        if key is None:
            raise Invalid(place, "its key is not published in this bundle")
        told = check_signature(row, base64_bytes(key.get("public"), place), place)
        check_key_in_force(key, told, place)
        content = contents.pop(told["nonce"], None)
        if content is None:
            raise Invalid(place, "the entry lacks the content that was signed")
        _check_content(content, told, place)
        self._check_position(entry, told, place)
        self._nonces.add(told["nonce"])
        self._digests.add(
            signature_digest(row["manifest"].encode("utf-8"), base64.b64decode(row["signature"]))
        )
        self.count += 1

    def _check_position(
        self, entry: Mapping[str, Any], told: Mapping[str, Any], place: str
    ) -> None:
        if (told["record"], told.get("site")) != (entry["rec"], entry["site"]):
            raise Invalid(place, "it was given for another record")
        if any(told.get(name) != entry[name] for name in ("at", "real_at", "tz")):
            raise Invalid(place, "it was given at another time than the entry")
        after = member(told, "after_rseq", int, place)
        if not 0 <= after < entry["rseq"] or told.get("after_sha256") != self._hashes[after]:
            raise Invalid(place, "it was given at another point of the record")
        if told["nonce"] in self._nonces:
            raise Invalid(place, "it stands in the record twice")
        if told["prior"] is not None and told["prior"] not in self._digests:
            raise Invalid(place, "it countersigns a signature that is not in the record")


def check_key_in_force(key: Mapping[str, Any], told: Mapping[str, Any], place: str) -> None:
    """The key is the signer's and was valid at the time of signing (times of the site)."""
    if key.get("badge") != told["signer"]:
        raise Invalid(place, "the key belongs to another person")
    at = moment_of(told["at"], place)
    until = key.get("valid_until")
    if at < moment_of(key.get("valid_from"), place) or (
        until is not None and at >= moment_of(until, place)
    ):
        raise Invalid(place, "the key was not valid at that time")


def _check_content(content: Mapping[str, Any], told: Mapping[str, Any], place: str) -> None:
    for name in ("record", "object", "version"):
        if content.get(name) != told[name]:
            raise Invalid(place, f"the signed content has another {name}")
    if sha256(canonical_bytes(content)).hex() != told["content_sha256"]:
        raise Invalid(place, "the content is not what was signed")


# --- The bundle: a zip whose every file is named by a signed manifest ---

MANIFEST = "manifest.dsse.json"
RECORD_JSON = "record.json"
RECORD_PDF = "record.pdf"
ENTRIES = "audit/entries.jsonl"
PROOFS = "audit/proofs.json"
CHECKPOINT = "log/checkpoint.txt"
SITE_KEYS = "keys/site.json"
PEOPLE_KEYS = "keys/people.json"
NEEDED = (RECORD_JSON, RECORD_PDF, ENTRIES, PROOFS, CHECKPOINT, SITE_KEYS, PEOPLE_KEYS)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:batchwright:evidence:1"
MOST_FILES = 10_000
MOST_BYTES = 2 * 1024**3
MOST_RATIO = 500
SMALL = 1024**2
UNSAFE = re.compile(r"(\A[/\\])|(\A|/)\.{1,2}(/|\Z)|[\\:\x00-\x1f\x7f]|//")


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """The bytes that a DSSE signature covers (PAE)."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def read_zip(path: str) -> dict[str, bytes]:
    """Contents by name; refuses unsafe or repeated names, links, and what grows beyond bounds."""
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [info for info in archive.infolist() if not _is_empty_folder(info)]
            _check_names(infos)
            return {info.filename: _content(archive, info) for info in infos}
    except (
        zipfile.BadZipFile,
        zlib.error,
        struct.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        UnicodeError,
        ValueError,
    ) as error:
        raise Invalid("the zip file", f"it cannot be read ({error})") from None


def _is_empty_folder(info: zipfile.ZipInfo) -> bool:
    return info.filename.endswith("/") and info.file_size == 0


def _check_names(infos: Sequence[zipfile.ZipInfo]) -> None:
    if len(infos) > MOST_FILES or sum(info.file_size for info in infos) > MOST_BYTES:
        raise Invalid("the zip file", "too many files or bytes")
    seen = set()
    for info in infos:
        name = info.filename
        folded = unicodedata.normalize("NFC", name).casefold()
        if folded in seen:
            raise Invalid(name, "the name stands twice in the zip file")
        seen.add(folded)
        kind = stat.S_IFMT(info.external_attr >> 16)
        if UNSAFE.search(name) or name.endswith("/") or kind not in (0, stat.S_IFREG):
            raise Invalid(repr(name), "the name is not safe to unpack")
        if info.file_size > SMALL and info.file_size > MOST_RATIO * max(info.compress_size, 1):
            raise Invalid(name, "it grows too much when unpacked")


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as file:
        data = file.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise Invalid(info.filename, "it is not as long as the zip file says")
    return data


class Verification:
    """One run over one bundle: what passed, what does not hold, what was not checked."""

    def __init__(self, files: Mapping[str, bytes], trust: Mapping[str, Any] | None) -> None:
        self.files = files
        self.trust = trust
        self.passed: list[str] = []
        self.problems: list[Invalid] = []
        self.not_checked: list[str] = []
        self.about: dict[str, Any] = {}
        self.entries: list[dict[str, Any]] = []
        self._lines: list[bytes] = []
        self._site: Any = None
        self._note: CheckpointNote | None = None

    def run(self) -> None:
        """All checks; one that fails does not hide what the others find."""
        self._attempt("all files are named by the manifest and unchanged", self._check_files)
        self._attempt("the keys of the site are in order", self._check_site_keys)
        self._attempt("the manifest is signed by the export key", self._check_manifest)
        self._attempt("the checkpoint is signed by the log", self._check_checkpoint)
        self._attempt("the entries are complete and chained", self._check_entries)
        self._attempt("every entry stands in the log", self._check_proofs)
        self._attempt("the signatures of people hold", self._check_signatures)
        self._attempt("record.json and record.pdf belong to this record", self._check_record)
        self._say_what_was_not_checked()

    def _attempt(self, name: str, check: Callable[[], str]) -> None:
        try:
            told = check()
        except Invalid as problem:
            self.problems.append(problem)
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
            self.problems.append(Invalid(name, f"the bundle is malformed ({error!r})"))
        else:
            self.passed.append(f"{name}{told}")

    def _file(self, name: str) -> bytes:
        if name not in self.files:
            raise Invalid(name, "the file is missing")
        return self.files[name]

    def _statement(self) -> tuple[bytes, Any]:
        envelope = strict_json(self._file(MANIFEST), MANIFEST)
        if member(envelope, "payloadType", str, MANIFEST) != PAYLOAD_TYPE:
            raise Invalid(MANIFEST, "the payload is of another type")
        payload = base64_bytes(member(envelope, "payload", str, MANIFEST), MANIFEST)
        statement = strict_json(payload, MANIFEST)
        kinds = (statement.get("_type"), statement.get("predicateType"))
        if kinds != (STATEMENT_TYPE, PREDICATE_TYPE):
            raise Invalid(MANIFEST, "not a statement about evidence of version 1")
        self.about = member(statement, "predicate", dict, MANIFEST)
        return payload, statement

    def _check_files(self) -> str:
        _, statement = self._statement()
        named = {}
        for subject in member(statement, "subject", list, MANIFEST):
            name = member(subject, "name", str, MANIFEST)
            if name in named:
                raise Invalid(MANIFEST, f"{name} is named twice")
            named[name] = member(member(subject, "digest", dict, name), "sha256", str, name)
        wrong = [
            Invalid(name, _difference(name, self.files, named))
            for name in sorted((set(self.files) - {MANIFEST}) | set(named))
            if name not in self.files or named.get(name) != sha256(self.files[name]).hex()
        ]
        wrong += [
            Invalid(name, "the file is missing, and the manifest does not ask for it")
            for name in NEEDED
            if name not in named and name not in self.files
        ]
        self.problems.extend(wrong[:-1])
        if wrong:
            raise wrong[-1]
        return f" ({len(named)} files)"

    def _check_site_keys(self) -> str:
        found = strict_json(self._file(SITE_KEYS), SITE_KEYS)
        for name in ("log", "export"):
            if not member(found, name, list, SITE_KEYS):
                raise Invalid(SITE_KEYS, f"it names no {name} key")
        member(found, "origin", str, SITE_KEYS)
        self._site = found if self.trust is None else self.trust
        if self.trust is not None:
            for name in ("origin", "log", "export"):
                if not _within(found[name], self.trust.get(name)):
                    raise Invalid(SITE_KEYS, f"{name} is not the one that you trust")
            return " and are those that you trust"
        return ""

    def _trusted(self) -> Any:
        if self._site is None:
            raise Invalid(SITE_KEYS, "without the keys of the site this cannot be checked")
        return self._site

    def _check_manifest(self) -> str:
        payload, _ = self._statement()
        envelope = strict_json(self._file(MANIFEST), MANIFEST)
        known = {}
        for key in member(self._trusted(), "export", list, SITE_KEYS):
            public = base64_bytes(member(key, "public", str, SITE_KEYS), SITE_KEYS)
            known[export_key_id(public)] = public
        good = 0
        for signature in member(envelope, "signatures", list, MANIFEST):
            public_key = known.get(member(signature, "keyid", str, MANIFEST))
            if public_key is not None:
                data = base64_bytes(member(signature, "sig", str, MANIFEST), MANIFEST)
                covered = pre_authentication(PAYLOAD_TYPE, payload)
                check_ed25519(public_key, data, covered, MANIFEST)
                good += 1
        if not good:
            raise Invalid(MANIFEST, "no known export key signed it")
        return ""

    def _check_checkpoint(self) -> str:
        text = _text(self._file(CHECKPOINT), CHECKPOINT)
        note = CheckpointNote(text, CHECKPOINT)
        site = self._trusted()
        keys = [LogKey(vkey, SITE_KEYS) for vkey in member(site, "log", list, SITE_KEYS)]
        if note.origin != member(site, "origin", str, SITE_KEYS):
            raise Invalid(CHECKPOINT, f"it is of the log {note.origin}, not of this site")
        note.check(keys, CHECKPOINT)
        told = member(self.about, "checkpoint", dict, MANIFEST)
        if (told.get("origin"), told.get("size"), told.get("root")) != (
            note.origin,
            note.size,
            note.root.hex(),
        ):
            raise Invalid(CHECKPOINT, "it is not the checkpoint that the manifest names")
        self._note = note
        return f" ({note.origin}, {note.size} entries)"

    def _check_entries(self) -> str:
        data = self._file(ENTRIES)
        if not data.endswith(b"\n"):
            raise Invalid(ENTRIES, "the last line has no end")
        lines = data[:-1].split(b"\n")
        record = member(self.about, "record", str, MANIFEST)
        prev = None
        for rseq, line in enumerate(lines, start=1):
            place = f"{ENTRIES} line {rseq}, entry {rseq} of {record}"
            entry = check_entry(line, rec=record, rseq=rseq, prev=prev, place=place)
            self.entries.append(entry)
            self._lines.append(line)
            prev = sha256(line).hex()
        if len(lines) != member(self.about, "entries", int, MANIFEST):
            raise Invalid(ENTRIES, f"{len(lines)} entries, the manifest says otherwise")
        if prev != self.about.get("last_sha256"):
            raise Invalid(ENTRIES, "the last entry is not the one that the manifest names")
        return f" ({len(lines)} entries of {record}, from 1)"

    def _check_proofs(self) -> str:
        if self._note is None:
            raise Invalid(PROOFS, "without a good checkpoint nothing can be proven")
        proofs = strict_json(self._file(PROOFS), PROOFS)
        listed = member(proofs, "entries", list, PROOFS)
        if member(proofs, "size", int, PROOFS) != self._note.size:
            raise Invalid(PROOFS, "the proofs are for another size than the checkpoint")
        if len(listed) != len(self._lines):
            raise Invalid(PROOFS, f"{len(listed)} proofs for {len(self._lines)} entries")
        last = -1
        for rseq, (line, proof) in enumerate(zip(self._lines, listed), start=1):  # noqa: B905
            place = f"{PROOFS}, entry {rseq}"
            index = member(proof, "index", int, place)
            leaf = leaf_hash(line)
            if base64_bytes(proof.get("leaf"), place) != leaf or proof.get("rseq") != rseq:
                raise Invalid(place, "number or leaf is not that of the entry")
            if index <= last:
                raise Invalid(place, "the log holds the entries in another order")
            path = [base64_bytes(part, place) for part in member(proof, "proof", list, place)]
            check_inclusion(leaf, index, self._note.size, path, self._note.root, place)
            last = index
        return ""

    def _check_signatures(self) -> str:
        if len(self.entries) != self.about.get("entries"):
            raise Invalid(ENTRIES, "signatures cannot be checked in an incomplete chain")
        people = {}
        listed = strict_json(self._file(PEOPLE_KEYS), PEOPLE_KEYS)
        for key in member(listed, "keys", list, PEOPLE_KEYS):
            public = base64_bytes(member(key, "public", str, PEOPLE_KEYS), PEOPLE_KEYS)
            if key.get("key_id") != person_key_id(public) or key["key_id"] in people:
                raise Invalid(PEOPLE_KEYS, f"key {key.get('key_id')} is not named by its bytes")
            people[key["key_id"]] = key
        signed = SignedEntries(people)
        for number, line in enumerate(self._lines):
            signed.take(self.entries[number], line, f"{ENTRIES} line {number + 1}")
        return f" ({signed.count} signatures)"

    def _check_record(self) -> str:
        record = strict_json(self._file(RECORD_JSON), RECORD_JSON)
        if member(record, "record", str, RECORD_JSON) != self.about.get("record"):
            raise Invalid(RECORD_JSON, "it is about another record")
        if not self._file(RECORD_PDF).startswith(b"%PDF-"):
            raise Invalid(RECORD_PDF, "it is not a PDF file")
        for name in (RECORD_JSON, RECORD_PDF):
            digest = sha256(self.files[name]).hex().encode("ascii")
            where = [n for n, line in enumerate(self._lines, start=1) if digest in line]
            if where:
                self.passed.append(f"{name} is the file that entry {where[0]} names")
            else:
                self.not_checked.append(f"{name} is named by the manifest only, by no entry")
        return ""

    def _say_what_was_not_checked(self) -> None:
        if self.trust is None:
            self.not_checked.append(
                "whether the keys in keys/ belong to the site and its people: compare them with "
                "keys that you got another way (--trust trust.json)"
            )
        self.not_checked.append("entries that the record got after the checkpoint")
        self.not_checked.append(
            "whether the log shows the same checkpoint to everybody: compare origin, size and "
            "root with another print or a log witness"
        )
        if any(name.endswith(".tsr") for name in self.files):
            self.not_checked.append("time stamps (.tsr files): use openssl ts -verify")


def _difference(name: str, files: Mapping[str, bytes], named: Mapping[str, str]) -> str:
    if name not in files:
        return "the file is missing"
    if name not in named:
        return "the manifest does not name this file"
    return "the content is not the one that the manifest names"


def _within(found: Any, trusted: Any) -> bool:
    if isinstance(found, list) and isinstance(trusted, list):
        return all(part in trusted for part in found)
    return bool(found == trusted)


def _text(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(place, "not UTF-8 text") from None


# --- Report and command line ---


def verify_bundle(path: str, trust: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The report on a bundle file: ``result`` VALID or INVALID, with reasons; never raises for it.

    OSError when the file cannot be opened.
    """
    try:
        run = Verification(read_zip(path), trust)
    except Invalid as problem:
        run = Verification({}, trust)
        run.problems.append(problem)
    else:
        run.run()
    return {
        "result": "INVALID" if run.problems else "VALID",
        "record": run.about.get("record"),
        "mode": run.about.get("mode"),
        "checkpoint": run.about.get("checkpoint"),
        "problems": [{"place": at.place, "problem": at.problem} for at in run.problems],
        "passed": run.passed,
        "not_checked": run.not_checked,
        "ed25519": "python" if Ed25519PublicKey is None else "cryptography",
    }


def report_text(report: Mapping[str, Any], path: str) -> str:
    """The report for a person."""
    lines = [f"{report['result']}: {path}"]
    if report["record"]:
        lines.append(f"  record {report['record']} of a {report['mode']} site")
    for problem in report["problems"]:
        lines.append(f"  PROBLEM {problem['place']}: {problem['problem']}")
    lines += [f"  ok      {name}" for name in report["passed"]]
    lines += [f"  not checked: {name}" for name in report["not_checked"]]
    return "\n".join(lines) + "\n"


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 VALID, 1 INVALID, 2 when a file cannot be opened."""
    parser = argparse.ArgumentParser(description="Verify an evidence bundle of Batchwright.")
    parser.add_argument("bundle", help="the zip file")
    parser.add_argument("--trust", help="keys of the site, received another way (trust.json)")
    parser.add_argument("--json", action="store_true", help="report for machines")
    given = parser.parse_args(arguments)
    try:
        trust = None
        if given.trust:
            with open(given.trust, "rb") as file:
                trust = strict_json(file.read(), given.trust)
        report = verify_bundle(given.bundle, trust)
    except (OSError, Invalid) as error:
        sys.stderr.write(f"cannot verify: {error}\n")
        return 2
    text = json.dumps(report, indent=2) + "\n" if given.json else report_text(report, given.bundle)
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()
    return 1 if report["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
