"""A part of the demonstration history, made once, and how tests ask what it left."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from app.bootstrap import compose
from app.clock import site_now
from app.history import batches, keeping, running
from core.clock import SystemClock
from core.house import House
from core.settings import Settings
from core.sites import SiteMode
from ebr import queries
from ebr.models import ExceptionCase
from personnel.crypto import LIGHT, Vault
from tests.support.places import owner_url, site_url


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A site with a part of its history; nothing may be written to it."""

    house: House
    settings: Settings
    s: datetime
    ended: datetime

    def ask(self, query: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Run a query in a reading session."""
        with self.house.reading() as session:
            return query(session, *arguments, **more)

    def exceptions(self, number: str) -> list[ExceptionCase]:
        """The exceptions of a batch, in order."""
        with self.house.reading() as session:
            return queries.exceptions(session, queries.run_of(session, number))

    def lasted(self, number: str, key: str) -> timedelta:
        """Site time from the start of a step to its performance."""
        with self.house.reading() as session:
            run = queries.run_of(session, number)
            step = queries.steps_of_key(session, run, key)[-1]
            assert step.started_at is not None
            assert step.performed_at is not None
            return step.performed_at - step.started_at

    def text(self, number: str, key: str, code: str, occurrence: int = -1) -> str:
        """The one value in force of a parameter, as it is printed."""
        with self.house.reading() as session:
            run = queries.run_of(session, number)
            step = queries.steps_of_key(session, run, key)[occurrence]
            (value,) = queries.current_values(session, step)[code]
            return value.text or ""


def settings_of(home: Path) -> Settings:
    """Settings of a site in a folder."""
    url = site_url(home / "site.db")
    return Settings(home=home, database_url=url, owner_url=owner_url(url), log_level="WARNING")


def light_vault(settings: Settings) -> Vault:
    """Signatures at the cost of tests."""
    pepper = (settings.keys / "pepper").read_bytes()
    return Vault(pepper, SiteMode.DEMONSTRATION, cost=LIGHT, for_tests=True)


@contextmanager
def made(folder: Path, numbers: Sequence[int], *, first_state: bool = False) -> Iterator[Past]:
    """Make these past batches (and the state at S) below `folder`, and open the site."""
    settings = settings_of(folder / "site")
    s = SystemClock().now()
    ended = running.make(
        settings,
        s,
        past=[batches.past(number) for number in numbers],
        first_state=first_state,
        vault_of=light_vault,
        say=lambda _: None,
    )
    house = compose(settings, vault=light_vault(settings))
    try:
        yield Past(house=house, settings=settings, s=s, ended=ended)
    finally:
        house.database.close()


@contextmanager
def whole(folder: Path) -> Iterator[Past]:
    """The whole history in a copy of its own below `folder`; made first where none is kept."""
    settings = settings_of(folder / "site")
    keeping.make_or_copy(settings, keeping.CODE / keeping.KEPT, say=lambda _: None)
    manifest = json.loads((settings.home / keeping.MANIFEST).read_text())
    house = compose(settings)
    try:
        s = datetime.fromisoformat(manifest["s"])
        yield Past(house=house, settings=settings, s=s, ended=site_now(house))
    finally:
        house.database.close()
