"""How long records become PDF: seconds for 300 and 2,000 pages, and the memory that it takes.

The record is made up (a view with as many steps as fill the pages), so that nothing but layout and
joining is measured. Memory is the proportional set size of this process and all that it starts,
sampled while the pages are made.
"""

from __future__ import annotations

import dataclasses
import gc
import os
import threading
import time
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf

from app.bootstrap import FONTS_FOLDER
from documents.fonts import load_fonts
from ebr.printables import Edition
from ebr.report import printing
from ebr.report.model import RecordView, TrailLine
from ebr.report.stepmodel import LevelView, StepView, ValueView

AT = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
STEPS_ON_TEN_PAGES = 17
PLAIN: Mapping[Any, Any] = {
    str: "made up",
    int: 1,
    bool: False,
    datetime: AT,
    Decimal: Decimal("1.0"),
    type(None): None,
}
PAGES = (300, 2000)
SAMPLE_SECONDS = 0.25
MIB = 1024


def measure() -> Mapping[str, float]:
    """``pdf_300_pages_s``, ``pdf_2000_pages_s`` and ``pdf_2000_pages_peak_mib``."""
    told: dict[str, float] = {}
    for pages in PAGES:
        gc.collect()
        with _Watch() as watch:
            began = time.perf_counter()
            pdf = long_pdf(pages)
            took = time.perf_counter() - began
        with pikepdf.open(BytesIO(pdf)) as file:
            made = len(file.pages)
        # The record is cut to about so many pages: the figure is for exactly as many.
        told[f"pdf_{pages}_pages_s"] = took * pages / made
        told[f"pdf_{pages}_pages_peak_mib"] = watch.peak_kib / MIB
    del told["pdf_300_pages_peak_mib"]
    return told


def long_pdf(pages: int) -> bytes:
    """The unsealed PDF of a record of about so many pages."""
    record = long_record(pages)
    edition = Edition(at=AT, by="Bench", software="bench", content_digest="0" * 64)
    return printing.render(record, [], {}, edition=edition, fonts=load_fonts(FONTS_FOLDER))


def long_record(pages: int) -> RecordView:
    """A made-up record that fills about so many pages with steps of six values and a trail."""
    blank: RecordView = _filled(RecordView)
    count = max(1, pages * STEPS_ON_TEN_PAGES // 10)
    return replace(
        blank,
        record="batch/B-1",
        number="B-1",
        messages=(),
        header=replace(blank.header, zone="Europe/Vienna"),
        levels=(replace(_filled(LevelView), items=tuple(_step(n) for n in range(count))),),
        trail=tuple(replace(_filled(TrailLine), entry=n) for n in range(1, 4 * count + 1)),
    )


def _step(number: int) -> StepView:
    value = replace(_filled(ValueView), former=(), verdict="within", grade="measured")
    blank: StepView = _filled(StepView)
    return replace(
        blank,
        key=f"S{number}",
        path=f"S{number}",
        state="complete",
        values=tuple(replace(value, code=f"V{n}", label=f"Value {n}") for n in range(6)),
        attachments=(),
    )


def _filled(kind: Any) -> Any:
    """A made-up value of a type: every field of a view is there, every list holds one item."""
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        fields = {each.name: _filled(hints[each.name]) for each in dataclasses.fields(kind)}
        return kind(**fields)  # type: ignore[operator]
    parts = typing.get_args(kind)
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        # A level holds steps here, not levels without end.
        return _filled(next(p for p in parts if p is not LevelView))
    if parts:
        return () if parts[0] is LevelView else (_filled(parts[0]),)
    return PLAIN[kind]


class _Watch:
    """Samples the memory of this process and its children while the block runs."""

    def __init__(self) -> None:
        self.peak_kib = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> _Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._done.wait(SAMPLE_SECONDS):
            self.peak_kib = max(self.peak_kib, sum(map(_pss, _family(os.getpid()))))


def _family(process: int) -> Iterator[int]:
    """A process and all that it started."""
    yield process
    for tasks in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in tasks.read_text().split():
                yield from _family(int(child))


def _pss(process: int) -> int:
    """The proportional set size in KiB; nothing for a process that has ended."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)
