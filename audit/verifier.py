#!/usr/bin/env python3
"""Verify an exported Batchwright record without Batchwright: one file, standard library only.

    python3 -I verify.py BUNDLE.zip [--trust trust.json] [--json]

Takes a bundle (one record) or a package (several). Exit code 0: VALID. 1: INVALID, and the place
is named. 2: it could not be started that way. Runs on Python 3.9 and newer; with the package
``cryptography`` installed it is faster, never different. What it checks, in which order, and how
each file looks: docs/reference/evidence-format.md.
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
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache, partial
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


class Waiting(Exception):
    """A check that needs what another check did not find."""


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
        _check_text(text, place)
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


NEUTRAL = (1).to_bytes(32, "little")


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


@lru_cache(maxsize=1024)
def is_usable_key(public: bytes) -> bool:
    """A point in its only spelling and not of small order, which would sign anything.

    Libraries differ about such keys; asked first, the answer is the same with each of them.
    """
    point = _point_decode(public)
    return point is not None and _point_encode(_point_multiply(8, point)) != NEUTRAL


def check_ed25519(public: bytes, signature: bytes, message: bytes, place: str) -> None:
    """The key signed exactly these bytes, else `Invalid`."""
    if len(public) != 32 or len(signature) != 64:
        raise Invalid(place, "key or signature has the wrong length")
    if not is_usable_key(public):
        raise Invalid(place, "the key is not a point of the curve that can sign")
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
            parse_int=_profile_integer,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except (ValueError, RecursionError) as error:
        raise Invalid(place, f"not readable as JSON ({error})") from None


def envelope_bytes(value: Any) -> bytes:
    """Written as canonical bytes are, for DSSE and in-toto, whose member names hold capitals."""
    return _WRITER.encode(value).encode("utf-8")


def parse_envelope(data: bytes, place: str) -> Any:
    """The value of `envelope_bytes`; `Invalid` when they are written in another way."""
    value = strict_json(data, place)
    try:
        again = envelope_bytes(value)
    except ValueError:
        again = b""
    if again != data:
        raise Invalid(place, "bytes are not in canonical form")
    return value


def member(value: Any, key: str, kind: Any, place: str) -> Any:
    """``value[key]`` of that type; else `Invalid`."""
    found = value.get(key) if isinstance(value, dict) else None
    if not isinstance(found, kind) or (isinstance(found, bool) and kind is int):
        raise Invalid(place, f"{key} is missing or of another type")
    return found


def only_members(value: Any, names: Iterable[str], place: str) -> None:
    """An object of exactly these members; else `Invalid`."""
    if not isinstance(value, dict) or value.keys() != set(names):
        raise Invalid(place, "members are missing, or unknown to this version of the format")


MOMENT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{6})?[+-][0-9]{2}:[0-9]{2}\Z"
)


def moment_of(text: Any, place: str) -> datetime:
    """An aware moment from ISO 8601 with offset, in one of its two spellings; else `Invalid`."""
    # Newer versions of Python read more spellings than older ones: the pattern decides, not they.
    if not isinstance(text, str) or not MOMENT.match(text):
        raise Invalid(place, f"{text!r} is not a moment with offset")
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Invalid(place, f"{text!r} is not a moment") from None


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC to the microsecond, as rows hold moments."""
    return moment.astimezone(timezone.utc).isoformat(timespec="microseconds")  # noqa: UP017


# --- Checkpoints: signed notes (C2SP signed-note, tlog-checkpoint and tlog-cosignature) ---

NOTE_SIGNATURE = "\u2014 "
MOST_NOTE_SIGNATURES = 100
OF_LOG = b"\x01"
OF_WITNESS = b"\x04"
END_OF_YEAR_9999 = 253_402_300_799
DECIMAL = re.compile(r"(0|[1-9][0-9]{0,17})\Z")


class NoteKey:
    """A public key as a note verifier names it: ``name+hash+base64``, of one `kind`."""

    kind = OF_LOG

    def __init__(self, vkey: str, place: str = "log key") -> None:
        # Base64 may hold "+" itself: the name and the hash are split off from the left.
        parts = str(vkey).split("+", 2)
        if len(parts) != 3 or not parts[0]:
            raise Invalid(place, "a key is written name+hash+base64")
        self.vkey = vkey
        self.name, hashed, encoded = parts
        data = base64_bytes(encoded, place)
        self.public = data[1:]
        if data[:1] != self.kind or len(self.public) != 32:
            raise Invalid(place, "not an Ed25519 key of this use")
        self.hash = note_key_hash(self.name, self.public, self.kind)
        if self.hash.hex() != hashed:
            raise Invalid(place, "name and key do not fit the hash of the key")


class LogKey(NoteKey):
    """The key of a log, which signs the text of a checkpoint."""


class WitnessKey(NoteKey):
    """The key of a log witness, which signs the time and the text (cosignature/v1)."""

    kind = OF_WITNESS


def note_key_hash(name: str, public: bytes, kind: bytes = OF_LOG) -> bytes:
    """The four bytes by which a note names an Ed25519 key."""
    return sha256(name.encode("utf-8") + b"\n" + kind + public)[:4]


