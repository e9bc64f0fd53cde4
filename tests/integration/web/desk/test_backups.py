"""The page of backups and drills, and the signature under a drill's report (URS-BAK-020)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.orm import Session

from app.backup import recording
from app.backup.desk import Desk
from app.backup.drilling import Figures
from app.backup.rules import Plan
from app.backup.scheduled import BY
from audit import drills
from audit.backupmodels import BackupRun, RestoreDrill
from core.errors import NotPermitted
from core.settings import Settings
from quality import queries
from quality.commands.drills import sign_drill
from quality.errors import DrillSigned, NoSuchDrill
from tests.integration.web.desk.conftest import Enter, full, text_of
from tests.support.records import RecordPlant

FIGURES: dict[str, Any] = {
    **dict.fromkeys(Figures.__dataclass_fields__, 7),
    "rows": 48_212,
    "entries": 5_310,
    "signatures": 228,
    "taken_at": "2026-03-02T06:00:00+00:00",
    "software": "0.1.0",
    "recovery_point_s": 3 * 3600 + 120,
    "recovery_time_s": 42,
    "rehearsed": "batch/B-2045",
}
DIGEST = "ab" * 32
FILE = "batchwright-werk-sued-at-20260302T060000000000Z.batchwright.age"
SAID = "restored within a minute, as the plan asks"


def made(plant: RecordPlant, *, problem: str | None = None, folder: Path = Path("/kept")) -> None:
    run = BackupRun(
        at=plant.clock.now(),
        ok=problem is None,
        folder=str(folder),
        file=None if problem else FILE,
        sha256=None if problem else DIGEST,
        bytes=0 if problem else 1_234_567,
        log_size=0 if problem else 42,
        private_keys=False,
        problem=problem,
    )
    recording.keep_run(plant.house, run, Plan(), by=BY)


def drilled(plant: RecordPlant, *, problem: str | None = None) -> int:
    kept = RestoreDrill(
        at=plant.clock.now(),
        scheduled=True,
        ok=problem is None,
        file=FILE,
        sha256=None if problem else DIGEST,
        figures={} if problem else FIGURES,
        problem=problem,
    )
    return recording.keep_drill(plant.house, kept, Plan(), by=BY)


@pytest.mark.urs("URS-BAK-020", "URS-SIG-050")
def test_a_person_reads_the_report_of_a_drill_and_signs_it(
    plant: RecordPlant, enter: Enter
) -> None:
    made(plant)
    number = drilled(plant)
    quality, page = enter("P-107"), f"/backups/drills/{number}"
    listed = text_of(quality.get("/backups"))
    assert "The report of drill 1 waits for a signature." in listed
    report = text_of(quality.get(page))
    assert "42 s" in report
    assert "3 h 02 min" in report
    assert "B-2045" in report
    asked = quality.send(page, page, marker="remark", remark=SAID)
    assert quality.sign(asked, page, **full("P-107")).status_code == 303
    signature = plant.ask(lambda session: drills.signature_of(session, _found(session, number)))
    assert (signature.signer, signature.reason) == ("P-107", SAID)
    assert plant.ask(drills.standing).unsigned is None
    assert SAID in text_of(quality.get(page))
    assert "P-107" in text_of(quality.get("/backups"))


def _found(session: Session, number: int) -> RestoreDrill:
    found = drills.find(session, number)
    assert found is not None
    return found


@pytest.mark.urs("URS-BAK-020")
def test_a_report_is_signed_once_and_by_those_who_may(plant: RecordPlant, enter: Enter) -> None:
    number = drilled(plant)
    page = f"/backups/drills/{number}"
    operator = enter("P-101")
    assert 'name="remark"' not in text_of(operator.get(page))
    by, other = plant.person("P-107").actor, plant.person("P-101").actor
    with pytest.raises(NotPermitted):
        plant.house.perform(sign_drill, number, SAID, by=other)
    with pytest.raises(NoSuchDrill):
        plant.house.perform(sign_drill, 99, SAID, by=by)
    quality = enter("P-107")
    asked = quality.send(page, page, marker="remark", remark=SAID)
    quality.sign(asked, page, **full("P-107"))
    with pytest.raises(DrillSigned):
        plant.house.perform(sign_drill, number, SAID, by=by)
    assert quality.get("/backups/drills/99").status_code == 404


@pytest.mark.urs("URS-BAK-010")
def test_a_failed_backup_stands_above_every_page_until_one_succeeds(
    plant: RecordPlant, enter: Enter
) -> None:
    operator = enter("P-101")
    made(plant)
    assert "backup" not in text_of(operator.get("/work"))
    made(plant, problem="No space left on device")
    shown = text_of(operator.get("/work"))
    assert "The last backup failed." in shown
    assert "The newest one is of" in shown
    page = text_of(operator.get("/backups"))
    assert "No space left on device" in page
    [incident] = plant.ask(queries.deviations)
    assert (incident.equipment, incident.severity) == (recording.BACKUPS, "critical")
    assert operator.get("/health/backups").status_code == 503
    made(plant)
    assert "The last backup failed." not in text_of(operator.get("/work"))
    health = operator.get("/health/backups")
    assert (health.status_code, any((health.json or {}).values())) == (200, False)


@pytest.mark.urs("URS-BAK-010", "URS-BAK-020")
def test_what_does_not_come_is_told_when_its_time_has_passed(
    plant: RecordPlant, enter: Enter
) -> None:
    made(plant)
    plant.later(minutes=35 * 60)
    assert "overdue" not in text_of(enter("P-107").get("/work"))
    plant.later(minutes=2 * 60)
    assert "A backup is overdue." in text_of(enter("P-107").get("/work"))
    made(plant)
    assert "A backup is overdue." not in text_of(enter("P-107").get("/work"))
    plant.later(minutes=90 * 24 * 60)
    shown = text_of(enter("P-107").get("/work"))
    assert "A restore drill is missing." in shown
    drilled(plant)
    made(plant)
    assert "A restore drill is missing." not in text_of(enter("P-107").get("/work"))


@pytest.mark.urs("URS-BAK-020")
def test_a_failed_drill_is_an_alarm_and_a_report_without_figures(
    plant: RecordPlant, enter: Enter
) -> None:
    number = drilled(plant, problem="the restored site does not verify")
    visitor = enter("P-107")
    assert "The last restore drill failed." in text_of(visitor.get("/work"))
    report = text_of(visitor.get(f"/backups/drills/{number}"))
    assert "the restored site does not verify" in report
    assert "the drill did not come that far" in report


def test_the_page_says_which_files_are_there_and_what_is_planned(
    plant: RecordPlant, enter: Enter, tmp_path: Path
) -> None:
    url = str(plant.house.database.url)
    settings = Settings(
        home=tmp_path, database_url=url, owner_url=url, backup_folder=str(tmp_path),
        backup_recipients="age1", backup_plan="every=12h locked=40d",
    )  # fmt: skip
    visitor = enter("P-107")
    assert "No backups are scheduled" in text_of(visitor.get("/backups"))
    plant.house.services["backups"] = Desk(settings)
    made(plant, folder=tmp_path)
    page = text_of(visitor.get("/backups"))
    assert "no longer in its folder" in page
    assert "12 h 00 min" in page
    assert "40 days" in page
    (tmp_path / FILE).touch()
    assert "✓ in its folder" in text_of(visitor.get("/backups"))
    wrong = Settings(
        home=tmp_path, database_url=url, owner_url=url, backup_folder=str(tmp_path),
        backup_recipients="age1", backup_plan="every=soon",
    )  # fmt: skip
    plant.house.services["backups"] = Desk(wrong)
    assert "The settings of the schedule cannot be used" in text_of(visitor.get("/backups"))
