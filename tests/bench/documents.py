"""Group `documents`: verifying entries, the whole demonstration batch, its printed record."""

from __future__ import annotations

import statistics
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from audit import verifier
from tests.bench import entries
from tests.support.story import Played, played

ROUNDS = 5


def measure() -> Mapping[str, float]:
    """Entries verified per second, seconds of the demonstration, bytes of its entries."""
    with TemporaryDirectory() as folder, played(Path(folder)) as story:
        return {**entries.measure(), "demo_s": story.seconds, **_bundle(story)}


def _bundle(story: Played) -> Mapping[str, float]:
    trust = verifier.strict_json(story.trust.read_bytes(), "trust.json")
    took = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        report = verifier.verify_bundle(str(story.bundle), trust)
        took.append(time.perf_counter() - began)
    with zipfile.ZipFile(story.bundle) as archive:
        lines = archive.read(verifier.ENTRIES).splitlines()
    assert report["result"] == "VALID", report
    return {
        "verify_entries_per_s_signed": len(lines) / statistics.median(took),
        "demo_entry_bytes": statistics.mean(len(line) for line in lines),
        "demo_entries": len(lines),
    }