def cosigned_bytes(text: str, seconds: int) -> bytes:
    """What a log witness signs: the time in seconds since 1970 and the text of the checkpoint."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


class CheckpointNote:
    """A checkpoint as signed: `text` (the signed part), `origin`, `size`, `root`, signatures."""

    def __init__(self, note: str, place: str = "checkpoint") -> None:
        text, gap, signatures = note.rpartition("\n\n")
        if not gap or not signatures.endswith("\n"):
            raise Invalid(place, "not a signed note")
        if any(letter < " " and letter != "\n" for letter in note):
            raise Invalid(place, "the note holds control characters")
        self.text = text + "\n"
        lines = self.text.split("\n")
        if len(lines) < 4 or not lines[0] or not DECIMAL.match(lines[1]):
            raise Invalid(place, "not a checkpoint: origin, size and root are needed")
        self.origin = lines[0]
        self.size = int(lines[1])
        self.root = base64_bytes(lines[2], place)
        _check_hashes([self.root], place)
        signed = signatures.split("\n")[:-1]
        if len(signed) > MOST_NOTE_SIGNATURES:
            raise Invalid(place, "too many signatures")
        self.signatures = [_note_signature(line, place) for line in signed]

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

    def cosigned(
        self, keys: Iterable[WitnessKey], place: str = "checkpoint"
    ) -> dict[str, datetime]:
        """Who of the known log witnesses cosigned it when first; a wrong line is `Invalid`."""
        known = {(key.name, key.hash): key for key in keys}
        found: dict[str, datetime] = {}
        for name, hashed, data in self.signatures:
            key = known.get((name, hashed))
            if key is not None:
                if len(data) != 72:
                    raise Invalid(place, f"the cosignature of {name} has the wrong length")
                seconds = int.from_bytes(data[:8], "big")
                check_ed25519(key.public, data[8:], cosigned_bytes(self.text, seconds), place)
                at = _since_1970(seconds, place)
                found[key.vkey] = min(at, found.get(key.vkey, at))
        return found


def _since_1970(seconds: int, place: str) -> datetime:
    if seconds > END_OF_YEAR_9999:
        raise Invalid(place, "a cosignature of a time that no calendar holds")
    return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=seconds)  # noqa: UP017


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

SIGNED_MEMBERS = {
    *MANIFEST_OF_COLUMN.values(),
    *("v", "site", "at", "ceremony", "after_rseq", "after_sha256"),
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
    only_members(told, SIGNED_MEMBERS, place)
    if told["v"] != 1:
        raise Invalid(place, "a manifest of another version")
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
        contents: dict[str, Any] = {}
        for signed in entry["signed"]:
            nonce = member(signed, "nonce", str, place)
            if nonce in contents:
                raise Invalid(place, "two signed contents have one nonce")
            contents[nonce] = member(signed, "content", dict, place)
        return contents

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


# --- Time stamps (RFC 3161) and the seal of the PDF (CMS): as much of DER as their digests need ---

Der = tuple[int, bytes]
SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
PLAIN_DATA = bytes.fromhex("2a864886f70d010701")
TIME_STAMP_INFO = bytes.fromhex("2a864886f70d0109100104")
MESSAGE_DIGEST = bytes.fromhex("2a864886f70d010904")
DIGESTS = {
    bytes.fromhex("608648016503040201"): "sha256",
    bytes.fromhex("608648016503040202"): "sha384",
    bytes.fromhex("608648016503040203"): "sha512",
}
SEQUENCE, SET, CHOICE_0, OCTETS, OBJECT, INTEGER, TIME = 0x30, 0x31, 0xA0, 0x04, 0x06, 0x02, 0x18


def der_items(data: bytes, place: str) -> list[Der]:
    """The elements of DER one after another, as tag and content; else `Invalid`."""
    items, at = [], 0
    while at < len(data):
        if at + 2 > len(data) or data[at] & 0x1F == 0x1F:
            raise Invalid(place, "not readable as DER")
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            count = length & 0x7F
            length = int.from_bytes(data[at : at + count], "big")
            if not 1 <= count <= 4 or length < max(0x80, 1 << 8 * (count - 1)):
                raise Invalid(place, "not readable as DER")
            at += count
        if at + length > len(data):
            raise Invalid(place, "not readable as DER")
        items.append((tag, data[at : at + length]))
        at += length
    return items


def der_part(items: Sequence[Der], index: int, tag: int, place: str) -> bytes:
    """The content of one element, which must have that tag; else `Invalid`."""
    if index >= len(items) or items[index][0] != tag:
        raise Invalid(place, "not of the form that its standard asks for")
    return items[index][1]


class SignedContent:
    """A CMS SignedData: `kind` and `content` of what was signed (None when detached), `signers`."""

    def __init__(self, data: bytes, place: str) -> None:
        outer = der_items(data, place)
        info = der_items(der_part(outer, 0, SEQUENCE, place), place)
        if der_part(info, 0, OBJECT, place) != SIGNED_DATA:
            raise Invalid(place, "not signed data of CMS")
        inside = der_items(der_part(info, 1, CHOICE_0, place), place)
        signed = der_items(der_part(inside, 0, SEQUENCE, place), place)
        encapsulated = der_items(der_part(signed, 2, SEQUENCE, place), place)
        self.kind = der_part(encapsulated, 0, OBJECT, place)
        self.content = None
        if len(encapsulated) > 1:
            held = der_items(der_part(encapsulated, 1, CHOICE_0, place), place)
            self.content = der_part(held, 0, OCTETS, place)
        if not signed[3:]:
            raise Invalid(place, "nobody signed it")
        self.signers = der_items(der_part(signed, len(signed) - 1, SET, place), place)

    def claimed(self, place: str) -> tuple[str, bytes]:
        """Name of the algorithm and digest that the first signer claims for the content."""
        signer = der_items(der_part(self.signers, 0, SEQUENCE, place), place)
        name = _digest_name(der_part(signer, 2, SEQUENCE, place), place)
        for _, attribute in der_items(der_part(signer, 3, CHOICE_0, place), place):
            parts = der_items(attribute, place)
            if der_part(parts, 0, OBJECT, place) == MESSAGE_DIGEST:
                values = der_items(der_part(parts, 1, SET, place), place)
                return name, der_part(values, 0, OCTETS, place)
        raise Invalid(place, "its signer claims no digest")


def _digest_name(algorithm: bytes, place: str) -> str:
    name = DIGESTS.get(der_part(der_items(algorithm, place), 0, OBJECT, place))
    if name is None:
        raise Invalid(place, "its digest is not of SHA-256, SHA-384 or SHA-512")
    return name


GENERALIZED_TIME = re.compile(
    r"([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.[0-9]{1,9})?Z\Z"
)


class TimeStampInfo:
    """What a time stamp says: `algorithm` and `imprint` of the stamped bytes, `at` (UTC)."""

    def __init__(self, data: bytes, place: str) -> None:
        info = der_items(der_part(der_items(data, place), 0, SEQUENCE, place), place)
        stamped = der_items(der_part(info, 2, SEQUENCE, place), place)
        self.algorithm = _digest_name(der_part(stamped, 0, SEQUENCE, place), place)
        self.imprint = der_part(stamped, 1, OCTETS, place)
        self.at = _generalized_time(der_part(info, 4, TIME, place), place)


def _generalized_time(data: bytes, place: str) -> str:
    found = GENERALIZED_TIME.match(data.decode("ascii", "replace"))
    if found is None:
        raise Invalid(place, "its time is malformed")
    year, month, day, hour, minute, second = found.groups()
    text = f"{year}-{month}-{day}T{hour}:{minute}:{second}"
    moment_of(f"{text}+00:00", place)
    return f"{text}Z"


def time_stamp(data: bytes, place: str) -> TimeStampInfo:
    """What a granted TimeStampResp says; its signature is not checked. Else `Invalid`."""
    response = der_items(data, place)
    if len(response) != 1:
        raise Invalid(place, "not one time stamp response")
    parts = der_items(der_part(response, 0, SEQUENCE, place), place)
    status = der_items(der_part(parts, 0, SEQUENCE, place), place)
    if der_part(status, 0, INTEGER, place) not in (b"\x00", b"\x01") or len(parts) != 2:
        raise Invalid(place, "the time stamp was not granted")
    signed = SignedContent(_sequence(der_part(parts, 1, SEQUENCE, place)), place)
    if signed.kind != TIME_STAMP_INFO or signed.content is None:
        raise Invalid(place, "not a time stamp")
    name, digest = signed.claimed(place)
    if hashlib.new(name, signed.content).digest() != digest:
        raise Invalid(place, "what it says is not what its signer claims")
    return TimeStampInfo(signed.content, place)


def _sequence(content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([SEQUENCE, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([SEQUENCE, 0x80 | len(length)]) + length + content


BYTE_RANGE = re.compile(
    rb"/ByteRange\s*\[\s*(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s+(\d{1,10})\s*\]"
)


def check_seals(pdf: bytes, place: str) -> list[int]:
    """Each seal claims the digest of the bytes that it covers; answers how many each covers."""
    covered = []
    for found in BYTE_RANGE.finditer(pdf):
        begin, length, again, rest = (int(number) for number in found.groups())
        held = pdf[begin + length : again]
        if begin != 0 or again + rest > len(pdf) or held[:1] != b"<" or held[-1:] != b">":
            raise Invalid(place, "a seal does not say which bytes it covers")
        try:
            data = binascii.unhexlify(held[1:-1])
        except ValueError:
            raise Invalid(place, "a seal is not in hexadecimal digits") from None
        _check_seal(data, pdf[:length] + pdf[again : again + rest], place)
        covered.append(length + rest)
    return covered


def _check_seal(data: bytes, covered: bytes, place: str) -> None:
    # The place for a seal is larger than the seal: zeros follow it.
    signed = SignedContent(_without_filling(data, place), place)
    if signed.kind == TIME_STAMP_INFO and signed.content is not None:
        told = TimeStampInfo(signed.content, place)
        name, digest = told.algorithm, told.imprint
    elif signed.kind == PLAIN_DATA and signed.content is None:
        name, digest = signed.claimed(place)
    else:
        raise Invalid(place, "a seal is of an unknown kind")
    if hashlib.new(name, covered).digest() != digest:
        raise Invalid(place, "a seal claims another digest than its bytes have")


def _without_filling(data: bytes, place: str) -> bytes:
    if len(data) < 6 or data[0] != SEQUENCE:
        raise Invalid(place, "a seal is not readable as DER")
    count = data[1] & 0x7F if data[1] & 0x80 else 0
    length = int.from_bytes(data[2 : 2 + count], "big") if count else data[1]
    end = 2 + count + length
    if count > 4 or end > len(data) or data[end:].strip(b"\x00"):
        raise Invalid(place, "a seal is not readable as DER")
    return data[:end]


# --- The zip file, read strictly: one way to read it, nothing between or behind its parts ---

ARCHIVE = "zip"
MOST_FILES = 10_000
MOST_BYTES = 2 * 1024**3
MOST_RATIO = 500
SMALL = 1024**2
STORED, DEFLATED = 0, 8
WITH_DESCRIPTOR = 1 << 3
KNOWN_FLAGS = WITH_DESCRIPTOR | 1 << 1 | 1 << 2 | 1 << 11
HARMLESS_EXTRAS = {0x5455, 0x7875, 0x5855, 0x000A}
"""Times and owners of a file, which packing programs add; every other extra field is refused."""
MOST_NAME = 200
SAFE_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*\Z")
END = struct.Struct("<4s4H2LH")
CENTRAL = struct.Struct("<4s6H3L5H2L")
LOCAL = struct.Struct("<4s5H3L2H")


class Member:
    """One file of a zip as its central header tells, with the bytes of its local part."""

    def __init__(self, fields: Sequence[Any], name: bytes, extra: bytes) -> None:
        (_, _, _, self.flags, self.method, _, _, self.crc, self.packed, self.size) = fields[:10]
        self.comment, self.disk, self.attributes, self.offset = (*fields[12:14], *fields[15:17])
        self.raw_name, self.extra = name, extra
        self.name = name.decode("ascii", "replace")

    @property
    def is_folder(self) -> bool:
        """An empty folder carries no meaning and is passed over."""
        return self.name.endswith("/") and self.size == 0 == self.packed

    def check(self) -> None:
        """Safe name, plain file, known flags, bounded size; else `Invalid`."""
        name = self.name[:-1] if self.is_folder else self.name
        kind = stat.S_IFMT(self.attributes >> 16)
        usual = (0, stat.S_IFDIR if self.is_folder else stat.S_IFREG)
        if len(name) > MOST_NAME or not SAFE_NAME.match(name) or kind not in usual:
            raise Invalid(ARCHIVE, f"{self.name!r} is not safe to unpack")
        if self.flags & ~KNOWN_FLAGS or self.method not in (STORED, DEFLATED):
            raise Invalid(ARCHIVE, f"{self.name} is encrypted or packed in an unknown way")
        if self.comment or self.disk:
            raise Invalid(ARCHIVE, f"{self.name} has a comment or lies on another disk")
        if self.method == STORED and self.packed != self.size:
            raise Invalid(ARCHIVE, f"{self.name} is not as long as the zip file says")
        if self.size > SMALL and self.size > MOST_RATIO * max(self.packed, 1):
            raise Invalid(ARCHIVE, f"{self.name} grows too much when unpacked")
        _check_extra(self.extra, self.name)

    def read(self, data: bytes) -> tuple[bytes, int]:
        """Content, and where the next part of the zip begins; else `Invalid`."""
        fields = _header(LOCAL, data, self.offset, b"PK\x03\x04")
        begin = self.offset + LOCAL.size
        name_length, extra_length = fields[9:11]
        name = data[begin : begin + name_length]
        begin += name_length + extra_length
        _check_extra(data[begin - extra_length : begin], self.name)
        told = (self.crc, self.packed, self.size)
        late = self.flags & WITH_DESCRIPTOR and fields[6:9] == (0, 0, 0)
        if (name, fields[2], fields[3]) != (self.raw_name, self.flags, self.method) or not (
            late or fields[6:9] == told
        ):
            raise Invalid(ARCHIVE, f"{self.name} has two headers that differ")
        end = begin + self.packed
        content = self._unpacked(data[begin:end])
        return content, end + self._descriptor(data[end : end + 16])

    def _unpacked(self, packed: bytes) -> bytes:
        content = packed
        if self.method == DEFLATED:
            reader = zlib.decompressobj(-zlib.MAX_WBITS)
            content = reader.decompress(packed, self.size + 1)
            if not reader.eof or reader.unused_data:
                raise Invalid(ARCHIVE, f"{self.name} is not packed as the zip file says")
        if len(content) != self.size or zlib.crc32(content) != self.crc:
            raise Invalid(ARCHIVE, f"{self.name} is not what the zip file says (length or CRC)")
        return content

    def _descriptor(self, found: bytes) -> int:
        if not self.flags & WITH_DESCRIPTOR:
            return 0
        plain = struct.pack("<3L", self.crc, self.packed, self.size)
        for descriptor in (b"PK\x07\x08" + plain, plain):
            if found.startswith(descriptor):
                return len(descriptor)
        raise Invalid(ARCHIVE, f"{self.name} has two headers that differ")


def read_zip(data: bytes) -> dict[str, bytes]:
    """Contents by name; `Invalid` for everything that two programs might read in two ways."""
    end = len(data) - END.size
    if end < 0 or not data.startswith(b"PK"):
        raise Invalid(ARCHIVE, "not a zip file")
    _, disk, disk_of_list, here, count, length, start, comment = _header(
        END, data, end, b"PK\x05\x06"
    )
    if disk or disk_of_list or here != count or comment or start + length != end:
        raise Invalid(ARCHIVE, "comments, several disks, or bytes that belong to no file")
    members = _members(data, start, end, count)
    found, at = {}, 0
    for member_ in sorted(members, key=lambda member_: member_.offset):
        if member_.offset != at:
            raise Invalid(ARCHIVE, f"before {member_.name} lie bytes that belong to no file")
        found[member_.name], at = _read_member(member_, data)
    if at != start:
        raise Invalid(ARCHIVE, "behind the last file lie bytes that belong to no file")
    return {member_.name: found[member_.name] for member_ in members if not member_.is_folder}


def _members(data: bytes, start: int, end: int, count: int) -> list[Member]:
    if count > MOST_FILES:
        raise Invalid(ARCHIVE, "too many files")
    members, at, total, seen = [], start, 0, set()
    for _ in range(count):
        fields = _header(CENTRAL, data, at, b"PK\x01\x02")
        name_length, extra_length, comment_length = fields[10:13]
        name_end = at + CENTRAL.size + name_length
        extra_end = name_end + extra_length
        raw = data[at + CENTRAL.size : name_end]
        found = Member(fields, raw, data[name_end:extra_end])
        found.check()
        folded = found.name.rstrip("/").lower()
        if folded in seen:
            raise Invalid(ARCHIVE, f"{found.name} stands twice, perhaps in other capitals")
        seen.add(folded)
        total += found.size
        at = extra_end + comment_length
        members.append(found)
    if at != end or total > MOST_BYTES:
        raise Invalid(ARCHIVE, "the list of files has another length, or they are too large")
    return members


def _read_member(found: Member, data: bytes) -> tuple[bytes, int]:
    try:
        return found.read(data)
    except zlib.error as error:
        raise Invalid(ARCHIVE, f"{found.name} cannot be unpacked ({error})") from None


def _header(form: struct.Struct, data: bytes, at: int, mark: bytes) -> tuple[Any, ...]:
    part = data[at : at + form.size]
    if len(part) != form.size or not part.startswith(mark):
        raise Invalid(ARCHIVE, "not a zip file, or a damaged one")
    return form.unpack(part)


def _check_extra(extra: bytes, name: str) -> None:
    at = 0
    while at < len(extra):
        if at + 4 > len(extra):
            raise Invalid(ARCHIVE, f"{name} has a malformed extra field")
        kind, length = struct.unpack_from("<2H", extra, at)
        at += 4 + length
        if kind not in HARMLESS_EXTRAS or at > len(extra):
            raise Invalid(ARCHIVE, f"{name} has an extra field that could change what is read")


# --- What is sealed: a DSSE envelope over an in-toto statement that names every other file ---

MANIFEST = "manifest.dsse.json"
INDEX = "index.dsse.json"
RECORD_JSON = "record.json"
RECORD_PDF = "record.pdf"
SNAPSHOT = "snapshot.json"
READINGS = "readings.jsonl"
ENTRIES = "audit/entries.jsonl"
PROOFS = "audit/proofs.json"
CHECKPOINT = "log/checkpoint.txt"
CONSISTENCY = "log/consistency.json"
TIME_STAMPS = "log/timestamps/"
SITE_KEYS = "keys/site.json"
PEOPLE_KEYS = "keys/people.json"
ATTACHMENTS = "attachments/"
RECIPES = "recipe/"
BUNDLE_NAME = ".ebr.zip"
NEEDED = (
    *(RECORD_JSON, RECORD_PDF, SNAPSHOT, READINGS, ENTRIES, PROOFS),
    *(CHECKPOINT, CONSISTENCY, SITE_KEYS, PEOPLE_KEYS),
)
PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:batchwright:evidence:1"
PACKAGE_TYPE = "urn:batchwright:evidence-package:1"
PREDICATE = {
    "record": str,
    "entries": int,
    "last_sha256": str,
    "checkpoint": dict,
    "site": str,
    "mode": str,
    "software": str,
    "made_at": str,
    "without": list,
}
PACKAGE = {"site": str, "mode": str, "software": str, "made_at": str, "bundles": list}
MODES = ("DEMONSTRATION", "GMP")
LEAVES_OUT = ("attachments", "trends")
SITE_MEMBERS = {"v", "origin", "log", "export"}
OPTIONAL_SITE_MEMBERS = {"witness", "quorum"}


def pre_authentication(payload_type: str, payload: bytes) -> bytes:
    """The bytes that a DSSE signature covers (PAE)."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


