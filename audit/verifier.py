#!/usr/bin/env python3
"""Verify an exported Batchwright record without Batchwright: one file, standard library only.

    python3 -I verify.py BUNDLE.zip [--trust trust.json] [--json]

Exit code 0: VALID. 1: INVALID, and the place is named. 2: it could not be started that way.
Runs on Python 3.9 and newer; with the package ``cryptography`` installed it is faster, never
different. What it checks and how each file looks: docs/reference/evidence-format.md.
"""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from typing import Any

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
