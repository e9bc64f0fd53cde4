"""How fast entries are verified: bytes, canonical form, sequence and chain, in one process."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping

from audit import verifier

SMALL = 20_000
ROUNDS = 5


def measure() -> Mapping[str, float]:
    """Bytes, canonical form, sequence and chain of entries of about 500 bytes, one process."""
    payloads = _chain(SMALL)
    rates = [SMALL / _verified(payloads) for _ in range(ROUNDS)]
    return {
        "verify_entries_per_s_1proc": statistics.median(rates),
        "verify_entry_bytes": statistics.mean(len(payload) for payload in payloads),
    }


def _verified(payloads: list[bytes]) -> float:
    began, previous = time.perf_counter(), None
    for number, payload in enumerate(payloads, 1):
        place = f"entry {number}"
        verifier.check_entry(payload, rec="batch/B-1", rseq=number, prev=previous, place=place)
        previous = verifier.sha256(payload).hex()
    return time.perf_counter() - began


def _chain(count: int) -> list[bytes]:
    payloads: list[bytes] = []
    previous = None
    for number in range(1, count + 1):
        payloads.append(verifier.canonical_bytes(_entry(number, previous)))
        previous = verifier.sha256(payloads[-1]).hex()
    return payloads


def _entry(number: int, previous: str | None) -> dict[str, object]:
    moment = "2026-03-02T06:00:00.000000+01:00"
    actor = {"kind": "person", "id": "P-101", "name": "Anna Kern", "role": "OP", "terminal": "T1"}
    return {
        "v": 1,
        "site": 1,
        "rec": "batch/B-1",
        "rseq": number,
        "prev": previous,
        "at": moment,
        "tz": "Europe/Berlin",
        "real_at": moment,
        "actor": actor,
        "action": "step.performed",
        "object": "PROC/G010#1",
        "reason": None,
        "changes": [],
        "facts": {"mass": "10.00"},
        "journal": [],
        "signed": [],
        "software": {"name": "batchwright", "configuration": "1"},
        "request": f"r-{number}",
    }