class Statement:
    """A signed list of files with what it says besides (`about`); signed or not is asked apart."""

    def __init__(self, files: Mapping[str, bytes], name: str, kind: str) -> None:
        self.name = name
        envelope = parse_envelope(file_of(files, name), name)
        only_members(envelope, ("payloadType", "payload", "signatures"), name)
        if envelope["payloadType"] != PAYLOAD_TYPE:
            raise Invalid(name, "the payload is of another type")
        self.payload = base64_bytes(envelope["payload"], name)
        self.signatures = [_dsse_signature(each, name) for each in _list(envelope, name)]
        told = parse_envelope(self.payload, name)
        only_members(told, ("_type", "predicateType", "subject", "predicate"), name)
        if (told["_type"], told["predicateType"]) != (STATEMENT_TYPE, kind):
            raise Invalid(name, "a statement of another kind or version than this program knows")
        self.named = _subjects(told["subject"], name)
        self.about: dict[str, Any] = member(told, "predicate", dict, name)
        fields = PREDICATE if kind == PREDICATE_TYPE else PACKAGE
        only_members(self.about, fields, name)
        for field, wanted in fields.items():
            member(self.about, field, wanted, name)
        if self.about["mode"] not in MODES:
            raise Invalid(name, "the site has no mode that is known")
        moment_of(self.about["made_at"], name)

    def check_signed(self, keys: Iterable[Mapping[str, Any]]) -> None:
        """A known export key signed it, and no known one signed it wrongly; else `Invalid`."""
        known = {key["key_id"]: base64_bytes(key["public"], SITE_KEYS) for key in keys}
        good = 0
        for key_id, signature in self.signatures:
            if key_id in known:
                covered = pre_authentication(PAYLOAD_TYPE, self.payload)
                check_ed25519(known[key_id], signature, covered, self.name)
                good += 1
        if not good:
            raise Invalid(self.name, "no known export key signed it")

    def differences(
        self, files: Mapping[str, bytes], needed: Iterable[str]
    ) -> list[tuple[str, str]]:
        """Name and problem of each file that is not as the list says, in order of the names."""
        names = (set(files) - {self.name}) | self.named.keys() | set(needed)
        told = {name: self._difference(name, files) for name in sorted(names)}
        return [(name, problem) for name, problem in told.items() if problem]

    def _difference(self, name: str, files: Mapping[str, bytes]) -> str:
        if name not in files:
            return "the file is missing"
        if name not in self.named:
            return f"{self.name} does not name this file"
        if sha256(files[name]).hex() != self.named[name]:
            return f"the content is not the one that {self.name} names"
        return ""


