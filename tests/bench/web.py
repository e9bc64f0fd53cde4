"""Group `web`: what the server takes for the pages that are opened most.

Each page is asked for again and again through the application itself, signed in as the person who
uses it, on a site whose batch was played to its release. No network and no browser is in it.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask

from app import demosite
from app.demo.running import TERMINAL
from tests.support.story import NUMBER, Played, played
from tests.support.web import Visitor
from web.application import create_app

ROUNDS = 15
PAGES = {
    "work": ("P-101", "/work"),
    "batches": ("P-105", "/batches"),
    "release": ("P-107", f"/release/{NUMBER}"),
    "record": ("P-107", f"/batches/{NUMBER}/record"),
    "values": ("P-107", f"/batches/{NUMBER}/record/values"),
    "trends": ("P-107", f"/batches/{NUMBER}/record/trends"),
    "review": ("P-107", f"/reviews/{NUMBER}"),
    "equipment": ("P-110", "/equipment"),
    "live": ("P-101", "/live"),
}
"""Who opens which page."""


def measure() -> Mapping[str, float]:
    """Median milliseconds of each page."""
    with TemporaryDirectory() as folder, played(Path(folder)) as story:
        return pages(story)


def pages(story: Played) -> Mapping[str, float]:
    """The pages of a played site, all of them in turns."""
    app = create_app(story.house, story.settings)
    visitors = {badge: _signed_in(app, story, badge) for badge, _ in PAGES.values()}
    took: dict[str, list[float]] = {name: [] for name in PAGES}
    for _ in range(ROUNDS):
        for name, (badge, path) in PAGES.items():
            took[name].append(_opened(visitors[badge], path))
    return {f"page_ms_{name}": statistics.median(found) for name, found in took.items()}


def _signed_in(app: Flask, story: Played, badge: str) -> Visitor:
    visitor = Visitor(app)
    cards = demosite.read_cards(story.house, story.settings.home, TERMINAL)
    answer = visitor.login(badge, cards[badge].passphrase)
    assert answer.status_code == 303, f"{badge} is not let in: {answer.status_code}"
    return visitor


def _opened(visitor: Visitor, path: str) -> float:
    began = time.perf_counter()
    answer = visitor.get(path)
    took = (time.perf_counter() - began) * 1000
    assert answer.status_code == 200, f"{path}: {answer.status_code}"
    return took
