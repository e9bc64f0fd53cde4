"""The headless batch, played once, and how tests ask what it left."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from app.bootstrap import compose
from app.demo import closing, running
from app.demo.closing import Outcome
from app.demo.stage import Stage
from core.house import House
from core.settings import Settings
from ebr import queries
from ebr.models import ParameterValue, StepRecord
from tests.support.places import owner_url, site_url

PATIENCE_SECONDS = 900
"""How long a test may wait for the headless batch."""

RECORD = "batch/B-2045"
NUMBER = "B-2045"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """The site after the story, with cell and gateway stopped; nothing may be written to it."""

    house: House
    settings: Settings
    outcome: Outcome
    refusals: tuple[str, ...]
    said: tuple[str, ...]
    seconds: float

    @property
    def bundle(self) -> Path:
        """The evidence bundle that the story wrote."""
        return next((self.settings.home / "out").glob("*.zip"))

    @property
    def trust(self) -> Path:
        """The keys of the site, for who verifies the bundle."""
        return self.settings.home / "out" / "trust.json"

    def steps(self, key: str) -> list[StepRecord]:
        """All occurrences of a step, oldest first."""
        with self.house.reading() as session:
            return queries.steps_of_key(session, queries.run_of(session, RECORD), key)

    def values(self, key: str, code: str, occurrence: int = -1) -> list[ParameterValue]:
        """The values in force of a parameter, of the latest occurrence unless told."""
        step = self.steps(key)[occurrence]
        with self.house.reading() as session:
            return queries.current_values(session, step).get(code, [])

    def number(self, key: str, code: str, occurrence: int = -1) -> Decimal:
        """The one number in force of a parameter."""
        (value,) = self.values(key, code, occurrence)
        assert value.number is not None
        return value.number

    def text(self, key: str, code: str, occurrence: int = -1) -> str:
        """The one value in force, as it is printed."""
        (value,) = self.values(key, code, occurrence)
        return value.text or ""

    def lasted(self, key: str, occurrence: int = -1) -> timedelta:
        """Site time from the start of a step to its performance."""
        step = self.steps(key)[occurrence]
        assert step.started_at is not None
        assert step.performed_at is not None
        return step.performed_at - step.started_at

    def ask(self, query: Any, *arguments: Any, **more: Any) -> Any:
        """Run a query in a reading session."""
        with self.house.reading() as session:
            return query(session, *arguments, **more)


PLAYED = pytest.StashKey[Played]()


def _play(settings: Settings, said: list[str]) -> tuple[Stage, Outcome]:
    with ExitStack() as ending:
        stage = running.open_stage(settings, ending, said.append)
        running.play(stage)
        return stage, closing.close(stage)


def _placed(settings: Settings) -> Settings:
    """The same site in the database that the run was asked for."""
    url = site_url(settings.home / "site.db")
    return replace(settings, database_url=url, owner_url=owner_url(url))


@contextmanager
def played(folder: Path) -> Iterator[Played]:
    """Play the whole story below `folder` and open the site that it leaves."""
    said: list[str] = []
    started = time.monotonic()
    settings = _placed(running.settings_below(folder))
    # A browser test leaves an event loop running in its thread, where no PDF can be sealed.
    with ThreadPoolExecutor(1) as apart:
        stage, outcome = apart.submit(_play, settings, said).result()
    seconds = time.monotonic() - started
    house = compose(settings)
    try:
        yield Played(
            house=house,
            settings=settings,
            outcome=outcome,
            refusals=tuple(stage.refusals),
            said=tuple(said),
            seconds=seconds,
        )
    finally:
        house.database.close()


@pytest.fixture(scope="session")
def story(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> Played:
    """The site after B-2045 was made, reviewed, released and exported.

    Several folders of tests import this fixture; the batch is played once for all of them.
    """
    if PLAYED not in pytestconfig.stash:
        ending = ExitStack()
        pytestconfig.add_cleanup(ending.close)
        pytestconfig.stash[PLAYED] = ending.enter_context(played(tmp_path_factory.mktemp("story")))
    return pytestconfig.stash[PLAYED]


def keep_together(items: list[pytest.Item]) -> None:
    """Whoever needs the story runs beside it in one process, and has the patience for it.

    Tests in a browser make a second group: in the process of a browser no other loop of events
    can run, and it stays open to the end, so they come last (``--no-loadscope-reorder``).
    """
    for item in items:
        names = getattr(item, "fixturenames", ())
        if "story" in names:
            group = "story on screen" if "page" in names else "story"
            item.add_marker(pytest.mark.xdist_group(group))
            if not item.get_closest_marker("timeout"):
                item.add_marker(pytest.mark.timeout(PATIENCE_SECONDS))