def file_of(files: Mapping[str, bytes], name: str) -> bytes:
    """The content of a file; `Invalid` when it is missing."""
    if name not in files:
        raise Invalid(name, "the file is missing")
    return files[name]


def _list(envelope: Mapping[str, Any], place: str) -> list[Any]:
    found: list[Any] = member(envelope, "signatures", list, place)
    if not 1 <= len(found) <= MOST_NOTE_SIGNATURES:
        raise Invalid(place, "it is not signed, or by too many")
    return found


def _dsse_signature(found: Any, place: str) -> tuple[str, bytes]:
    only_members(found, ("keyid", "sig"), place)
    key_id: str = member(found, "keyid", str, place)
    return key_id, base64_bytes(found["sig"], place)


def _subjects(listed: Any, place: str) -> dict[str, str]:
    named: dict[str, str] = {}
    if not isinstance(listed, list):
        raise Invalid(place, "subject is not a list")
    for subject in listed:
        only_members(subject, ("name", "digest"), place)
        only_members(subject["digest"], ("sha256",), place)
        name = member(subject, "name", str, place)
        if named and name <= next(reversed(named)):
            raise Invalid(place, "its files are not in order of their names, each once")
        named[name] = member(subject["digest"], "sha256", str, place)
    return named


class SiteKeys:
    """Keys of a site: of a file of the bundle (`strict`) or of a trust file, which may say more."""

    def __init__(self, told: Any, place: str, *, strict: bool) -> None:
        if member(told, "v", int, place) != 1:
            raise Invalid(place, "keys of another version of the format")
        if strict and not SITE_MEMBERS <= told.keys() <= SITE_MEMBERS | OPTIONAL_SITE_MEMBERS:
            raise Invalid(place, "members are missing, or unknown to this version of the format")
        self.origin: str = member(told, "origin", str, place)
        self.log = [LogKey(vkey, place) for vkey in member(told, "log", list, place)]
        self.witness = [
            WitnessKey(vkey, place)
            for vkey in (member(told, "witness", list, place) if "witness" in told else [])
        ]
        self.quorum: int = member(told, "quorum", int, place) if "quorum" in told else 0
        self.export: list[dict[str, str]] = []
        for key in member(told, "export", list, place):
            only_members(key, ("key_id", "public"), place)
            if key["key_id"] != export_key_id(base64_bytes(key["public"], place)):
                raise Invalid(place, "an export key is not named by its bytes")
            self.export.append(key)
        if not self.log or not self.export:
            raise Invalid(place, "it names no log key or no export key")
        if not 0 <= self.quorum <= len({key.vkey for key in self.witness}):
            raise Invalid(place, "it asks for more log witnesses than it names")

    def within(self, trusted: SiteKeys) -> str:
        """The first member that says more than the trusted keys; empty when none does."""
        if self.origin != trusted.origin:
            return "origin"
        if not {key.vkey for key in self.log} <= {key.vkey for key in trusted.log}:
            return "log"
        names = {key["key_id"] for key in self.export}
        return "" if names <= {key["key_id"] for key in trusted.export} else "export"


