"""Whatever is changed behind the application is found and named: row, entry, log or signature."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, select, text

from audit import checkpoints, keys, trail
from audit.changes import Shape, shape_of
from audit.errors import TamperedTrail
from audit.keys import KeyBook, SiteKeys
from audit.models import Signature
from audit.report import Report
from audit.rowcheck import audited_shapes
from audit.sequencer import sequence_pending
from audit.streams import SITE, Stream
from audit.verifying import verify_record, verify_site
from core import appendonly
from core.house import House
from core.sites import the_site
from tests.integration.audit.conftest import OPERATOR, forget_triggers
from tests.integration.audit.people import BATCH, person_key, signed_record
from tests.integration.audit.sample import Kettle, SampleBase, Weight

LOT = Stream("lot", "L-1")


@pytest.fixture
def site_keys(tmp_path: Path) -> SiteKeys:
    return keys.open_or_make(tmp_path / "keys", checkpoints.origin("Werk Süd"))


@pytest.fixture
def book(site_keys: SiteKeys) -> KeyBook:
    return KeyBook.of(site_keys, [person_key("P-101"), person_key("P-102")])


def shapes() -> list[Shape]:
    samples = [shape_of(mapper) for mapper in SampleBase.registry.mappers]
    return audited_shapes() + [shape for shape in samples if shape is not None]


def site_report(house: House, book: KeyBook, **more: Any) -> Report:
    with house.reading() as session:
        return verify_site(session, book, shapes=shapes(), **more)


def record_report(house: House, book: KeyBook, stream: Stream = BATCH) -> Report:
    with house.reading() as session:
        return verify_record(session, stream, book, shapes=shapes())


def problems(report: Report) -> str:
    return " | ".join(str(problem) for problem in report.problems)


@pytest.fixture
def kept(house: House, site_keys: SiteKeys) -> House:
    """A site with its own entry, a signed batch, a kettle, a weight, and a lot; all logged."""
    with (
        house.transaction() as session,
        trail.act(session, "site.made", stream=SITE, by=OPERATOR) as act,
    ):
        act.attest(the_site(session))
    signed_record(house)
    with (
        house.transaction() as session,
        trail.act(session, "kettle.made", stream=BATCH, by=OPERATOR),
    ):
        session.add(Kettle(name="K-1", volume=Decimal("10.0"), lock_code="4711"))
        session.add(Weight(kettle="K-1", value=Decimal("1.50"), limits={"2": "a", "10": "b"}))
    with (
        house.transaction() as session,
        trail.act(session, "lot.used", stream=LOT, by=OPERATOR),
    ):
        session.scalars(select(Kettle)).one().state = "DIRTY"
    sequence_pending(house, site_keys)
    return house


def attack(url: str, statement: str, **values: Any) -> None:
    """Raw SQL of somebody who owns the database and has taken the guards away."""
    forget_triggers(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        done = connection.execute(text(statement), values)
        assert done.rowcount > 0, "the attack changed nothing"
    with engine.begin() as connection:
        appendonly.install(connection)
    engine.dispose()


@pytest.mark.urs("URS-REC-110")
def test_an_untouched_site_holds(kept: House, book: KeyBook) -> None:
    report = site_report(kept, book)
    assert problems(report) == ""
    assert (report.streams, report.entries, report.logged) == (3, 9, 9)
    assert (report.signatures, report.rows, report.waiting) == (4, 7, 0)
    assert report.checkpoint is not None
    assert report.checkpoint.startswith("batchwright/werk-sud 9 ")
    assert report.ok
    assert report.lines()[-1] == "everything holds"
    report.require()


def test_an_untouched_record_holds(kept: House, book: KeyBook) -> None:
    report = record_report(kept, book)
    assert problems(report) == ""
    assert (report.entries, report.signatures, report.logged) == (7, 4, 7)
    assert "1 rows that changed since under another record" in report.not_checked


def test_entries_that_wait_for_the_log_are_counted_not_accused(kept: House, book: KeyBook) -> None:
    with (
        kept.transaction() as session,
        trail.act(session, "batch.noted", stream=BATCH, by=OPERATOR),
    ):
        pass
    report = site_report(kept, book)
    assert (problems(report), report.waiting) == ("", 1)
    assert record_report(kept, book).waiting == 1


@pytest.mark.urs("URS-REC-110", "URS-SEC-070")
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE sample_kettle SET state = 'CLEAN'",
         "state is 'CLEAN', but entry 1 of lot/L-1 says 'DIRTY'"),
        ("UPDATE sample_kettle SET volume = '10'", "says '10.0'"),
        ("UPDATE sample_kettle SET lock_code = NULL", "lock_code is None"),
        ("UPDATE sample_weight SET value = '1.05'", "entry 7 of batch/B-1 says '1.50'"),
        ("UPDATE sample_weight SET value = 'much'", "a value cannot be read"),
        ("UPDATE sample_weight SET limits = '{\"2\":\"c\"}'", "table sample_weight"),
        ("UPDATE sample_weight SET kettle = 'e\u0301'", "normal form"),
        ("DELETE FROM sample_weight", "the row is gone; entry 7 of batch/B-1 has it"),
        ("UPDATE site SET mode = 'GMP'", "mode is 'GMP', but entry 1 of site says"),
        ("UPDATE signature SET meaning = 'approved' WHERE meaning = 'verified'",
         "table signature"),
        ("DELETE FROM signature WHERE meaning = 'verified'", "the row is gone"),
    ],
)  # fmt: skip
def test_an_edited_row_is_named_with_table_row_and_record(
    kept: House, book: KeyBook, database_url: str, statement: str, says: str
) -> None:
    attack(database_url, statement)
    report = site_report(kept, book)
    assert says in problems(report)
    assert not report.ok
    assert report.lines()[0].startswith("PROBLEM ")


def test_a_row_that_no_entry_knows_is_found(kept: House, book: KeyBook, database_url: str) -> None:
    attack(
        database_url,
        "INSERT INTO sample_kettle (id, site_id, version, name, state) "
        "SELECT :id, site_id, 1, 'K-2', 'CLEAN' FROM sample_kettle",
        id="0" * 31 + "7",
    )
    assert "no entry knows this row" in problems(site_report(kept, book))


@pytest.mark.urs("URS-SIG-050")
def test_a_signature_row_copied_to_another_record_is_found(
    kept: House, book: KeyBook, database_url: str
) -> None:
    columns = [column.name for column in Signature.__table__.columns]
    chosen = {"id": ":id", "record": "'lot/L-1'", "nonce": "'other'"}
    picked = ", ".join(chosen.get(name, name) for name in columns)
    attack(
        database_url,
        f"INSERT INTO signature ({', '.join(columns)}) SELECT {picked} FROM signature LIMIT 1",
        id="0" * 31 + "7",
    )
    assert "no entry knows" in problems(site_report(kept, book))
    assert "no entry knows" in problems(record_report(kept, book, LOT))


@pytest.mark.urs("URS-AUD-060")
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE entry SET payload = :x WHERE rec = 'batch/B-1' AND rseq = 3",
         "entry 3 of batch/B-1"),
        ("UPDATE entry SET leaf = :x WHERE rec = 'batch/B-1' AND rseq = 3",
         "entry 3 of batch/B-1"),
        ("UPDATE entry SET actor = 'P-999' WHERE rec = 'batch/B-1' AND rseq = 3",
         "the columns of the entry differ"),
        ("DELETE FROM entry WHERE rec = 'batch/B-1' AND rseq = 3",
         "entry 3 of batch/B-1: the entry is missing"),
        ("DELETE FROM entry WHERE rec = 'batch/B-1' AND rseq = 7",
         "its head stands at 7, its entries end at 6"),
        ("UPDATE entry SET rseq = CASE rseq WHEN 3 THEN -4 WHEN 4 THEN -3 ELSE rseq END "
         "WHERE rec = 'batch/B-1'", "batch/B-1"),
        ("UPDATE stream_head SET rseq = 1 WHERE rec = 'batch/B-1'", "its head stands at 1"),
    ],
)  # fmt: skip
def test_a_changed_chain_is_named_by_site_and_by_record(
    kept: House, book: KeyBook, database_url: str, statement: str, says: str
) -> None:
    attack(database_url, statement, **({"x": b"{}"} if ":x" in statement else {}))
    assert says in problems(site_report(kept, book))
    assert says in problems(record_report(kept, book))


@pytest.mark.urs("URS-AUD-060")
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE log_leaf SET leaf = :x WHERE idx = 2", "log leaf 2"),
        ("UPDATE log_leaf SET idx = idx + 100 WHERE idx > 6", "leaf 7 is missing"),
        ("UPDATE log_node SET hash = :x WHERE level = 1 AND idx = 1", "log node 1/1"),
        ("DELETE FROM log_node WHERE level = 2", "log node 2/0"),
        ("UPDATE checkpoint SET root = :x", "differs from its signed note"),
        ("UPDATE checkpoint SET note = replace(note, 'werk', 'work')", "no known key"),
        ("DELETE FROM checkpoint", "stand under no checkpoint"),
        ("DELETE FROM log_leaf WHERE idx = 8", "its tail is gone"),
    ],
)
def test_a_changed_log_is_named(
    kept: House, book: KeyBook, database_url: str, statement: str, says: str
) -> None:
    attack(database_url, statement, **({"x": bytes(32)} if ":x" in statement else {}))
    assert says in problems(site_report(kept, book))


@pytest.mark.urs("URS-AUD-060")
def test_a_cut_tail_is_found_by_a_checkpoint_kept_outside(
    kept: House, book: KeyBook, database_url: str, site_keys: SiteKeys
) -> None:
    with kept.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        outside = newest.note
    assert problems(site_report(kept, book, outside=[outside])) == ""
    cut_to_before_the_lot(database_url)
    sequence_pending(kept, site_keys)
    assert "its tail is gone" in problems(site_report(kept, book, outside=[outside]))
    with kept.reading() as session, pytest.raises(TamperedTrail, match="tail is gone"):
        checkpoints.check_outside(session, outside, book.log)


def cut_to_before_the_lot(url: str) -> None:
    """Cut the last entry with everything inside the database that names it."""
    for statement in (
        "DELETE FROM log_leaf WHERE idx = 8",
        "DELETE FROM checkpoint",
        "DELETE FROM entry WHERE rec = 'lot/L-1'",
        "DELETE FROM stream_head WHERE rec = 'lot/L-1'",
        "DELETE FROM log_leaf",
        "DELETE FROM log_node",
        "INSERT INTO pending_entry (id, site_id, entry_id, rec, rseq, real_at) "
        "SELECT id, site_id, id, rec, rseq, at FROM entry",
    ):
        attack(url, statement)


@pytest.mark.urs("URS-AUD-060")
def test_a_rewritten_history_is_found_by_a_checkpoint_kept_outside(
    kept: House, book: KeyBook, database_url: str, site_keys: SiteKeys
) -> None:
    with kept.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        outside = newest.note
    cut_to_before_the_lot(database_url)
    with (
        kept.transaction() as session,
        trail.act(session, "lot.used", stream=LOT, by=OPERATOR, facts={"story": "another"}),
    ):
        session.scalars(select(Kettle)).one().state = "SPOTLESS"
    sequence_pending(kept, site_keys)
    assert "another root" in problems(site_report(kept, book, outside=[outside]))
    with kept.reading() as session, pytest.raises(TamperedTrail, match="another root"):
        checkpoints.check_outside(session, outside, book.log)


@pytest.mark.urs("URS-AUD-050")
def test_a_missing_trigger_is_named(kept: House, book: KeyBook, database_url: str) -> None:
    forget_triggers(database_url)
    report = site_report(kept, book)
    assert "keep_entry_update" in problems(report)
    with pytest.raises(TamperedTrail, match="triggers"):
        report.require()


@pytest.mark.urs("URS-SIG-050")
def test_a_signature_by_an_unpublished_key_is_a_problem(kept: House, site_keys: SiteKeys) -> None:
    book = KeyBook.of(site_keys, [person_key("P-101")])
    assert "its key is not published" in problems(site_report(kept, book))


@pytest.mark.urs("URS-REC-110")
def test_a_commit_during_the_verification_is_no_false_alarm(kept: House, book: KeyBook) -> None:
    with kept.reading() as session:
        before = len(trail.entries(session, BATCH))
        with (
            kept.transaction() as writing,
            trail.act(writing, "kettle.cleaned", stream=BATCH, by=OPERATOR),
        ):
            writing.scalars(select(Kettle)).one().state = "CLEAN"
        report = verify_site(session, book, shapes=shapes())
        assert (problems(report), len(trail.entries(session, BATCH))) == ("", before)
    assert site_report(kept, book).waiting == 1
