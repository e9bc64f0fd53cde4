"""The JSON Schema of a record's JSON, made from the view itself so that it cannot fall behind."""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from datetime import datetime
from decimal import Decimal
from typing import Any

from ebr.report.model import RecordView

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PLAIN: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    type(None): {"type": "null"},
    Decimal: {"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"},
    datetime: {"type": "string", "format": "date-time"},
}


def text() -> bytes:
    """The schema as bytes, the same each time."""
    return json.dumps(schema(), indent=1, sort_keys=True).encode() + b"\n"


def schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of `ebr.record.to_json`."""
    definitions: dict[str, Any] = {}
    _object(RecordView, definitions)
    return {
        "$schema": DIALECT,
        "title": "Batchwright record",
        "$ref": "#/$defs/RecordView",
        "$defs": definitions,
    }


def _object(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    name = kind.__name__
    if name not in definitions:
        definitions[name] = {}
        hints = typing.get_type_hints(kind)
        fields = [field.name for field in dataclasses.fields(kind)]
        definitions[name] = {
            "type": "object",
            "description": (kind.__doc__ or "").partition("\n")[0],
            "additionalProperties": False,
            "required": fields,
            "properties": {field: _of(hints[field], definitions) for field in fields},
        }
    return {"$ref": f"#/$defs/{name}"}


def _of(kind: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    if kind in PLAIN:
        return PLAIN[kind]
    if dataclasses.is_dataclass(kind):
        return _object(kind, definitions)
    parts = typing.get_args(kind)
    if typing.get_origin(kind) is types.UnionType or typing.get_origin(kind) is typing.Union:
        return {"anyOf": [_of(part, definitions) for part in parts]}
    if parts[-1] is Ellipsis:
        return {"type": "array", "items": _of(parts[0], definitions)}
    raise TypeError(f"{kind} has no form in the schema")
