"""Group `equipment`: the historian as the gateway fills it and as steps and charts read it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from hardware.historian import Historian, Sampled, Session

START = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)
TAGS = tuple(f"UNIT{number}.TI{number}" for number in range(82))
SECONDS = 3600
EVERY = 10
ROUNDS = 50
SESSION = Session(
    name="bench", device="D-1", endpoint="none", identity="none", gateway="G-1", driver="none"
)


def measure() -> Mapping[str, float]:
    """Samples stored per second in sweeps of 82 tags; an hour of one tag read back."""
    with TemporaryDirectory() as folder:
        historian = Historian(Path(folder) / "historian.db")
        historian.create()
        session = historian.open_session(SESSION)
        took = [_sweep(historian, session, second) for second in range(0, SECONDS, EVERY)]
        read = [_read(historian, tag) for tag in TAGS[:ROUNDS]]
        historian.close()
    return {
        "historian_sweep_ms": statistics.median(took),
        "historian_samples_per_s": 1000 * len(TAGS) / statistics.median(took),
        "historian_read_ms": statistics.median(read),
    }


def _sweep(historian: Historian, session: int, second: int) -> float:
    at = START + timedelta(seconds=second)
    samples = [_sample(tag, at, session, second) for tag in TAGS]
    began = time.perf_counter()
    historian.store(samples, samples)
    return (time.perf_counter() - began) * 1000


def _read(historian: Historian, tag: str) -> float:
    began = time.perf_counter()
    points = historian.points(tag, START, START + timedelta(seconds=SECONDS))
    took = (time.perf_counter() - began) * 1000
    assert len(points) == SECONDS // EVERY, f"{tag}: {len(points)} points"
    return took


def _sample(tag: str, at: datetime, session: int, second: int) -> Sampled:
    return Sampled(
        tag=tag,
        at=at,
        value=f"{20 + second % 400 / 10:.1f}",
        raw=f"{200 + second % 400}",
        status=0,
        status_name="Good",
        reasons=(),
        source_at=at,
        server_at=at,
        received_at=at,
        map_version=1,
        session=session,
    )
