"""The two digests of a definition, both approved together by signature.

`file_digest` is over the stored bytes; `content_digest` over the canonical typed model, so that
moving a shape in the drawing leaves it unchanged and any change of content changes it.
"""

from __future__ import annotations

import dataclasses
import hashlib
from decimal import Decimal
from enum import Enum
from typing import Any

from core.types import to_json
from workflows.model import Procedure

PLAIN = (str, int, bool)


def file_digest(data: bytes) -> str:
    """SHA-256 of the stored bytes, lower-case hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def content_digest(procedure: Procedure) -> str:
    """SHA-256 of the canonical JSON of the typed model, lower-case hexadecimal."""
    return hashlib.sha256(to_json(content(procedure)).encode()).hexdigest()


def content(value: Any) -> Any:
    """The typed model as plain data: decimals as text, words by value, empty fields left out.

    Leaving empty fields out keeps the digest of a definition when a later version of the model
    knows a field that this definition does not use.
    """
    if value is None or type(value) in PLAIN:
        return value
    names = _field_names(type(value))
    if names is not None:
        plain = {name: content(getattr(value, name)) for name in names}
        kept = {name: part for name, part in plain.items() if part not in (None, [])}
        return {"is": type(value).__name__, **kept}
    if isinstance(value, tuple):
        return [content(part) for part in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, Decimal):
        return format(value, "f")
    return value


_known: dict[type, tuple[str, ...] | None] = {}


def _field_names(kind: type) -> tuple[str, ...] | None:
    """The fields of a class of the model, None for any other; asked for each of 100,000 values."""
    if kind not in _known:
        fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else None
        _known[kind] = None if fields is None else tuple(field.name for field in fields)
    return _known[kind]
