"""Cosignatures of a log witness: C2SP ``cosignature/v1``, an Ed25519 signature with a time in it.

Signed are the line ``cosignature/v1``, the line ``time`` with Unix seconds, and the text of the
checkpoint. In the note the line holds key hash (4 bytes), time (8 bytes) and signature (64 bytes).
"""

from __future__ import annotations

import base64
import struct
from datetime import UTC, datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit.verifier import (
    NOTE_SIGNATURE,
    CheckpointNote,
    Invalid,
    base64_bytes,
    check_ed25519,
    sha256,
)

COSIGNATURE_TYPE = b"\x04"
LINE_BYTES = 4 + 8 + 64
LATEST = 253_402_300_799
"""Unix seconds of the end of the year 9999: what no date can show is no time."""


def key_hash(name: str, public: bytes) -> bytes:
    """The four bytes by which a note names a cosigning Ed25519 key."""
    return sha256(name.encode("utf-8") + b"\n" + COSIGNATURE_TYPE + public)[:4]


class WitnessKey:
    """A witness's public key, written ``name+hash+base64`` with key type 0x04."""

    def __init__(self, vkey: str, place: str = "witness key") -> None:
        # Base64 may hold "+" itself: the name and the hash are split off from the left.
        parts = str(vkey).split("+", 2)
        if len(parts) != 3 or not parts[0] or any(c.isspace() for c in parts[0]):
            raise Invalid(place, "a key is written name+hash+base64")
        self.vkey = vkey
        self.name, hashed, encoded = parts
        data = base64_bytes(encoded, place)
        self.public = data[1:]
        if data[:1] != COSIGNATURE_TYPE or len(self.public) != 32:
            raise Invalid(place, "not a cosigning Ed25519 key (type 0x04)")
        self.hash = key_hash(self.name, self.public)
        if self.hash.hex() != hashed:
            raise Invalid(place, "name and key do not fit the hash of the key")


def signed_bytes(text: str, seconds: int) -> bytes:
    """What a cosignature covers: `text` is the checkpoint without its signatures."""
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()


def vkey_of(name: str, key: Ed25519PrivateKey) -> str:
    """The key as it is given to those who shall trust it."""
    public = key.public_key().public_bytes_raw()
    encoded = base64.b64encode(COSIGNATURE_TYPE + public).decode("ascii")
    return f"{name}+{key_hash(name, public).hex()}+{encoded}"


def cosign(name: str, key: Ed25519PrivateKey, text: str, at: datetime) -> str:
    """The signature line over a checkpoint's text, with `at` in whole seconds in it."""
    seconds = int(at.timestamp())
    public = key.public_key().public_bytes_raw()
    signature = key.sign(signed_bytes(text, seconds))
    data = key_hash(name, public) + struct.pack(">Q", seconds) + signature
    return f"{NOTE_SIGNATURE}{name} {base64.b64encode(data).decode('ascii')}\n"


def check(note: CheckpointNote, key: WitnessKey, place: str = "cosignature") -> datetime:
    """When the witness cosigned this note; `Invalid` without a good cosignature of that key.

    Of several the earliest counts: a later one does not make the first untrue.
    """
    times = [
        _checked(note, key, data, place)
        for name, hashed, data in note.signatures
        if (name, hashed) == (key.name, key.hash)
    ]
    if not times:
        raise Invalid(place, f"witness {key.name} did not cosign it")
    return min(times)


def _checked(note: CheckpointNote, key: WitnessKey, data: bytes, place: str) -> datetime:
    if len(data) != LINE_BYTES - 4:
        raise Invalid(place, "a cosignature is 8 bytes of time and 64 of signature")
    seconds: int = struct.unpack(">Q", data[:8])[0]
    if not 0 < seconds <= LATEST:
        raise Invalid(place, "the time of a cosignature is no time")
    check_ed25519(key.public, data[8:], signed_bytes(note.text, seconds), place)
    return datetime.fromtimestamp(seconds, UTC)
