"""Identifiers: UUID version 7 (RFC 9562), so that keys of rows grow with time."""

from __future__ import annotations

import os
import time
from threading import Lock
from uuid import UUID

_lock = Lock()
_latest = 0


def new_id() -> UUID:
    """A new UUIDv7: 48 bits of Unix milliseconds, 74 random bits.

    Those of one process ascend, so that the rows of one transaction stand in the order in which
    they were added; between processes no order is ever read from it.
    """
    global _latest
    milliseconds = time.time_ns() // 1_000_000
    random = int.from_bytes(os.urandom(10), "big")
    wanted = _marked((milliseconds & (1 << 48) - 1) << 80 | random)
    with _lock:
        # Within one millisecond (or when the clock went back) the random part goes up by a random
        # amount, so that forked processes do not meet; a carry out of its 62 bits is out of reach.
        _latest = wanted if wanted > _latest else _marked(_latest + 1 + random % (1 << 40))
        return UUID(int=_latest)


def _marked(value: int) -> int:
    value = value & ~(0xF << 76) | 0x7 << 76
    return value & ~(0x3 << 62) | 0x2 << 62
