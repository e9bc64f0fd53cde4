"""Packages of bundles: made once, put together the same way again, open to whom they belong."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from shutil import copyfile

import pytest
from sqlalchemy import select

from app import exporting
from app.exporting import Asked
from audit import verifier
from audit.errors import NotYetLogged
from core.errors import Invalid, NotPermitted
from core.jobs import Job
from ebr import bundle, issuing, packages, queries
from ebr.bundle import Options
from ebr.packages import NoSuchPackage, Wanted
from ebr.report.models import BUNDLE_KIND, IssuedDocument
from personnel.errors import OutOfScope
from tests.integration.ebr.report.test_bundle import inspector_of
from tests.support import recorded
from tests.support.records import RECORD, RecordPlant

WANTED = Wanted(numbers=("B-2045",), options=Options())


def keys_of(plant: RecordPlant) -> dict[str, object]:
    published: dict[str, object] = plant.house.services["site_keys"].published()
    return published


def made_by_job(plant: RecordPlant) -> IssuedDocument:
    """Asked for by QA, made by the worker."""
    auditor = plant.person("P-107").actor
    plant.house.perform(packages.request_package, WANTED, by=auditor, record="site")
    for _ in range(4):
        plant.work()
        recorded.log_all(plant)
        plant.later(seconds=2)
    with plant.house.reading() as session:
        (found,) = packages.packages(session, by=auditor)
    return found


@pytest.mark.urs("URS-REC-070", "URS-REP-040")
def test_a_job_makes_a_package_that_verifies_and_comes_back_byte_for_byte(
    printed_batch: RecordPlant,
) -> None:
    found = made_by_job(printed_batch)
    with printed_batch.house.reading() as session:
        name, data = packages.package_of(session, found.id)
        _, again = packages.package_of(session, found.id)
    report = verifier.verify_bytes(data, keys_of(printed_batch))
    assert (report["result"], report["kind"]) == ("VALID", "package")
    assert [each["record"] for each in report["bundles"]] == [RECORD]
    assert data == again
    assert name == "B-2045.1.package.zip"
    told = printed_batch.entries(found.record)
    assert [entry["action"] for entry in told] == ["package.exported"]
    assert told[0]["facts"] == {
        "sha256": verifier.sha256(data).hex(), "records": ["B-2045"],
    }  # fmt: skip
    assert told[0]["actor"]["id"] == "P-107"


@pytest.mark.urs("URS-REC-070")
def test_a_broken_export_goes_on_where_it_stopped(
    printed_batch: RecordPlant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    said: list[str] = []
    with monkeypatch.context() as breaking:
        breaking.setattr(packages, "_assemble", broken)
        with pytest.raises(KeyboardInterrupt):
            packages.export_package(
                printed_batch.house,
                WANTED,
                tmp_path / "out",
                tell=lambda n, name: said.append(name),
            )
    assert not (tmp_path / "out").exists()
    path = packages.export_package(
        printed_batch.house, WANTED, tmp_path / "out", tell=lambda n, name: said.append(name)
    )
    assert [file.name for file in (tmp_path / "out").iterdir()] == [path.name]
    assert said == ["B-2045", "B-2045"]
    assert printed_batch.actions().count("bundle.exported") == 1
    trust = keys_of(printed_batch)
    assert verifier.verify_bundle(str(path), trust)["result"] == "VALID"


@pytest.mark.urs("URS-REC-070")
def test_a_record_that_went_on_gets_a_bundle_of_its_own_anew(
    printed_batch: RecordPlant, tmp_path: Path
) -> None:
    for _ in range(2):
        packages.export_package(
            printed_batch.house, WANTED, tmp_path, tell=lambda number, name: None
        )
        operator = printed_batch.person("P-101").actor
        with pytest.raises(NotPermitted):
            printed_batch.house.perform(bundle.request_bundle, "B-2045", by=operator, record=RECORD)
    assert printed_batch.actions().count("bundle.exported") == 2


@pytest.mark.urs("URS-REC-070")
def test_options_are_told_by_the_bundle(printed_batch: RecordPlant, tmp_path: Path) -> None:
    bare = Wanted(numbers=("B-2045",), options=Options(attachments=False))
    path = packages.export_package(printed_batch.house, bare, tmp_path, tell=lambda n, name: None)
    report = verifier.verify_bundle(str(path), keys_of(printed_batch))
    assert report["result"] == "VALID"
    told = "\n".join(report["bundles"][0]["not_checked"])
    assert "attachments, which are not in this bundle" in told


def test_an_estimate_tells_the_size_before(printed_batch: RecordPlant) -> None:
    whole = printed_batch.ask(packages.estimate, WANTED)
    bare = Wanted(numbers=("B-2045",), options=Options(attachments=False))
    assert whole.records == 1
    assert whole.size > printed_batch.ask(packages.estimate, bare).size > 10_000


@pytest.mark.urs("URS-REP-040", "URS-IAM-020")
def test_a_limited_person_sees_only_the_own_exports(printed_batch: RecordPlant) -> None:
    found, house = made_by_job(printed_batch), printed_batch.house
    theirs = inspector_of(printed_batch, "product 500010")
    assert printed_batch.ask(packages.packages, by=theirs) == []
    with pytest.raises(NoSuchPackage):
        house.perform(packages.package_for, found.id, by=theirs, record="site")
    qa = printed_batch.person("P-107").actor
    assert house.perform(packages.package_for, found.id, by=qa, record="site") == found.id


@pytest.mark.urs("URS-REP-040", "URS-IAM-020")
def test_what_may_not_be_exported_is_refused_before_anything_is_made(
    printed_batch: RecordPlant,
) -> None:
    house = printed_batch.house
    other = inspector_of(printed_batch, "product 500020")
    with pytest.raises(OutOfScope):
        house.perform(packages.request_package, WANTED, by=other, record="site")
    operator = printed_batch.person("P-101").actor
    with pytest.raises(NotPermitted):
        house.perform(packages.request_package, WANTED, by=operator, record="site")
    for numbers in ((), ("B-2045", "B-2045")):
        wanted = Wanted(numbers=numbers, options=Options())
        with pytest.raises(Invalid, match="each once"):
            house.perform(packages.request_package, wanted,
                          by=printed_batch.person("P-107").actor, record="site")  # fmt: skip
    with house.reading() as session:
        asked = session.scalars(select(Job).where(Job.kind == packages.PACKAGE_JOB)).all()
        made = select(IssuedDocument).where(IssuedDocument.kind == BUNDLE_KIND)
        assert (asked, session.scalars(made).all()) == ([], [])


def test_a_record_that_grew_while_it_was_packed_is_not_passed_off(
    printed_batch: RecordPlant,
) -> None:
    with pytest.raises(NotYetLogged, match="B-2045 went on"):
        packages._assemble(printed_batch.house, WANTED)


def test_a_package_keeps_no_second_copy_of_its_bundles(printed_batch: RecordPlant) -> None:
    found = made_by_job(printed_batch)
    with printed_batch.house.reading() as session:
        frame = verifier.read_zip(issuing.document(session, found.id).data)
    assert sorted(frame) == ["README.txt", "index.dsse.json", "keys/site.json", "verify.py"]
    assert found.size > 50_000
    assert json.loads(frame["keys/site.json"])["v"] == 1


@pytest.mark.urs("URS-REC-070", "URS-REC-080")
def test_the_samples_behind_the_trends_come_along_on_demand(
    printed_batch: RecordPlant, recorded_site: Path, tmp_path: Path
) -> None:
    printed_batch.historian.close()
    copyfile(recorded_site / "historian.db", tmp_path / "historian.db")
    wanted = Options(trends=True)
    path = bundle.export_bundle(printed_batch.house, "B-2045", tmp_path / "out", options=wanted)
    report = verifier.verify_bundle(str(path), keys_of(printed_batch))
    assert (report["result"], report["problems"]) == ("VALID", [])
    files = verifier.read_zip(path.read_bytes())
    samples = [name for name in files if name.startswith("trends/")]
    assert samples
    lines = [json.loads(line) for name in samples for line in files[name].splitlines()]
    assert lines
    assert {"at", "raw", "value", "status_name", "reasons", "received_at"} <= lines[0].keys()
    told = next(line for line in report["not_checked"] if "by no entry" in line)
    assert samples[0] in told


@pytest.mark.urs("URS-REC-070")
def test_records_are_chosen_by_number_or_by_the_day_on_which_they_began(
    printed_batch: RecordPlant,
) -> None:
    house = printed_batch.house
    (begun,) = printed_batch.ask(queries.runs)
    assert begun.started_at is not None
    day = begun.started_at.date()
    for asked in (
        Asked(numbers=("B-2045", "batch/B-2045")),
        Asked(first=day),
        Asked(last=day),
        Asked(numbers=("B-2045",), first=day, last=day),
    ):
        assert exporting.chosen(house, asked) == ("B-2045",)
    for nothing in (Asked(), Asked(first=day + timedelta(days=1))):
        with pytest.raises(Invalid, match="none began on these days"):
            exporting.chosen(house, nothing)


def test_a_file_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError("no space left")

    bundle.put(tmp_path, "x.zip", b"old")
    with monkeypatch.context() as breaking:
        breaking.setattr("ebr.bundle.os.fsync", full)
        with pytest.raises(OSError, match="no space"):
            bundle.put(tmp_path, "x.zip", b"new")
    assert (tmp_path / "x.zip").read_bytes() == b"old"
    assert bundle.put(tmp_path, "x.zip", b"new").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["x.zip"]
