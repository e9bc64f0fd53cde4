"""Canonical bytes of what is sealed: a restricted profile of RFC 8785 (notes in the reference).

The stored bytes are what is hashed, chained, signed and exported; canonical form is a second
check, never the root of trust. Values of rows enter as text that keeps them exactly: decimals as
written, moments in ISO 8601 with offset, bytes in base64.
"""

from __future__ import annotations

import base64
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from audit import verifier
from core.errors import Invalid


class NotCanonical(Invalid):
    """A value cannot be sealed: a float, an integer beyond 2**53, a key or text out of form."""

    rule = "audit.not_canonical"
    http_status = 422


def encode(value: Any) -> bytes:
    """Canonical bytes of a value of the profile; `NotCanonical` outside it."""
    try:
        return verifier.canonical_bytes(value)
    except verifier.Invalid as error:
        raise NotCanonical(
            str(error), resolver="who entered it; decimals are given as text"
        ) from None


def digest(value: Any) -> str:
    """Hex SHA-256 of the canonical bytes."""
    return verifier.sha256(encode(value)).hex()


def text(value: str) -> str:
    """Text as it is sealed: Unicode normal form C. For the doors where text comes in."""
    return unicodedata.normalize("NFC", value)


def plain(value: Any) -> Any:
    """A value of the profile from a Python value: decimals, moments, ids and enums become text.

    Mappings and sequences are followed. Floats and unknown types raise `NotCanonical`.
    """
    kind = type(value)
    if value is None or kind is str or kind is int or kind is bool:
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    return _as_text(value)


def _as_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, datetime):
        return moment_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes_text(value)
    if isinstance(value, str):
        return str(value)
    raise NotCanonical(
        f"a {type(value).__name__} cannot be sealed", resolver="the developer of this act"
    )


def decimal_text(value: Decimal | int) -> str:
    """All digits as given and no exponent: ``125.00`` stays ``125.00``."""
    return format(Decimal(value), "f")


def moment_text(value: datetime) -> str:
    """ISO 8601 in UTC with offset, always to the microsecond; naive times raise ValueError."""
    if value.tzinfo is None:
        raise ValueError("a time without zone is not accepted")
    return value.astimezone(UTC).isoformat(timespec="microseconds")


def bytes_text(value: bytes | bytearray | memoryview) -> str:
    """Standard base64 with padding."""
    return base64.b64encode(value).decode("ascii")
