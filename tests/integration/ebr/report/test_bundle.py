"""The evidence bundle of a record verifies without us, and says what followed a decision."""

from __future__ import annotations

import json
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from audit import verifier
from core.actors import Actor
from core.errors import NotPermitted
from core.jobs import Job
from ebr import bundle, issuing
from ebr.commands import exceptions
from ebr.commands.exceptions import ExceptionReference
from ebr.errors import NothingToDecide
from ebr.report import schema
from personnel import commands
from personnel.errors import OutOfScope
from production.models import Disposition
from tests.support import recorded
from tests.support.records import RECORD, RecordPlant


def files_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def exported(plant: RecordPlant, folder: Path) -> Path:
    by = plant.person("P-107").actor
    return bundle.export_bundle(plant.house, "B-2045", folder / "out", by=by)


def verdict(plant: RecordPlant, path: Path) -> dict[str, Any]:
    return verifier.verify_bundle(str(path), plant.house.services["site_keys"].published())


@pytest.mark.urs("URS-REC-070", "URS-REP-040")
def test_a_bundle_is_valid_and_holds_all_it_takes(
    printed_batch: RecordPlant, tmp_path: Path
) -> None:
    path = exported(printed_batch, tmp_path)
    assert path.name == "B-2045.ebr.zip"
    report = verdict(printed_batch, path)
    assert (report["result"], report["problems"]) == ("VALID", [])
    files = files_of(path)
    assert files["record.pdf"].startswith(b"%PDF-")
    assert files["schema/record.schema.json"] == schema.text()
    assert files["recipe/TST-1-v1.bpmn"] == recorded.recipe()
    kept = [name for name in files if name.startswith("attachments/")]
    assert len(kept) == 2
    assert any(name.endswith("-MOI-01_printout_2.pdf") for name in kept)
    told = json.loads(files["snapshot.json"])
    assert told["decision"] is None
    assert printed_batch.actions()[-1] == "bundle.exported"
    assert printed_batch.entries()[-1]["actor"]["id"] == "P-107"


@pytest.mark.urs("URS-REC-070")
def test_a_changed_attachment_makes_the_bundle_invalid(
    printed_batch: RecordPlant, tmp_path: Path
) -> None:
    files = files_of(exported(printed_batch, tmp_path))
    name = next(each for each in files if each.startswith("attachments/"))
    forged = tmp_path / "forged.zip"
    with zipfile.ZipFile(forged, "w") as archive:
        for each, data in files.items():
            archive.writestr(each, data + b" " if each == name else data)
    report = verdict(printed_batch, forged)
    assert report["result"] == "INVALID"
    assert name in {problem["place"] for problem in report["problems"]}


@pytest.mark.urs("URS-REC-070")
def test_the_snapshot_names_the_decision_and_what_followed(
    batch: RecordPlant, tmp_path: Path
) -> None:
    recorded.dispose(batch, Disposition.RELEASED_FOR_PACKAGING)
    decided = len(batch.entries())
    with pytest.raises(NothingToDecide):
        batch.person("P-105").do(
            exceptions.comment_exception,
            ExceptionReference(record=RECORD, number=2),
            "seen again after the release",
            record=RECORD,
        )
    told = json.loads(files_of(exported(batch, tmp_path))["snapshot.json"])
    assert told["decision"]["disposition"] == Disposition.RELEASED_FOR_PACKAGING
    assert told["decision"]["through"] == decided
    assert [(each["entry"], each["action"]) for each in told["followed"]][:2] == [
        (decided + 1, "attempt.refused"),
        (decided + 2, "document.issued"),
    ]


@pytest.mark.urs("URS-IAM-020")
def test_an_operator_may_not_export(printed_batch: RecordPlant, tmp_path: Path) -> None:
    operator = printed_batch.person("P-101").actor
    with pytest.raises(NotPermitted):
        bundle.export_bundle(printed_batch.house, "B-2045", tmp_path / "out", by=operator)
    with pytest.raises(NotPermitted):
        printed_batch.house.perform(bundle.request_bundle, "B-2045", by=operator, record=RECORD)
    assert not (tmp_path / "out").exists()
    assert printed_batch.actions()[-2:] == ["attempt.refused", "attempt.refused"]
    assert "bundle.exported" not in printed_batch.actions()


def inspector_of(plant: RecordPlant, scope: str) -> Actor:
    """Somebody from outside whose role has this scope."""
    first, second = (plant.person(badge).actor for badge in ("A-001", "A-002"))
    house, badge = plant.house, "I-001"
    house.perform(commands.add_person, badge, "Inspector 01", natural_key="N-I-001", by=first)
    asked = house.perform(
        commands.request_role, badge, "INSPECTOR", reason="visit", scope=scope, by=first
    )
    house.perform(commands.grant_role, asked, by=second)
    return replace(first, id=badge, name="Inspector 01", role="INSPECTOR")


@pytest.mark.urs("URS-IAM-020", "URS-AUD-010")
def test_an_inspector_of_another_product_gets_no_copy_whoever_calls(
    printed_batch: RecordPlant,
) -> None:
    other, house = inspector_of(printed_batch, "product 500020"), printed_batch.house
    for command in (bundle.request_bundle, issuing.request_record):
        with pytest.raises(OutOfScope, match="records of product 500020 only"):
            house.perform(command, "B-2045", by=other, record=RECORD)
        assert printed_batch.actions()[-1] == "attempt.refused"
    with house.reading() as session:
        assert session.scalars(select(Job).where(Job.kind == bundle.EXPORT_JOB)).all() == []


@pytest.mark.urs("URS-IAM-020")
@pytest.mark.parametrize("scope", ["product 500010", "this site"])
def test_an_inspector_of_the_product_or_the_site_gets_copies(
    printed_batch: RecordPlant, scope: str
) -> None:
    inspector, house = inspector_of(printed_batch, scope), printed_batch.house
    job = house.perform(bundle.request_bundle, "B-2045", by=inspector, record=RECORD)
    asked = house.perform(issuing.request_record, "B-2045", by=inspector, record=RECORD)
    with house.reading() as session:
        assert session.scalars(select(Job.kind).where(Job.id == job)).one() == bundle.EXPORT_JOB
    assert asked.document is not None or asked.job is not None


@pytest.mark.urs("URS-REC-070")
def test_a_job_makes_the_bundle_once_the_log_is_that_far(
    printed_batch: RecordPlant, tmp_path: Path
) -> None:
    auditor = printed_batch.person("P-107").actor
    printed_batch.house.perform(bundle.request_bundle, "B-2045", by=auditor, record=RECORD)
    printed_batch.work()
    assert "bundle.exported" not in printed_batch.actions()
    recorded.log_all(printed_batch)
    printed_batch.later(seconds=2)
    printed_batch.work()
    assert printed_batch.actions()[-1] == "bundle.exported"


def test_a_bundle_that_does_not_verify_is_not_handed_out(
    printed_batch: RecordPlant, tmp_path: Path
) -> None:
    printed_batch.house.services["people_keys"] = lambda session: []
    with pytest.raises(bundle.BundleNotValid, match="key"):
        exported(printed_batch, tmp_path)
    assert "bundle.exported" not in printed_batch.actions()
