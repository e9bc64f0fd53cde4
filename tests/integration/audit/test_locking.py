"""The lock of a stream is the last thing that a transaction takes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy.orm import Session

from audit import chain, trail
from audit.streams import Stream
from audit.trail import TrailGuard
from core.clock import HeldClock
from core.db import Database
from core.house import House
from tests.integration.audit.conftest import OPERATOR, make_site

BATCH = Stream("batch", "B-1")
PATIENCE_SECONDS = 20


def note(house: House, what: str, then: Callable[[Session], object] = lambda _: None) -> None:
    with house.transaction() as session:
        with trail.act(session, f"note.{what}", stream=BATCH, by=OPERATOR):
            pass
        then(session)


@pytest.fixture
def server(postgres_url: str, clock: HeldClock) -> House:
    make_site(postgres_url)
    return House(
        Database(postgres_url), guards=[TrailGuard(software="batchwright test")], clock=clock
    )


def order_of(house: House) -> list[str]:
    with house.reading() as session:
        return [entry.action for entry in trail.entries(session, BATCH)]


@pytest.mark.urs("URS-AUD-080")
def test_work_inside_an_act_keeps_no_other_writer_of_the_record_waiting(server: House) -> None:
    """Pitfall 4: the head of a stream is locked at the commit, not where the act begins."""
    with ThreadPoolExecutor(1) as other:

        def meanwhile(_session: Session) -> None:
            other.submit(note, server, "short").result(PATIENCE_SECONDS)

        note(server, "long", meanwhile)
    assert order_of(server) == ["note.short", "note.long"]
    server.database.close()


def test_with_the_lock_taken_early_the_other_writer_would_wait(server: House) -> None:
    """The control: the same with the lock where the act begins."""
    with ThreadPoolExecutor(1) as other:
        waits = []

        def meanwhile(session: Session) -> None:
            chain._locked(session.connection(), session.info["site_id"], str(BATCH))
            waits.append(other.submit(note, server, "short"))
            assert not waits[0].done()

        note(server, "long", meanwhile)
        waits[0].result(PATIENCE_SECONDS)
    assert order_of(server) == ["note.long", "note.short"]
    server.database.close()
