"""Records under way at a restore say that a part of them may be lost, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.restoring import Restoring
from audit import restored
from audit.restored import Ahead
from core.house import House
from ebr import queries as records
from personnel import credentials, signing
from quality import queries as quality
from tests.integration.app.test_clock_incident import staffed
from tests.support.records import RECORD, RecordPlant
from tests.support.templates import Templates
from tests.support.web import settings_in

REASON = "the disk failed; the backup of last night was brought back"
LOST = 40


@pytest.fixture
def plant(database_url: str, templates: Templates, tmp_path: Path) -> Iterator[RecordPlant]:
    templates.fill(database_url, staffed)
    made = RecordPlant(database_url, tmp_path)
    yield made
    made.close()


def find(house: House, size: int) -> None:
    ahead = Ahead(
        source="log witness qa", origin="batchwright/somewhere", size=size, note=None,
        problem=f"the log witness cosigned {size} entries, here are only a few",
    )  # fmt: skip
    with house.transaction() as session:
        assert restored.remember(session, ahead)


@pytest.mark.urs("URS-BAK-040")
def test_a_running_record_is_marked_and_its_numbers_go_on(plant: RecordPlant) -> None:
    find(plant.house, LOST)
    service = Restoring(settings_in(plant.folder))
    quality_unit, second = plant.person("P-107"), plant.person("A-002")
    quality_unit.do(credentials.confirm_identity, "A-002", record="site")
    undertaking = plant.ask(signing.undertaking, "A-002")
    second.do(signing.sign_undertaking, second.confirm(undertaking, "undertaken"), record="site")
    quality_unit.sign(service.decide, [], REASON, meaning="approved", record="site")
    second.sign(service.confirm, [], meaning="verified", record="site")
    assert not plant.ask(restored.is_restored)
    assert "record.restored" in plant.actions(RECORD)
    (deviation,) = plant.ask(quality.deviations)
    assert deviation.severity == "critical"
    with plant.house.reading() as session:
        run = records.run_of(session, "B-2045")
        (mark,) = [case for case in records.exceptions(session, run) if case.type == "restored"]
    assert deviation.number in mark.text
    assert "may be lost" in mark.text
    assert (mark.severity, mark.state) == ("major", "open")
    assert plant.actions("site").count("site.restored") == 1


def test_the_larger_finding_counts_and_an_older_one_changes_nothing(plant: RecordPlant) -> None:
    find(plant.house, LOST)
    with plant.house.transaction() as session:
        known = restored.findings(session)[0]
        less = Ahead(
            source=known.source, origin=known.origin, size=LOST - 1, note=None, problem="less"
        )
        assert not restored.remember(session, less)
    assert [row.size for row in plant.ask(restored.findings)] == [LOST]
