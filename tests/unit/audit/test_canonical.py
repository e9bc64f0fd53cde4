"""What is sealed has one spelling, equal to RFC 8785, and keeps values exactly."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from audit import canonical, verifier
from audit.canonical import NotCanonical

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(canonical.text)
KEYS = st.from_regex(r"[a-z0-9_.\-]{1,8}", fullmatch=True)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@given(PLAIN)
def test_on_the_profile_the_bytes_are_those_of_rfc_8785(value: Any) -> None:
    assert canonical.encode(value) == rfc8785.dumps(value)
    assert verifier.parse_canonical(canonical.encode(value), "value") == value


@pytest.mark.parametrize(
    "value",
    [1.0, {"a": [0.1]}, 2**53, -(2**53), {"Upper": 1}, {"blank key": 1}, {"": 1}, {1: 1},
     "e\u0301", "\ud800", {"a": b"bytes"}, Decimal("1")],
)  # fmt: skip
def test_what_has_no_single_spelling_is_refused(value: Any) -> None:
    with pytest.raises(NotCanonical) as refused:
        canonical.encode(value)
    assert refused.value.http_status == 422


@pytest.mark.parametrize(
    "data", [b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1}\n', b'{"a":1,"a":1}', b'"\\u0041"', b"1.0"]
)
def test_other_spellings_are_not_read(data: bytes) -> None:
    with pytest.raises(verifier.Invalid):
        verifier.parse_canonical(data, "entry")


def test_values_become_text_that_keeps_them() -> None:
    class Kind(StrEnum):
        BATCH = "batch"

    berlin = timezone(timedelta(hours=2))
    assert canonical.plain(
        {
            "mass": Decimal("125.00"),
            "big": Decimal("1E+3"),
            "at": datetime(2026, 10, 25, 2, 30, tzinfo=berlin),
            "raw": b"\x00\xff",
            "id": UUID(int=7),
            "kind": Kind.BATCH,
            "list": (1, None, True),
        }
    ) == {
        "mass": "125.00",
        "big": "1000",
        "at": "2026-10-25T00:30:00.000000+00:00",
        "raw": "AP8=",
        "id": "00000000-0000-0000-0000-000000000007",
        "kind": "batch",
        "list": [1, None, True],
    }
    with pytest.raises(NotCanonical):
        canonical.plain({"mass": 1.5})
    with pytest.raises(ValueError, match="zone"):
        canonical.plain(datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None))
