#!/usr/bin/env python3
"""Verify an exported Batchwright record without Batchwright: one file, standard library only.

    python3 -I verify.py BUNDLE.zip [--trust trust.json] [--json]

Exit code 0: VALID. 1: INVALID, and the place is named. 2: it could not be started that way.
Runs on Python 3.9 and newer; with the package ``cryptography`` installed it is faster, never
different. What it checks and how each file looks: docs/reference/evidence-format.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
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
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8")


def parse_canonical(data: bytes, place: str) -> Any:
    """The value of canonical bytes; `Invalid` when they are not exactly canonical."""
    try:
        value = json.loads(data.decode("utf-8"))
        again = canonical_bytes(value)
    except (ValueError, RecursionError) as error:
        raise Invalid(place, f"not readable as JSON ({error})") from None
    if again != data:
        raise Invalid(place, "bytes are not in canonical form")
    return value


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

    def no_float(text: str) -> Any:
        raise ValueError(f"number {text} is not exact")

    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=pairs,
            parse_float=no_float,
            parse_constant=no_float,
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
        if len(lines) < 4 or not lines[0] or not re.match(r"(0|[1-9][0-9]*)\Z", lines[1]):
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

ENTRY_FIELDS = {
    "v": int,
    "site": int,
    "rec": str,
    "rseq": int,
    "prev": (str, type(None)),
    "at": str,
    "tz": str,
    "real_at": str,
    "actor": dict,
    "action": str,
    "object": str,
    "reason": (str, type(None)),
    "changes": list,
    "facts": dict,
    "journal": list,
    "signed": list,
    "software": dict,
    "request": str,
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
    for name, kind in ENTRY_FIELDS.items():
        member(data, name, kind, place)
    if set(data) != set(ENTRY_FIELDS) or data["v"] != 1:
        raise Invalid(place, "fields of another format than version 1")
    for name in ACTOR_FIELDS:
        if not member(data["actor"], name, str, place):
            raise Invalid(place, f"the actor has no {name}")
    for name in SOFTWARE_FIELDS:
        member(data["software"], name, str, place)
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
    checked: dict[str, Any] = told
    return checked
