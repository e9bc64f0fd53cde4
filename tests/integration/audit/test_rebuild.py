"""A small site made again from its entries is equal; what does not follow from them is named.

On SQLite and on PostgreSQL; the rebuilt site is a file in either case.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Table, create_engine, insert, select, text
from sqlalchemy.orm import Session

from audit import checkpoints, keys, rebuild, rebuildcheck, rebuildrows, trail
from audit.changes import SECRET, Shape, shape_of
from audit.keys import SiteKeys
from audit.models import Checkpoint, PendingEntry
from audit.models import Entry as EntryRow
from audit.rebuildcheck import Compared
from audit.report import Report
from audit.rowcheck import audited_shapes
from audit.sequencer import sequence_pending
from audit.streams import SITE, Stream
from core import appendonly
from core.db import Base, Database
from core.house import House
from core.ids import new_id
from core.sites import the_site
from tests.integration.audit.conftest import OPERATOR, forget_triggers
from tests.integration.audit.people import BATCH, signed_record
from tests.integration.audit.sample import Kettle, SampleBase, Weight

LOT = Stream("lot", "L-1")
TAKEN = datetime(2026, 3, 2, 6, 30, 0, 120_003, tzinfo=UTC)


@pytest.fixture
def site_keys(tmp_path: Path) -> SiteKeys:
    return keys.open_or_make(tmp_path / "keys", checkpoints.origin("Werk Süd"))


@pytest.fixture
def kept(house: House, site_keys: SiteKeys) -> House:
    """Rows of every column type: made, changed under two records, corrected by a second row."""
    with (
        house.transaction() as session,
        trail.act(session, "site.made", stream=SITE, by=OPERATOR) as act,
    ):
        act.attest(the_site(session))
    signed_record(house)
    with house.transaction() as session:
        with trail.act(session, "kettle.made", stream=BATCH, by=OPERATOR):
            session.add(Kettle(name="K-1", volume=Decimal("10.00"), lock_code="4711"))
            first = weight("1.50")
            session.add(first)
        with trail.act(session, "weight.corrected", stream=BATCH, by=OPERATOR, reason="read again"):
            session.add(weight("1.5", supersedes_id=first.id))
    for state in ("DIRTY", "CLEAN"):
        with (
            house.transaction() as session,
            trail.act(session, "lot.used", stream=LOT, by=OPERATOR),
        ):
            session.scalars(select(Kettle)).one().state = state
    sequence_pending(house, site_keys)
    return house


def weight(value: str, **more: Any) -> Weight:
    return Weight(
        kettle="K-1", value=Decimal(value), taken_at=TAKEN, raw=b"\x00\xff",
        limits={"2": "a", "10": ["b", None]}, manual=True, **more,
    )  # fmt: skip


def shapes() -> list[Shape]:
    samples = [shape_of(mapper) for mapper in SampleBase.registry.mappers]
    return audited_shapes() + [shape for shape in samples if shape is not None]


@dataclass
class Made:
    """A rebuilt site beside the live one."""

    report: Report
    taken_over: int
    again: Session
    equal: bool

    @property
    def problems(self) -> str:
        return " | ".join(str(problem) for problem in self.report.problems)


@pytest.fixture
def made(kept: House, tmp_path: Path) -> Iterator[Any]:
    opened: list[Session] = []

    def make() -> Made:
        report, file = Report(), tmp_path / f"again{len(opened)}.db"
        with kept.reading() as live:
            taken = fill(live, file, report)
            again = Session(create_engine(f"sqlite:///{file}"))
            again.info["site_id"] = 1
            opened.append(again)
            tables = [*rebuildcheck.of_the_trail(), *map(Compared.of_shape, shapes())]
            equal = rebuildcheck.compare(live, again, report, tables)
        return Made(report, taken, again, equal == len(tables))

    yield make
    for session in opened:
        session.close()
        session.get_bind().engine.dispose()


def fill(live: Session, file: Path, report: Report) -> int:
    engine = create_engine(f"sqlite:///{file}")
    with engine.begin() as target:
        for metadata in (Base.metadata, SampleBase.metadata):
            metadata.create_all(target)
        appendonly.install(target)
        newest = rebuild.rebuild_trail(live, target, report)
        taken = rebuildrows.rebuild_rows(live, target, newest, report, shapes())
    engine.dispose()
    return taken


def attack(house: House, statement: str, **values: Any) -> None:
    """Raw SQL of somebody who owns the database and has taken the guards away."""
    url = house.database.url.render_as_string(hide_password=False)
    forget_triggers(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        assert connection.execute(text(statement), values).rowcount > 0
    with engine.begin() as connection:
        appendonly.install(connection)
    engine.dispose()


@pytest.mark.urs("URS-REC-100", "URS-REC-110")
def test_a_site_is_made_again_from_its_entries_and_equals_the_live_one(made: Any) -> None:
    found = made()
    assert found.problems == ""
    assert found.equal
    assert (found.report.entries, found.report.logged, found.report.waiting) == (11, 11, 0)
    assert found.report.not_checked == []


def test_each_value_comes_back_exactly_as_it_was(made: Any) -> None:
    first, corrected = made().again.scalars(select(Weight).order_by(Weight.id)).all()
    assert (str(first.value), str(corrected.value)) == ("1.50", "1.5")
    assert corrected.supersedes_id == first.id
    assert (first.taken_at, first.raw, first.manual) == (TAKEN, b"\x00\xff", True)
    assert first.limits == {"2": "a", "10": ["b", None]}


def test_a_row_stands_as_its_last_change_left_it_under_whatever_record(made: Any) -> None:
    kettle = made().again.scalars(select(Kettle)).one()
    assert (kettle.state, kettle.version, str(kettle.volume)) == ("CLEAN", 3, "10.00")


def test_a_secret_is_taken_over_and_counted_as_no_entry_holds_it(made: Any) -> None:
    found = made()
    assert found.taken_over == 1
    assert found.again.scalars(select(Kettle.lock_code)).one() == "4711"


def test_entries_without_a_place_in_the_log_wait_again(kept: House, made: Any) -> None:
    with (
        kept.transaction() as session,
        trail.act(session, "batch.noted", stream=BATCH, by=OPERATOR),
    ):
        pass
    found = made()
    assert (found.problems, found.report.waiting) == ("", 1)
    assert found.again.scalars(select(PendingEntry.rec)).one() == str(BATCH)


@pytest.mark.urs("URS-REC-110", "URS-SEC-070")
@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("UPDATE sample_kettle SET state = 'DIRTY'",
         "state is 'DIRTY', made again from the entries it is 'CLEAN'"),
        ("UPDATE sample_weight SET value = '1.51' WHERE supersedes_id IS NULL",
         "value is '1.51', made again from the entries it is '1.50'"),
        ("UPDATE sample_kettle SET lock_code = NULL", "lock_code is gone, and no entry holds it"),
        ("DELETE FROM sample_kettle", "the row is gone; the entries have it"),
        ("UPDATE log_node SET hash = leaf FROM log_leaf WHERE level = 1 AND log_leaf.idx = 0",
         "table log_node, row 1 0: hash is"),
        ("UPDATE stream_head SET rseq = 1 WHERE rec = 'lot/L-1'",
         "table stream_head, row lot/L-1: rseq is 1, made again from the entries it is 2"),
        ("UPDATE entry SET actor = 'P-102' WHERE rec = 'lot/L-1' AND rseq = 1",
         "entry 1 of lot/L-1: the columns of the entry differ from its bytes"),
        ("DELETE FROM entry WHERE rec = 'lot/L-1' AND rseq = 1",
         "entry 1 of lot/L-1: the entry is missing"),
        ("DELETE FROM entry WHERE rec = 'lot/L-1' AND rseq = 2",
         "its entry is gone"),
        ("DELETE FROM log_leaf WHERE idx = 10", "the log has only 10 leaves"),
    ],
)  # fmt: skip
def test_what_was_changed_behind_the_application_is_named(
    kept: House, made: Any, statement: str, says: str
) -> None:
    attack(kept, statement)
    assert says in made().problems


@pytest.mark.urs("URS-REC-110", "URS-SEC-070")
def test_an_entry_changed_with_its_row_is_named_and_the_log_has_another_root(
    kept: House, made: Any
) -> None:
    with kept.reading() as session:
        entry = trail.entries(session, LOT)[0]
        changed = bytes(entry.payload).replace(b'"lot.used"', b'"lot.lost"')
        number = entry.id
    engine = create_engine(kept.database.url)
    forget_triggers(kept.database.url.render_as_string(hide_password=False))
    with engine.begin() as connection:
        table = cast(Table, EntryRow.__table__)
        connection.execute(table.update().where(table.c.id == number).values(payload=changed))
    engine.dispose()
    told = made().problems
    assert "entry 1 of lot/L-1" in told
    assert "the log grown anew has another root" in told


@pytest.mark.urs("URS-REC-110", "URS-SEC-070")
def test_a_row_that_no_entry_knows_is_named(kept: House, made: Any) -> None:
    database = Database(kept.database.url)
    strange = new_id()
    with database.turn_to_write(), database.writer.begin() as connection:
        row = {"id": strange, "site_id": 1, "version": 1, "name": "K-2", "state": "CLEAN"}
        connection.execute(insert(Kettle), [row])
    database.close()
    assert (
        f"table sample_kettle, row {strange}: the entries do not know this row" in made().problems
    )


def test_notes_that_others_signed_are_taken_over_as_they_are(kept: House, made: Any) -> None:
    with kept.reading() as session:
        signed = session.scalars(select(Checkpoint.note).order_by(Checkpoint.size)).all()
    assert made().again.scalars(select(Checkpoint.note).order_by(Checkpoint.size)).all() == signed


def test_the_text_of_an_image_is_never_taken_for_a_secret_that_it_hides(made: Any) -> None:
    assert SECRET not in made().again.scalars(select(Kettle.lock_code)).all()