# --- What the entries of a record say about the other files ---

ISSUED = "document.issued"


def rows_of(entry: Mapping[str, Any], table: str) -> list[Mapping[str, Any]]:
    """The rows of a table that an entry brought, as they were then."""
    changes = [change for change in entry["changes"] if change.get("table") == table]
    return [change["after"] for change in changes if isinstance(change.get("after"), dict)]


def digests_of(entries: Iterable[Mapping[str, Any]], table: str, column: str) -> set[str]:
    """The digests in one column of a table, over all entries."""
    found = {row.get(column) for entry in entries for row in rows_of(entry, table)}
    return {digest for digest in found if isinstance(digest, str)}


def readings_of(entries: Iterable[Mapping[str, Any]]) -> bytes:
    """The raw readings with their quality, one a line, as the entries hold them."""
    return b"".join(
        canonical_bytes({"entry": entry["rseq"], "reading": row}) + b"\n"
        for entry in entries
        for row in rows_of(entry, "reading")
    )


def snapshot_of(entries: Sequence[Mapping[str, Any]], lines: Sequence[bytes]) -> dict[str, Any]:
    """How far the record reaches, which entry decided about it, and what followed.

    The decision is the last change of `disposition` in table `batch`; it covers the record up to
    the last entry of its transaction.
    """
    decided = _decision_of(entries)
    through = 0 if decided is None else _last_of_transaction(entries, decided)
    return {
        "v": 1,
        "record": entries[0]["rec"],
        "entries": len(entries),
        "last_sha256": sha256(lines[-1]).hex(),
        "decision": decided and _decision(decided, through, lines),
        "followed": [_mention(entry) for entry in entries[through:]] if decided else [],
    }


