"""Group `documents`: verifying entries, the whole demonstration batch, its printed record."""

from __future__ import annotations

import io
import statistics
import time
import zipfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pikepdf

from audit import verifier
from core.actors import Actor
from core.house import House
from documents import sealing
from documents.fonts import load_fonts
from ebr import issuing, printables, record
from ebr.report.recordkind import RecordKind
from tests.bench import entries
from tests.support.story import NUMBER, Played, played

ROUNDS = 5
PRINTS = 2
BY = Actor.service("bench", trigger="a measurement")


def measure() -> Mapping[str, float]:
    """Entries verified and pages laid out per second, seconds of the demonstration."""
    with TemporaryDirectory() as folder, played(Path(folder)) as story:
        return {
            **entries.measure(),
            "demo_s": story.seconds,
            **_bundle(story),
            **_printed(story),
        }


def _printed(story: Played) -> Mapping[str, float]:
    """The whole batch record as PDF: read, laid out and sealed, as when it is issued."""
    took = []
    for _ in range(PRINTS):
        began = time.perf_counter()
        pdf = _pdf(story.house)
        took.append(time.perf_counter() - began)
    with pikepdf.open(io.BytesIO(pdf)) as file:
        pages = len(file.pages)
    seconds = statistics.median(took)
    return {"pdf_pages": pages, "pdf_pages_per_s": pages / seconds, "pdf_s": seconds}


def _pdf(house: House) -> bytes:
    kind = RecordKind()
    with house.reading() as session:
        draft = kind.draft(session, {"record": NUMBER})
        edition = printables.edition_of(session, draft, record.digest(draft.data), BY)
    fonts = load_fonts(house.services[issuing.FONTS])
    attached = printables.attachments_of(draft, edition)
    pdf = kind.render(draft, edition, fonts=fonts, attachments=attached)
    return sealing.seal_pdf(pdf, key=house.services[issuing.SEAL_KEY], at=house.clock.now())


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
