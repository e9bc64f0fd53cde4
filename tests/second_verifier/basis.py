"""Canonical bytes, base64 and moments (evidence format, sections 1 and 2)."""

import base64
import hashlib
import json
import re
import unicodedata
from datetime import datetime
from typing import Any, NoReturn

MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?[+-]\d\d:\d\d", re.ASCII)


class Bad(Exception):
    """The first problem: its place and what is wrong there."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place


def sha(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


def need(holds: object, problem: str) -> None:
    """Raise ValueError with the problem unless it holds."""
    if not holds:
        raise ValueError(problem)


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"number {text}")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    need(len({name for name, _ in pairs}) == len(pairs), "a name stands twice")
    return dict(pairs)


def parse(data: bytes) -> Any:
    """JSON without repeated names and fractions; ValueError otherwise."""
    try:
        return json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
    except RecursionError:
        raise ValueError("nested too deep") from None


def spell(value: Any) -> bytes:
    """The one spelling of a value."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


def _profile(value: Any, strict: bool) -> None:
    if type(value) is int:
        need(abs(value) < 2**53, "integer too large")
    elif isinstance(value, str) and strict:
        need(unicodedata.is_normalized("NFC", value), "not in normal form C")
    elif isinstance(value, list):
        for item in value:
            _profile(item, strict)
    elif isinstance(value, dict):
        for name, item in value.items():
            need(not strict or re.fullmatch(r"[a-z0-9_.-]+", name), "member name")
            _profile(item, strict)


def canonical(data: bytes, *, strict: bool = True) -> Any:
    """The value of canonical bytes; `strict` False is 'standard names'. ValueError otherwise."""
    value = parse(data)
    _profile(value, strict)
    need(spell(value) == data, "not canonical")
    return value


def exactly(value: Any, names: str) -> dict[str, Any]:
    """The object, which has exactly these members."""
    need(isinstance(value, dict) and set(value) == set(names.split()), "members")
    return dict(value)


def one(value: Any) -> None:
    """The version is the integer 1."""
    need(type(value) is int and value == 1, "version")


def whole(value: Any) -> int:
    """An integer that is no truth value."""
    need(type(value) is int, "not an integer")
    return int(value)


def text(value: Any) -> str:
    """A string."""
    need(isinstance(value, str), "not a text")
    return str(value)


def items(value: Any) -> list[Any]:
    """A list."""
    need(isinstance(value, list), "not a list")
    return list(value)


def unbase64(value: Any) -> bytes:
    """Bytes of base64 in its only spelling."""
    data = base64.b64decode(text(value).encode("ascii"), validate=True)
    need(base64.b64encode(data).decode() == value, "base64 in another spelling")
    return data


def moment(value: Any) -> datetime:
    """A moment of section 2."""
    need(MOMENT.fullmatch(text(value)), "not a moment")
    return datetime.fromisoformat(value)


def digest(value: Any) -> str:
    """Hex of 32 bytes."""
    need(re.fullmatch(r"[0-9a-f]{64}", text(value)), "not a digest")
    return str(value)