def _decision_of(entries: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    for entry in reversed(entries):
        word = _disposition(entry)
        if word is not None:
            return None if word == "none" else entry
    return None


def _disposition(entry: Mapping[str, Any]) -> Any:
    for change in entry["changes"]:
        before, after = change.get("before"), change.get("after")
        changed = isinstance(before, dict) and isinstance(after, dict)
        if change.get("table") == "batch" and changed and "disposition" in before:
            return after.get("disposition")
    return None


def _last_of_transaction(entries: Sequence[Mapping[str, Any]], decided: Mapping[str, Any]) -> int:
    """Entries of one transaction share real time and request."""
    together = [
        int(entry["rseq"])
        for entry in entries[decided["rseq"] - 1 :]
        if (entry["request"], entry["real_at"]) == (decided["request"], decided["real_at"])
    ]
    return together[-1]


def _decision(entry: Mapping[str, Any], through: int, lines: Sequence[bytes]) -> dict[str, Any]:
    return {
        **_mention(entry),
        "disposition": _disposition(entry),
        "reason": entry["reason"],
        "through": through,
        "through_sha256": sha256(lines[through - 1]).hex(),
    }


def _mention(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "entry": entry["rseq"],
        "at": entry["at"],
        "action": entry["action"],
        "object": entry["object"],
        "by": {"id": entry["actor"]["id"], "name": entry["actor"]["name"]},
    }


# --- Verifying: what passed, what does not hold, what was not checked ---


class Checking:
    """Collects what checks find; one that fails does not hide what the others find."""

    def __init__(self, trust: SiteKeys | None) -> None:
        self.trust = trust
        self.passed: list[str] = []
        self.problems: list[Invalid] = []
        self.not_checked: list[str] = []
        self.told: dict[str, Any] = {}

    def attempt(self, place: str, name: str, check: Callable[[], str]) -> None:
        """Run one check; malformed content is a problem at that place, never a crash."""
        try:
            said = check()
        except Waiting as lacking:
            self.not_checked.append(f"that {name} ({lacking})")
            if not self.problems:
                self.add(place, str(lacking))
        except Invalid as problem:
            self.add(problem.place, problem.problem)
        except (AttributeError, LookupError, TypeError, ValueError, RecursionError) as error:
            self.add(place, f"malformed ({error!r})")
        else:
            self.passed.append(f"{name}{said}")

    def add(self, place: str, problem: str) -> None:
        """A problem; what stands behind a comma of the place goes into its words."""
        where, comma, closer = place.partition(", ")
        self.problems.append(Invalid(where, f"{closer}: {problem}" if comma else problem))

    def report(self) -> dict[str, Any]:
        """What was found, for machines."""
        return {
            "result": "INVALID" if self.problems else "VALID",
            **self.told,
            "problems": [{"place": at.place, "problem": at.problem} for at in self.problems],
            "passed": self.passed,
            "not_checked": self.not_checked,
            "ed25519": "python" if Ed25519PublicKey is None else "cryptography",
        }


def _nothing_told() -> dict[str, Any]:
    """What the report tells of a bundle before anything of it is proven."""
    names = (
        "record",
        "site",
        "mode",
        "made_at",
        "entries",
        "last_sha256",
        "checkpoint",
        "decision",
    )
    return {
        "kind": "bundle",
        **dict.fromkeys(names),
        "older": [],
        "cosigned": [],
        "time_stamps": [],
    }


class Verification(Checking):
    """One run over one bundle. What the report tells comes from signed or proven bytes only."""

    def __init__(self, files: Mapping[str, bytes], trust: SiteKeys | None) -> None:
        super().__init__(trust)
        self.files = files
        self.told = _nothing_told()
        self.entries: list[dict[str, Any]] = []
        self._lines: list[bytes] = []
        self._whole = False
        self._keys: SiteKeys | None = None
        self._statement: Statement | None = None
        self._note: CheckpointNote | None = None
        self._older: dict[int, bytes] = {}

    def run(self) -> None:
        """All checks in the order of the format."""
        for place, name, check in (
            (MANIFEST, "the manifest is well formed", self._read_manifest),
            (SITE_KEYS, "the keys of the site are in order", self._check_site_keys),
            (MANIFEST, "the manifest is signed by the export key", self._check_manifest),
            (MANIFEST, "all files are named by the manifest and unchanged", self._check_files),
            (CHECKPOINT, "the checkpoint is signed by the log", self._check_checkpoint),
            (CONSISTENCY, "the log only grew since older checkpoints", self._check_older),
            (TIME_STAMPS, "time stamps are of checkpoints of this log", self._check_time_stamps),
            (ENTRIES, "the entries are complete and chained", self._check_entries),
            (PROOFS, "every entry stands in the log", self._check_proofs),
            (PEOPLE_KEYS, "the signatures of people hold", self._check_signatures),
            (SNAPSHOT, "the snapshot says what the entries say", self._check_snapshot),
            (RECORD_JSON, "record.json and record.pdf were issued", self._check_record),
            (RECORD_PDF, "the seal of record.pdf claims its bytes", self._check_seal),
            (ATTACHMENTS, "attachments and recipes are those of the entries", self._check_named),
            (READINGS, "the readings are those of the entries", self._check_readings),
        ):
            self.attempt(place, name, check)
        self._say_what_was_not_checked()

    def _about(self) -> dict[str, Any]:
        if self._statement is None:
            raise Waiting("the manifest is not readable")
        return self._statement.about

    def _keys_used(self) -> SiteKeys:
        if self._keys is None:
            raise Waiting("the keys of the site are missing")
        return self._keys

    def _whole_chain(self) -> list[dict[str, Any]]:
        if not self._whole:
            raise Waiting("the entries are not complete")
        return self.entries

    def _read_manifest(self) -> str:
        found = Statement(self.files, MANIFEST, PREDICATE_TYPE)
        only_members(found.about["checkpoint"], ("origin", "size", "root"), MANIFEST)
        without = found.about["without"]
        if without != [name for name in LEAVES_OUT if name in without]:
            raise Invalid(MANIFEST, "it leaves out what may not be left out")
        self._statement = found
        return ""

    def _check_site_keys(self) -> str:
        told = parse_canonical(file_of(self.files, SITE_KEYS), SITE_KEYS)
        found = SiteKeys(told, SITE_KEYS, strict=True)
        self._keys = found if self.trust is None else self.trust
        if self.trust is None:
            return ""
        wrong = found.within(self.trust)
        if wrong:
            raise Invalid(SITE_KEYS, f"{wrong} is not the one that you trust")
        return " and are those that you trust"

    def _check_manifest(self) -> str:
        about = self._about()
        if self._statement is not None:
            self._statement.check_signed(self._keys_used().export)
        for name in ("record", "site", "mode", "made_at", "entries", "last_sha256", "checkpoint"):
            self.told[name] = about[name]
        return ""

    def _check_files(self) -> str:
        self._about()
        wrong = self._statement.differences(self.files, NEEDED) if self._statement else []
        for name, problem in wrong[:-1]:
            self.add(name, problem)
        if wrong:
            raise Invalid(*wrong[-1])
        return f" ({len(self.files) - 1} files)"

    def _check_checkpoint(self) -> str:
        note = CheckpointNote(_text(file_of(self.files, CHECKPOINT), CHECKPOINT), CHECKPOINT)
        keys = self._keys_used()
        if note.origin != keys.origin:
            raise Invalid(CHECKPOINT, f"it is of the log {note.origin}, not of this site")
        note.check(keys.log, CHECKPOINT)
        told = self._about()["checkpoint"]
        if told != {"origin": note.origin, "size": note.size, "root": note.root.hex()}:
            raise Invalid(CHECKPOINT, "it is not the checkpoint that the manifest names")
        cosigned = note.cosigned(keys.witness, CHECKPOINT)
        if len(cosigned) < keys.quorum:
            raise Invalid(
                CHECKPOINT, f"{len(cosigned)} log witnesses cosigned it, {keys.quorum} are needed"
            )
        self.told["cosigned"] = [
            {"witness": vkey.split("+", 1)[0], "at": utc_text(at)}
            for vkey, at in sorted(cosigned.items())
        ]
        self._note = note
        by = f", cosigned by {len(cosigned)} of {keys.quorum} log witnesses needed"
        return f" ({note.origin}, {note.size} entries{by if keys.witness else ''})"

    def _good_note(self) -> CheckpointNote:
        if self._note is None:
            raise Waiting("there is no good checkpoint")
        return self._note

    def _check_older(self) -> str:
        note = self._good_note()
        told = parse_canonical(file_of(self.files, CONSISTENCY), CONSISTENCY)
        only_members(told, ("v", "size", "from"), CONSISTENCY)
        if (told["v"], told["size"]) != (1, note.size):
            raise Invalid(CONSISTENCY, "of another version, or for another checkpoint")
        older, last = {}, 0
        for number, each in enumerate(member(told, "from", list, CONSISTENCY), start=1):
            place = f"{CONSISTENCY}:{number}"
            only_members(each, ("size", "root", "proof"), place)
            size, root = member(each, "size", int, place), base64_bytes(each["root"], place)
            if not last < size < note.size:
                raise Invalid(place, "sizes do not rise below that of the checkpoint")
            path = [base64_bytes(part, place) for part in member(each, "proof", list, place)]
            check_consistency(size, note.size, root, note.root, path, place)
            older[size], last = root, size
        self.told["older"] = [{"size": size, "root": older[size].hex()} for size in older]
        self._older = {**older, note.size: note.root}
        return f" ({len(older)})"

    def _check_time_stamps(self) -> str:
        notes: dict[str, CheckpointNote] = {}
        for name in sorted(name for name in self.files if name.startswith(TIME_STAMPS)):
            stem, _, ending = name[len(TIME_STAMPS) :].rpartition(".")
            size, _, number = stem.partition("-")
            if not DECIMAL.match(size) or (ending == "txt") is bool(number):
                raise Invalid(name, "a file that time stamps do not have")
            if ending == "txt":
                notes[size] = self._stamped_note(name, int(size))
            elif ending != "tsr" or not DECIMAL.match(number):
                raise Invalid(name, "a file that time stamps do not have")
        for name in sorted(name for name in self.files if name.startswith(TIME_STAMPS)):
            if name.endswith(".tsr"):
                size = name[len(TIME_STAMPS) :].partition("-")[0]
                if size not in notes:
                    raise Invalid(name, "what it stamped is missing")
                self._check_time_stamp(name, f"{TIME_STAMPS}{size}.txt", int(size))
        return f" ({len(self.told['time_stamps'])})"

    def _stamped_note(self, name: str, size: int) -> CheckpointNote:
        note = CheckpointNote(_text(self.files[name], name), name)
        keys = self._keys_used()
        if note.origin != keys.origin:
            raise Invalid(name, f"it is of the log {note.origin}, not of this site")
        note.check(keys.log, name)
        if note.size != size or self._older.get(size) != note.root:
            raise Invalid(name, "it is not proven to be an earlier state of the log")
        return note

    def _check_time_stamp(self, name: str, stamped: str, size: int) -> None:
        found = time_stamp(self.files[name], name)
        if hashlib.new(found.algorithm, self.files[stamped]).digest() != found.imprint:
            raise Invalid(name, f"it stamps other bytes than {stamped}")
        self.told["time_stamps"].append({"file": name, "size": size, "at": found.at})
        self.not_checked.append(
            f"who signed time stamp {name} (it says that the first {size} entries of the log"
            f" stood on {found.at}): openssl ts -verify -in {name} -data {stamped}"
            " -CAfile THE_AUTHORITY.pem"
        )

    def _check_entries(self) -> str:
        data = file_of(self.files, ENTRIES)
        if not data.endswith(b"\n"):
            raise Invalid(ENTRIES, "the last line has no end")
        lines = data[:-1].split(b"\n")
        about = self._about()
        record, prev = about["record"], None
        for rseq, line in enumerate(lines, start=1):
            place = f"{ENTRIES}:{rseq}"
            entry = check_entry(line, rec=record, rseq=rseq, prev=prev, place=place)
            self.entries.append(entry)
            self._lines.append(line)
            prev = sha256(line).hex()
        if len(lines) != about["entries"]:
            raise Invalid(ENTRIES, f"{len(lines)} entries, the manifest says otherwise")
        if prev != about["last_sha256"]:
            raise Invalid(ENTRIES, "the last entry is not the one that the manifest names")
        self._whole = True
        return f" ({len(lines)} entries of {record}, from 1)"

    def _check_proofs(self) -> str:
        note = self._good_note()
        self._whole_chain()
        proofs = parse_canonical(file_of(self.files, PROOFS), PROOFS)
        only_members(proofs, ("v", "size", "entries"), PROOFS)
        listed = member(proofs, "entries", list, PROOFS)
        if (proofs["v"], proofs["size"]) != (1, note.size):
            raise Invalid(PROOFS, "of another version, or for another size than the checkpoint")
        if len(listed) != len(self._lines):
            raise Invalid(PROOFS, f"{len(listed)} proofs for {len(self._lines)} entries")
        last = -1
        for rseq, (line, proof) in enumerate(zip(self._lines, listed), start=1):  # noqa: B905
            place = f"{PROOFS}:{rseq}"
            only_members(proof, ("rseq", "index", "leaf", "proof"), place)
            index, leaf = member(proof, "index", int, place), leaf_hash(line)
            if base64_bytes(proof["leaf"], place) != leaf or proof["rseq"] != rseq:
                raise Invalid(place, "number or leaf is not that of the entry")
            if index <= last:
                raise Invalid(place, "the log holds the entries in another order")
            path = [base64_bytes(part, place) for part in member(proof, "proof", list, place)]
            check_inclusion(leaf, index, note.size, path, note.root, place)
            last = index
        return ""

    def _check_signatures(self) -> str:
        entries = self._whole_chain()
        people: dict[str, Any] = {}
        listed = parse_canonical(file_of(self.files, PEOPLE_KEYS), PEOPLE_KEYS)
        only_members(listed, ("v", "keys"), PEOPLE_KEYS)
        if listed["v"] != 1:
            raise Invalid(PEOPLE_KEYS, "keys of another version of the format")
        for key in member(listed, "keys", list, PEOPLE_KEYS):
            only_members(key, PERSON_KEY_MEMBERS, PEOPLE_KEYS)
            public = base64_bytes(key["public"], PEOPLE_KEYS)
            for name in ("valid_from", "valid_until"):
                if name == "valid_from" or key[name] is not None:
                    moment_of(key[name], PEOPLE_KEYS)
            if key["key_id"] != person_key_id(public) or key["key_id"] in people:
                raise Invalid(PEOPLE_KEYS, f"key {key['key_id']} is not named by its bytes")
            people[key["key_id"]] = key
        signed = SignedEntries(people)
        for number, line in enumerate(self._lines):
            signed.take(entries[number], line, f"{ENTRIES}:{number + 1}")
        return f" ({signed.count} signatures)"

    def _check_snapshot(self) -> str:
        found = snapshot_of(self._whole_chain(), self._lines)
        if canonical_bytes(found) != file_of(self.files, SNAPSHOT):
            raise Invalid(SNAPSHOT, "it is not what the entries say")
        self.told["decision"] = decision = found["decision"]
        if decision is None:
            return f" (no decision about the record up to entry {len(self._lines)})"
        return (
            f" ({decision['disposition']} by {decision['by']['name']}, complete up to entry"
            f" {decision['through']}; {len(found['followed'])} entries followed)"
        )

    def _check_record(self) -> str:
        entries = self._whole_chain()
        record = parse_canonical(file_of(self.files, RECORD_JSON), RECORD_JSON)
        if member(record, "record", str, RECORD_JSON) != self._about()["record"]:
            raise Invalid(RECORD_JSON, "it is about another record")
        pdf = file_of(self.files, RECORD_PDF)
        if not pdf.startswith(b"%PDF-"):
            raise Invalid(RECORD_PDF, "it is not a PDF file")
        content = sha256(self.files[RECORD_JSON]).hex()
        issued = [
            entry
            for entry in entries
            if entry["action"] == ISSUED and entry["facts"].get("content_sha256") == content
        ]
        if not issued:
            raise Invalid(RECORD_JSON, "no entry says that it was issued")
        found = [each for each in issued if each["facts"].get("sha256") == sha256(pdf).hex()]
        if not found:
            raise Invalid(RECORD_PDF, "no entry says that it was issued")
        self._check_printed(entries)
        return f" (entry {found[0]['rseq']})"

    def _check_printed(self, entries: Iterable[Mapping[str, Any]]) -> None:
        """Every checkpoint that an issued PDF shows is one that this log grew from."""
        for entry in entries:
            printed = entry["facts"].get("checkpoint") if entry["action"] == ISSUED else None
            if printed is None:
                continue
            place = f"{ENTRIES}:{entry['rseq']}"
            only_members(printed, ("size", "root"), place)
            proven = self._older.get(member(printed, "size", int, place))
            if proven is None or proven.hex() != printed["root"]:
                raise Invalid(place, "the checkpoint that it printed is not proven")

    def _check_seal(self) -> str:
        pdf = file_of(self.files, RECORD_PDF)
        covered = check_seals(pdf, RECORD_PDF)
        if not covered:
            self.not_checked.append("record.pdf carries no seal")
            return " (none)"
        self.not_checked.append(
            "who signed the seal of record.pdf (its digests were compared): pdfsig record.pdf"
        )
        return f" ({len(covered)} seals, the last over {covered[-1]} of {len(pdf)} bytes)"

    def _check_named(self) -> str:
        entries = self._whole_chain()
        kept = digests_of(entries, "attachment", "digest")
        recipes = digests_of(entries, "procedure_run", "file_digest")
        found = self._compared(ATTACHMENTS, kept, "attachments" in self._about()["without"])
        self._compared(RECIPES, recipes, False)
        return f" ({found} attachments, {len(recipes)} recipes)"

    def _compared(self, folder: str, named: set[str], left_out: bool) -> int:
        """Every file of the folder is named by an entry, and every named one is there."""
        found = set()
        for name in sorted(name for name in self.files if name.startswith(folder)):
            digest = sha256(self.files[name]).hex()
            if digest not in named or left_out:
                raise Invalid(name, "no entry names it, or the manifest leaves it out")
            found.add(digest)
        lost = named - found
        if lost and not left_out:
            raise Invalid(folder, f"the file with SHA-256 {min(lost)} is missing")
        if lost:
            self.not_checked.append(f"{len(lost)} attachments, which are not in this bundle")
        return len(found)

    def _check_readings(self) -> str:
        found = readings_of(self._whole_chain())
        if found != file_of(self.files, READINGS):
            raise Invalid(READINGS, "it is not what the entries say")
        count = found.count(b"\n")
        return f" ({count} readings)"

    def _say_what_was_not_checked(self) -> None:
        if self.trust is None:
            self.not_checked.append(
                "whether the keys in keys/ belong to the site: compare them with keys that you"
                " got another way (--trust trust.json)"
            )
        self.not_checked.append(
            "whether a key in keys/people.json belongs to the person: the site says so, signed"
            " with its export key"
        )
        self.not_checked.append("entries that the record got after the checkpoint")
        if not self.told["cosigned"]:
            self.not_checked.append(
                "whether the log shows the same checkpoint to everybody: no known log witness"
                " cosigned it; compare origin, size and root with another print"
            )
        others = sorted(name for name in self.files if self._is_named_only(name))
        if others:
            self.not_checked.append(f"named by the manifest, by no entry: {', '.join(others)}")

    def _is_named_only(self, name: str) -> bool:
        proven = name.startswith((ATTACHMENTS, RECIPES, TIME_STAMPS))
        return not proven and name not in NEEDED and name != MANIFEST


PERSON_KEY_MEMBERS = ("key_id", "badge", "public", "valid_from", "valid_until")


class PackageVerification(Checking):
    """One run over a package: its index, then every bundle in it with the keys of the package."""

    def __init__(self, files: Mapping[str, bytes], trust: SiteKeys | None) -> None:
        super().__init__(trust)
        self.files = files
        self.told = {
            "kind": "package", "site": None, "mode": None, "made_at": None, "bundles": [],
        }  # fmt: skip
        self._statement: Statement | None = None
        self._keys: SiteKeys | None = None

    def run(self) -> None:
        """The index first, then the bundles in its order."""
        self.attempt(INDEX, "the index is well formed", self._read_index)
        self.attempt(SITE_KEYS, "the keys of the site are in order", self._check_keys)
        self.attempt(INDEX, "the index is signed by the export key", self._check_index)
        self.attempt(INDEX, "all files are named by the index and unchanged", self._check_files)
        if self._statement is not None and self._keys is not None:
            for told in self._statement.about["bundles"]:
                name = told["name"]
                self.attempt(name, f"{name} is valid", partial(self._check_bundle, told))
        if self.trust is None:
            self.not_checked.append(
                "whether the keys in keys/ belong to the site: compare them with keys that you"
                " got another way (--trust trust.json)"
            )

    def _read_index(self) -> str:
        found = Statement(self.files, INDEX, PACKAGE_TYPE)
        names = []
        for told in found.about["bundles"]:
            only_members(told, ("name", "record", "entries", "last_sha256"), INDEX)
            names.append(member(told, "name", str, INDEX))
        if names != sorted({name for name in found.named if name.endswith(BUNDLE_NAME)}):
            raise Invalid(INDEX, "its bundles are not its files, in order of their names")
        self._statement = found
        return ""

    def _check_keys(self) -> str:
        told = parse_canonical(file_of(self.files, SITE_KEYS), SITE_KEYS)
        found = SiteKeys(told, SITE_KEYS, strict=True)
        self._keys = found if self.trust is None else self.trust
        wrong = found.within(self._keys)
        if wrong:
            raise Invalid(SITE_KEYS, f"{wrong} is not the one that you trust")
        return "" if self.trust is None else " and are those that you trust"

    def _check_index(self) -> str:
        if self._statement is None or self._keys is None:
            raise Waiting("index or keys are not readable")
        self._statement.check_signed(self._keys.export)
        for name in ("site", "mode", "made_at"):
            self.told[name] = self._statement.about[name]
        return ""

    def _check_files(self) -> str:
        if self._statement is None:
            raise Waiting("the index is not readable")
        wrong = self._statement.differences(self.files, (SITE_KEYS,))
        for name, problem in wrong[:-1]:
            self.add(name, problem)
        if wrong:
            raise Invalid(*wrong[-1])
        return f" ({len(self.files) - 1} files)"

    def _check_bundle(self, told: Mapping[str, Any]) -> str:
        name = told["name"]
        run = checked_bundle(file_of(self.files, name), self._keys)
        report = run.report()
        self.told["bundles"].append({"name": name, **report})
        if run.problems:
            for problem in run.problems[:-1]:
                self.add(f"{name}!{problem.place}", problem.problem)
            raise Invalid(f"{name}!{run.problems[-1].place}", run.problems[-1].problem)
        for field in ("record", "entries", "last_sha256"):
            if report[field] != told[field]:
                raise Invalid(name, f"its {field} is not the one that the index tells")
        if (report["site"], report["mode"]) != (self.told["site"], self.told["mode"]):
            raise Invalid(name, "it is of another site than the package")
        return f" ({report['record']}, {report['entries']} entries)"


def _text(data: bytes, place: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid(place, "not UTF-8 text") from None


# --- Report and command line ---


def checked_bundle(data: bytes, trust: SiteKeys | None) -> Verification:
    """A run over the bytes of one bundle; never raises for what is in them."""
    try:
        run = Verification(read_zip(data), trust)
    except Invalid as problem:
        run = Verification({}, trust)
        run.add(problem.place, problem.problem)
    else:
        run.run()
    return run


def verify_bytes(data: bytes, trust: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The report on a bundle or a package: ``result`` VALID or INVALID, with reasons.

    `trust` holds keys of the site that came another way; `Invalid` when it is not of their form.
    """
    keys = None if trust is None else SiteKeys(trust, "trust", strict=False)
    try:
        files = read_zip(data)
    except Invalid:
        files = {}
    if INDEX not in files:
        return checked_bundle(data, keys).report()
    package = PackageVerification(files, keys)
    package.run()
    return package.report()


def verify_bundle(path: str, trust: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The report on a file, as of `verify_bytes`. OSError when the file cannot be opened."""
    with open(path, "rb") as file:
        data = file.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        run = Verification({}, None)
        run.add(ARCHIVE, "larger than 2 GiB")
        return run.report()
    return verify_bytes(data, trust)


def report_text(report: Mapping[str, Any], path: str) -> str:
    """The report for a person."""
    lines = [f"{report['result']}: {path}"]
    if report.get("record"):
        lines.append(f"  record {report['record']} of {report['site']} ({report['mode']} site)")
    for problem in report["problems"]:
        lines.append(f"  PROBLEM {problem['place']}: {problem['problem']}")
    lines += [f"  ok      {name}" for name in report["passed"]]
    lines += [f"  ok      {line}" for line in _told_lines(report)]
    lines += [f"  not checked: {name}" for name in report["not_checked"]]
    for bundle in report.get("bundles", []):
        lines += [f"  {line}" for line in report_text(bundle, bundle["name"]).splitlines()]
    # What is shown comes from the file: it must not move the cursor of a terminal.
    return "".join(f"{_printable(line)}\n" for line in lines)


def _told_lines(report: Mapping[str, Any]) -> list[str]:
    lines = []
    for each in report.get("older", []):
        lines.append(f"this log grew from size {each['size']}, root {each['root']}")
    for each in report.get("cosigned", []):
        lines.append(f"cosigned by {each['witness']} at {each['at']}")
    return lines


def _printable(line: str) -> str:
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in line)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 0 VALID, 1 INVALID, 2 when a file cannot be opened or the call is wrong."""
    parser = argparse.ArgumentParser(description="Verify an evidence bundle of Batchwright.")
    parser.add_argument("bundle", help="the zip file: a bundle, or a package of bundles")
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
