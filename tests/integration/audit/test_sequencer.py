"""Committed entries enter the site's log in order, and only what is intact gets signed."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from threading import Barrier, Event

import pytest
from sqlalchemy import create_engine, select, text
from sqlalchemy.orm import Session

from audit import checkpoints, keys, log, trail, verifier
from audit.errors import TamperedTrail
from audit.keys import SiteKeys
from audit.models import Checkpoint, Entry, LogLeaf, PendingEntry
from audit.sequencer import oldest_pending_age, sequence_pending
from audit.streams import Stream
from audit.trail import TrailGuard
from core.clock import HeldClock
from core.db import Database
from core.house import House
from tests.integration.audit.conftest import OPERATOR, forget_triggers, make_site

BATCH = Stream("batch", "B-1")


@pytest.fixture
def site_keys(tmp_path: Path) -> SiteKeys:
    return keys.open_or_make(tmp_path / "keys", checkpoints.origin("Werk Süd"))


def note(house: House, stream: Stream = BATCH, *, times: int = 1) -> None:
    with house.transaction() as session:
        for number in range(times):
            with trail.act(session, "batch.noted", stream=stream, by=OPERATOR, facts={"n": number}):
                pass


def test_waiting_entries_enter_the_log_under_a_signed_checkpoint(
    house: House, site_keys: SiteKeys
) -> None:
    note(house, times=3)
    note(house, Stream("lot", "L-1"), times=2)
    assert sequence_pending(house, site_keys) == 5
    assert sequence_pending(house, site_keys) == 0
    with house.reading() as session:
        leaves = session.scalars(select(LogLeaf).order_by(LogLeaf.idx)).all()
        newest = checkpoints.latest(session)
        tree = log.StoredTree(session)
        assert [leaf.idx for leaf in leaves] == list(range(5))
        assert newest is not None
        signed = checkpoints.check(newest, site_keys.log_keys())
        assert (signed.size, signed.root) == (5, log.root(tree.read, 5))
        for leaf in leaves:
            proof = log.inclusion_proof(tree.read, leaf.idx, 5)
            verifier.check_inclusion(leaf.leaf, leaf.idx, 5, proof, signed.root)
        assert session.scalars(select(PendingEntry)).all() == []


@pytest.mark.parametrize("batch", [1, 2, 500])
def test_a_record_keeps_its_order_in_the_log_whatever_the_batch(
    house: House, site_keys: SiteKeys, batch: int
) -> None:
    note(house, times=4)
    note(house, Stream("lot", "L-1"), times=3)
    note(house, times=2)
    assert sequence_pending(house, site_keys, batch=batch) == 9
    with house.reading() as session:
        order = session.execute(
            select(Entry.rec, Entry.rseq)
            .join(LogLeaf, LogLeaf.entry_id == Entry.id)
            .order_by(LogLeaf.idx)
        ).all()
        sizes = session.scalars(select(Checkpoint.size).order_by(Checkpoint.size)).all()
        tree = log.StoredTree(session)
        roots = [log.root(tree.read, size) for size in sizes]
        for smaller, larger in zip(range(len(sizes)), range(1, len(sizes)), strict=False):
            verifier.check_consistency(
                sizes[smaller], sizes[larger], roots[smaller], roots[larger],
                log.consistency_proof(tree.read, sizes[smaller], sizes[larger]),
            )  # fmt: skip
    assert [rseq for rec, rseq in order if rec == "batch/B-1"] == [1, 2, 3, 4, 5, 6]
    assert [rseq for rec, rseq in order if rec == "lot/L-1"] == [1, 2, 3]


def test_the_age_of_the_oldest_waiting_entry_is_known(
    house: House, site_keys: SiteKeys, clock: HeldClock
) -> None:
    note(house)
    clock.move(timedelta(seconds=7))
    note(house)
    with house.reading() as session:
        assert oldest_pending_age(session) == timedelta(seconds=7)
    sequence_pending(house, site_keys)
    with house.reading() as session:
        assert oldest_pending_age(session) is None


@pytest.mark.urs("URS-AUD-060")
@pytest.mark.parametrize(
    ("attack", "says"),
    [
        ("UPDATE entry SET payload = :forged WHERE rseq = 2", "entry 2 of batch/B-1"),
        ("UPDATE entry SET leaf = :forged WHERE rseq = 3", "entry 3 of batch/B-1"),
        ("UPDATE entry SET rseq = 9 WHERE rseq = 2", "entry 9 of batch/B-1"),
        ("DELETE FROM entry WHERE rseq = 2", "gone"),
        ("DELETE FROM pending_entry WHERE rseq = 1", "entry before entry 2"),
    ],
)
def test_what_was_changed_before_it_was_logged_is_not_signed(
    house: House, site_keys: SiteKeys, database_url: str, attack: str, says: str
) -> None:
    """Pitfall 6: committed bytes are read again before a checkpoint is signed over them."""
    note(house, times=3)
    forget_triggers(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        forged = {"forged": b'{"forged":true}'} if ":forged" in attack else {}
        connection.execute(text(attack), forged)
    engine.dispose()
    with pytest.raises(TamperedTrail, match=says):
        sequence_pending(house, site_keys)
    with house.reading() as session:
        assert checkpoints.latest(session) is None


@pytest.mark.urs("URS-AUD-060")
@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE log_leaf SET leaf = :other WHERE idx = 2",
        "DELETE FROM log_leaf WHERE idx = 2",
        "UPDATE log_node SET hash = :other",
        "UPDATE checkpoint SET root = :other",
        "DELETE FROM checkpoint",
    ],
)
def test_nothing_is_signed_on_top_of_a_changed_log(
    house: House, site_keys: SiteKeys, database_url: str, attack: str
) -> None:
    note(house, times=3)
    sequence_pending(house, site_keys)
    forget_triggers(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text(attack), {"other": bytes(32)} if ":other" in attack else {})
    engine.dispose()
    note(house)
    with pytest.raises(TamperedTrail):
        sequence_pending(house, site_keys)


def test_writers_of_one_new_record_and_two_sequencers_do_not_disturb_each_other(
    house: House, site_keys: SiteKeys
) -> None:
    together = Barrier(4)

    def work(job: Callable[[], object]) -> None:
        together.wait()
        for _ in range(5):
            job()

    write, sequence = partial(note, house, times=2), partial(sequence_pending, house, site_keys)
    with ThreadPoolExecutor(4) as threads:
        for done in [threads.submit(work, job) for job in (write, write, sequence, sequence)]:
            done.result()
    sequence_pending(house, site_keys)
    with house.reading() as session:
        assert log.size_of(session) == 20
        assert [entry.rseq for entry in trail.entries(session, BATCH)] == list(range(1, 21))


@pytest.mark.urs("URS-AUD-060")
def test_an_entry_that_commits_late_behind_a_higher_id_is_not_lost(
    postgres_url: str, clock: HeldClock, site_keys: SiteKeys
) -> None:
    """Pitfall 3: "ids above the last one" would pass over it; the waiting list does not."""
    make_site(postgres_url)
    database = Database(postgres_url)
    slow = _SlowCommit()
    house = House(database, guards=[TrailGuard(software="batchwright test"), slow], clock=clock)
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(slow.note, house)
        assert slow.reached.wait(20)
        note(house, Stream("lot", "L-1"))
        assert sequence_pending(house, site_keys) == 1
        slow.go_on.set()
        late.result()
    assert sequence_pending(house, site_keys) == 1
    with house.reading() as session:
        logged = session.scalars(
            select(Entry).join(LogLeaf, LogLeaf.entry_id == Entry.id).order_by(LogLeaf.idx)
        ).all()
        assert [entry.rec for entry in logged] == ["lot/L-1", "batch/B-1"]
        assert logged[0].id > logged[1].id, "the later one in the log has the lower id"
    database.close()


class _SlowCommit:
    """Holds one commit back when its entries are written already."""

    def __init__(self) -> None:
        self.reached, self.go_on = Event(), Event()

    def begin(self, session: Session) -> None:
        pass

    def before_commit(self, session: Session) -> None:
        if session.info.get("slow"):
            self.reached.set()
            self.go_on.wait(20)

    def note(self, house: House) -> None:
        with house.transaction() as session:
            session.info["slow"] = True
            with trail.act(session, "batch.noted", stream=BATCH, by=OPERATOR):
                pass
