"""The verification that runs by itself: it builds on the last one, names what was edited, opens an
incident, stops the release, and there is a way on (URS-REC-110, URS-SEC-070)."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select, text

from app import keybook, scheduledverification, verification
from audit import checkpoints, log, searchindex, standing, trail, verified
from audit.errors import TamperedTrail
from audit.report import Report
from audit.sequencer import sequence_pending
from audit.streams import SITE, Stream
from audit.verifiedmodels import Verification
from core import appendonly
from core.sites import the_site
from ebr import bundle
from ebr import queries as records
from ebr.models import Attachment, ParameterValue
from quality import queries
from tests.integration.app.test_clock_incident import close
from tests.integration.audit.conftest import forget_triggers
from tests.support import faultplant
from tests.support.bpmn import bpmn, end, process, start, step, task
from tests.support.faultplant import ENTRY, MASS
from tests.support.records import RECORD, SETUP, RecordPlant
from tests.support.templates import Templates

STEPS = bpmn(
    process("OP", start(), task("A", step("A", MASS, kind="entry")), end(), flows="start > A > end")
)

OTHER = bpmn(
    process("OQ", start(), task("A", step("A", MASS, kind="entry")), end(), flows="start > A > end")
)


def staffed(url: str) -> None:
    """A site with one batch that runs."""
    faultplant.build(url, recipe=STEPS)


@pytest.fixture
def plant(database_url: str, templates: Templates, tmp_path: Path) -> Iterator[RecordPlant]:
    """A site with a batch whose one step was performed, on both databases."""
    templates.fill(database_url, staffed)
    made = RecordPlant(database_url, tmp_path)
    made.house.services[bundle.PEOPLE_KEYS] = keybook.people_keys
    with (
        made.house.transaction() as session,
        trail.act(session, "site.made", stream=SITE, by=SETUP) as act,
    ):
        act.attest(the_site(session))
    made.later(minutes=5)
    made.person("P-101").start(RECORD, "OP/A#1")
    made.person("P-101").perform(RECORD, "OP/A#1", ENTRY)
    yield made
    made.close()


def verify(plant: RecordPlant, *, whole: bool = False) -> Verification:
    """Put everything into the log, have the site verified, and answer what was kept of it."""
    by = plant.person("P-107").actor
    sequence_pending(plant.house, plant.house.services["site_keys"])
    searchindex.catch_up(plant.house)
    plant.house.perform(standing.ask, whole=whole, by=by)
    plant.work()
    found = plant.ask(standing.last_ended)
    assert found is not None
    plant.clock.move(timedelta(seconds=1))
    return found  # type: ignore[no-any-return]


def edit(plant: RecordPlant, url: str, old: str, new: str) -> str:
    """Somebody with the owner's rights changes a value; the triggers stand again. The row's id."""
    value = plant.ask(lambda session: session.scalars(select(ParameterValue)).first())
    forget_triggers(url)
    engine = create_engine(url)
    with engine.begin() as connection:
        done = connection.execute(
            text("UPDATE parameter_value SET text = :new WHERE text = :old"),
            {"old": old, "new": new},
        )
        assert done.rowcount == 1
        appendonly.install(connection)
    engine.dispose()
    return str(value.id)


def attach(plant: RecordPlant, data: bytes) -> None:
    """A photo kept with the step that was performed."""
    with plant.house.transaction() as session:
        run = records.run_of(session, RECORD)
        made = records.step_of(session, run, "OP/A#1")
        with trail.act(session, "value.attached", stream=Stream.parse(RECORD), by=SETUP):
            session.add(
                Attachment(
                    run_id=run.id, step_id=made.id, code="photo", name="seal.jpg",
                    media_type="image/jpeg", digest=hashlib.sha256(data).hexdigest(),
                    size=len(data), data=data, at=plant.clock.now(), by="P-101",
                )
            )  # fmt: skip


@pytest.mark.urs("URS-REC-110", "URS-SEC-030")
def test_a_changed_file_of_a_running_batch_is_found_within_the_hour(
    plant: RecordPlant, database_url: str
) -> None:
    attach(plant, b"the seal was whole")
    verify(plant)
    assert verify(plant).ok, "nothing was changed yet"
    forget_triggers(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        new = {"data": b"the seal was broken"}
        assert connection.execute(text("UPDATE attachment SET data = :data"), new).rowcount == 1
        appendonly.install(connection)
    engine.dispose()
    found = verify(plant)
    assert (found.scope, found.ok) == ("new", False)
    (problem,) = found.problems
    assert problem["place"].startswith("table attachment, row ")


def release_condition(plant: RecordPlant) -> tuple[bool, str]:
    facts = {"record": "B-2045"}
    (condition,) = plant.ask(lambda session: verification.record_verifies(session, facts))
    return condition.met, condition.fact


def value_of(plant: RecordPlant) -> str:
    return str(plant.ask(lambda s: s.scalars(select(ParameterValue.text)).first()))


@pytest.mark.urs("URS-REC-110")
def test_it_begins_with_the_whole_site_and_then_looks_at_what_is_new(plant: RecordPlant) -> None:
    first, second = verify(plant), verify(plant)
    assert (first.ok, first.scope, second.ok, second.scope) == (True, "whole", True, "new")
    assert first.problems == second.problems == []
    assert 0 < second.size - first.size < 20
    assert second.entries < first.entries
    told = [action for action in plant.actions("site") if action.startswith("verification.")]
    assert told == ["verification.asked", "verification.started", "verification.ended"] * 2
    (end,) = [e for e in plant.entries("site") if e["action"] == "verification.ended"][1:]
    assert end["facts"]["scope"] == "new"
    assert end["actor"]["name"].startswith("verification")


@pytest.mark.urs("URS-REC-110")
def test_a_week_later_or_with_another_verifier_the_whole_site_is_verified(
    plant: RecordPlant, monkeypatch: pytest.MonkeyPatch
) -> None:
    verify(plant)
    first = plant.ask(standing.last_whole)
    verify(plant)
    assert plant.ask(standing.last_whole).id == first.id
    plant.later(days=7)
    verify(plant)
    second = plant.ask(standing.last_whole)
    assert second.id != first.id
    monkeypatch.setattr(verified, "version", lambda: "another")
    verify(plant)
    assert plant.ask(standing.last_whole).id != second.id


@pytest.mark.urs("URS-REC-110", "URS-SEC-070")
def test_an_edited_row_is_named_opens_an_incident_and_stops_the_release_until_it_is_right(
    plant: RecordPlant, database_url: str
) -> None:
    verify(plant)
    assert release_condition(plant)[0]
    right = value_of(plant)
    row = edit(plant, database_url, right, "99")
    found = verify(plant, whole=True)
    (problem,) = found.problems
    assert problem["place"] == f"table parameter_value, row {row}"
    assert "'99'" in problem["what"]
    assert problem["record"] == RECORD
    (incident,) = plant.ask(queries.deviations)
    assert (incident.severity, incident.state) == ("critical", "open")
    assert row in incident.title
    assert RECORD in incident.title
    assert plant.actions("site").count("verification.failed") == 1
    assert not release_condition(plant)[0]

    edit(plant, database_url, "99", right)
    met, fact = release_condition(plant)
    assert not met
    assert row in fact
    close(plant, incident.number)
    assert not release_condition(plant)[0]
    after = verify(plant)
    assert (after.scope, after.ok) == ("whole", True)
    assert release_condition(plant)[0]
    assert plant.ask(standing.alarm) is None


@pytest.mark.urs("URS-REC-110")
def test_a_second_failure_opens_no_second_incident(plant: RecordPlant, database_url: str) -> None:
    edit(plant, database_url, value_of(plant), "99")
    assert [verify(plant).ok, verify(plant).ok] == [False, False]
    assert len(plant.ask(queries.deviations)) == 1


@pytest.mark.urs("URS-REC-110")
def test_an_edited_row_that_new_entries_name_is_found_at_once(
    plant: RecordPlant, database_url: str
) -> None:
    plant.start(OTHER, number="B-2046")
    verify(plant)
    plant.person("P-101").start("batch/B-2046", "OQ/A#1")
    plant.person("P-101").perform("batch/B-2046", "OQ/A#1", ENTRY)
    assert value_of(plant)
    forget_triggers(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE step SET room = '9.99' WHERE state = 'COMPLETED'"))
        connection.execute(text("UPDATE parameter_value SET text = '98'"))
        appendonly.install(connection)
    engine.dispose()
    found = verify(plant)
    assert (found.scope, found.ok) == ("new", False)
    assert "batch/B-2046" in {each["record"] for each in found.problems}


@pytest.mark.urs("URS-REC-110")
def test_a_failure_of_another_record_does_not_stop_this_one_but_one_of_the_log_does() -> None:
    report = Report()
    report.add("table step, row 1", "state is 'X', but entry 4 of batch/B-2046 says 'Y'")
    other = Verification(problems=standing.problems_of(report), count=1)
    assert not standing.concerns(other, RECORD)
    assert standing.concerns(other, "batch/B-2046")
    report.add("log", "the log has another root at size 7")
    assert standing.concerns(Verification(problems=standing.problems_of(report), count=2), RECORD)
    assert standing.concerns(Verification(problems=other.problems, count=50), RECORD)


def new_problems(plant: RecordPlant, statement: verified.Statement) -> list[str]:
    site_keys = plant.house.services["site_keys"]
    with plant.house.reading() as session:
        book = keybook.of_site(session, site_keys)
        report = verified.verify_new(session, book, statement, chance=random.Random(3))
    return [str(problem) for problem in report.problems]


@pytest.mark.urs("URS-REC-110")
@pytest.mark.parametrize(
    ("attack", "named"),
    [
        (
            "UPDATE entry SET payload = :junk WHERE id ="
            " (SELECT entry_id FROM log_leaf WHERE idx = 5)",
            "entry",
        ),
        ("UPDATE log_leaf SET leaf = :junk WHERE idx = 2", "log"),
        ("DELETE FROM log_leaf WHERE idx = (SELECT max(idx) FROM log_leaf)", "log"),
    ],
)
def test_what_is_done_to_log_and_old_entries_is_found_by_the_next_run(
    plant: RecordPlant, database_url: str, attack: str, named: str
) -> None:
    sequence_pending(plant.house, plant.house.services["site_keys"])
    # Of 65 old entries one run of 64 is complete: that one is looked at again.
    root = plant.ask(lambda session: log.root(log.StoredTree(session).read, 65))
    statement = verified.Statement(size=65, root=root, verifier=verified.version())
    assert new_problems(plant, statement) == []
    forget_triggers(database_url)
    engine = create_engine(database_url)
    with engine.begin() as connection:
        given = {"junk": b"\0" * 32} if ":junk" in attack else {}
        connection.execute(text(attack), given)
        appendonly.install(connection)
    engine.dispose()
    problems = new_problems(plant, statement)
    assert problems
    assert named in " ".join(problems)


@pytest.mark.urs("URS-REC-110")
def test_a_statement_counts_only_with_the_signature_of_the_log(plant: RecordPlant) -> None:
    signer = plant.house.services["site_keys"].log
    keys = plant.house.services["site_keys"].log_keys()
    made = verified.Statement(size=5, root=b"r" * 32, verifier=verified.version())
    note = made.sign(signer)
    assert verified.read_statement(note, keys) == made
    with pytest.raises(TamperedTrail):
        verified.read_statement(note.replace("\n5\n", "\n6\n"), keys)
    with pytest.raises(TamperedTrail, match="another kind"):
        verified.read_statement(checkpoints.sign(signer, 5, b"r" * 32), keys)


def test_the_next_one_is_asked_for_once(plant: RecordPlant) -> None:
    with plant.house.transaction() as session:
        first = scheduledverification.schedule(session)
    with plant.house.transaction() as session:
        assert scheduledverification.schedule(session) == first
