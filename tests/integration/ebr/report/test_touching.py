"""History of tables from the entries, wherever these are: waiting, in the log, in the search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from audit import searchindex
from audit.sequencer import sequence_pending
from audit.touching import changes_of, touching
from core.house import moment
from tests.support.records import RecordPlant

LATER = datetime(2999, 1, 1, tzinfo=UTC)


def found(plant: RecordPlant, *tables: str, before: datetime = LATER) -> list[tuple[str, int]]:
    return [(entry.rec, entry.rseq) for entry in plant.ask(touching, tables, before=before)]


@pytest.mark.urs("URS-AUD-100")
def test_the_same_entries_are_found_while_they_wait_in_the_log_and_in_the_search(
    batch: RecordPlant,
) -> None:
    waiting = found(batch, "procedure_run", "parameter_value")
    assert len(waiting) > 5
    sequence_pending(batch.house, batch.house.services["site_keys"])
    assert found(batch, "procedure_run", "parameter_value") == waiting
    searchindex.catch_up(batch.house)
    assert found(batch, "procedure_run", "parameter_value") == waiting
    assert found(batch, "no_such_table") == []


def test_entries_from_that_moment_on_are_left_out(batch: RecordPlant) -> None:
    entries = batch.ask(touching, ["procedure_run"], before=LATER)
    first = entries[0].at
    assert found(batch, "procedure_run", before=first) == []
    assert found(batch, "procedure_run", before=first + timedelta(microseconds=1))
    assert all(changes_of(entry, "procedure_run") for entry in entries)
    assert batch.ask(lambda session: moment(session).site) > first
