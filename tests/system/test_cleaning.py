"""CLN-004 v4 as shipped, through the record with people and the wash skid: a full cleaning with
swabs, a minor one, one whose first inspection fails, and one that is given up."""

from __future__ import annotations

import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from audit import verifier
from ebr import bundle, issuing, queries
from ebr.commands.ending import Cause, Ending, EndRun, end_run
from hardware import queries as units
from hardware.models import Equipment, LogbookLine
from maintenance import queries as work
from tests.support import recorded, washing
from tests.support.records import RecordPlant
from tests.support.story import PATIENCE_SECONDS
from tests.support.washing import QUALITY, SKID, SUPERVISOR, UNIT, Washing

pytestmark = [pytest.mark.xdist_group("washed"), pytest.mark.timeout(PATIENCE_SECONDS)]
FULL, MINOR, AGAIN, ABORTED = "CL-0001", "CL-0002", "CL-0003", "CL-0004"
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Washed:
    """The site after four cleanings, the unit as each left it; nothing may be written to it."""

    plant: RecordPlant
    after: dict[str, Equipment]
    bundle: Path

    def steps(self, number: str) -> list[str]:
        """The steps of a cleaning in the order of its record."""
        with self.plant.house.reading() as session:
            run = queries.run_of(session, number)
            return [step.key for step in queries.steps(session, run)]

    def performed(self, number: str, key: str) -> datetime:
        """When the last performance of a step was."""
        at = self.plant.step(key, number=number).performed_at
        assert at is not None
        return at

    def exceptions(self, number: str) -> list[tuple[str, str]]:
        """Type and severity of what departed."""
        with self.plant.house.reading() as session:
            run = queries.run_of(session, number)
            return [(case.type, case.severity) for case in queries.exceptions(session, run)]

    def lines(self) -> dict[str, LogbookLine]:
        """The lines of the unit's log by record."""
        return {line.record or "": line for line in self.plant.ask(units.logbook, UNIT)}


@pytest.fixture(scope="module")
def washed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Washed]:
    """Four cleanings of the granulator, one after the other."""
    folder = tmp_path_factory.mktemp("washed")
    plant = washing.site(folder)
    after = {
        play(plant): plant.ask(units.equipment, UNIT) for play in (full, minor, again, aborted)
    }
    yield Washed(plant=plant, after=after, bundle=written(plant, folder / "out"))
    plant.close()


def full(plant: RecordPlant) -> str:
    """A full cleaning with swabs."""
    done = Washing(plant, "B-2041")
    done.take_over(swabs="due")
    done.connect()
    done.wash()
    done.inspect()
    done.swab()
    done.close()
    return done.number


def minor(plant: RecordPlant) -> str:
    """A minor cleaning within the campaign."""
    done = Washing(plant, "B-2042")
    done.take_over("minor")
    done.inspect()
    done.close()
    return done.number


def again(plant: RecordPlant) -> str:
    """Residue is seen at the first inspection; washed again, it is clean."""
    done = Washing(plant, "B-2043")
    done.take_over()
    done.connect()
    done.wash()
    done.inspect("fail")
    done.let_go_on(1, "residue below the lid: washed again as the procedure says")
    done.wash()
    done.inspect()
    done.close()
    return done.number


def aborted(plant: RecordPlant) -> str:
    """The skid fails after the take-over."""
    done = Washing(plant, "B-2044")
    done.take_over()
    given = EndRun(
        record=done.record,
        how=Ending.ABORT,
        cause=Cause.EQUIPMENT_FAILURE,
        text="the pump of the wash skid leaks",
        typed=done.number,
    )
    plant.person(SUPERVISOR).sign(end_run, given, meaning="approved", record=done.record)
    plant.work()
    return done.number


def written(plant: RecordPlant, folder: Path) -> Path:
    """The bundle of the cleaning that took two rounds, with its PDF."""
    by = plant.person(QUALITY).actor
    issuing.issue(plant.house, AGAIN, by=by)
    recorded.log_all(plant)
    return bundle.export_bundle(plant.house, AGAIN, folder, by=by)


@pytest.mark.urs("URS-EXE-010", "URS-EQP-020")
def test_a_full_cleaning_with_swabs_ends_clean_from_when_it_was_dried(washed: Washed) -> None:
    wanted = "K010 K020 K030 K040 K050 K060 K070 K080 K090 K100 K120 K130 K140 K150 K160"
    assert washed.steps(FULL) == wanted.split()
    assert washed.exceptions(FULL) == []
    unit = washed.after[FULL]
    assert (unit.cleaning, unit.allocated_to) == ("clean", None)
    assert unit.clean_until == washed.performed(FULL, "K100") + WEEK


@pytest.mark.urs("URS-EQP-020")
def test_a_minor_cleaning_leaves_out_the_wash_and_ends_clean(washed: Washed) -> None:
    assert washed.steps(MINOR) == "K010 K020 K030 K120 K140 K150 K160".split()
    unit = washed.after[MINOR]
    assert unit.cleaning == "clean"
    assert unit.clean_until == washed.performed(MINOR, "K140") + WEEK


@pytest.mark.urs("URS-EXE-030", "URS-DEV-010", "URS-DEV-020")
def test_residue_is_an_exception_and_leads_to_another_round(washed: Washed) -> None:
    found = washed.steps(AGAIN)
    rounds = {key: found.count(key) for key in ("K040", "K050", "K060", "K080", "K100", "K120")}
    assert rounds == {"K040": 1, "K050": 2, "K060": 2, "K080": 2, "K100": 2, "K120": 2}
    assert washed.exceptions(AGAIN) == [("not_accepted", "critical")]
    unit = washed.after[AGAIN]
    assert unit.cleaning == "clean"
    assert unit.clean_until == washed.performed(AGAIN, "K100") + WEEK


@pytest.mark.urs("URS-EQP-020")
def test_a_cleaning_that_was_given_up_leaves_the_unit_dirty_since_its_batch(washed: Washed) -> None:
    unit = washed.after[ABORTED]
    assert (unit.cleaning, unit.last_batch, unit.allocated_to) == ("to_be_cleaned", "B-2044", None)
    begun = washed.plant.ask(work.cleaning, ABORTED)
    assert begun.state == "given_up"
    assert unit.dirty_since == begun.started_at - timedelta(hours=1)
    assert washed.plant.ask(units.equipment, SKID).allocated_to is None


@pytest.mark.urs("URS-EQP-030")
def test_each_cleaning_that_ended_clean_has_one_line_by_two_people(washed: Washed) -> None:
    lines = washed.lines()
    assert set(lines) == {f"procedure/{number}" for number in (FULL, MINOR, AGAIN)}
    for batch, number in (("B-2041", FULL), ("B-2042", MINOR), ("B-2043", AGAIN)):
        line, kept = lines[f"procedure/{number}"], washed.plant.ask(work.cleaning, number)
        assert (line.kind, line.batch, line.remark) == ("cleaning", batch, "CLN-004 v4")
        assert (line.performed_by, line.checked_by) == ("P-101", "P-102")
        assert line.checked_at == kept.verified_at
        assert line.checked_at == washed.performed(number, "K140") + timedelta(minutes=1)


@pytest.mark.urs("URS-REC-030", "URS-REP-010")
def test_the_record_verifies_and_its_pdf_says_what_it_is(washed: Washed) -> None:
    keys = washed.plant.house.services["site_keys"].published()
    told = verifier.verify_bundle(str(washed.bundle), keys)
    assert (told["result"], told["problems"]) == ("VALID", [])
    text = printed(washed.bundle)
    for words in (
        "granulator, wet granulation products", "CLN-004", AGAIN,
        "Visual inspection", "residue or water seen", "dry and clean", "DT-0815", "GRA-01",
        "WIP-01", "Anna Kern", "Paul Roth", "residue below the lid",
    ):  # fmt: skip
        assert words in text, words


def printed(path: Path) -> str:
    """The text of the PDF in a bundle, in one line."""
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(".pdf")]
        body = archive.read(name)
    done = subprocess.run(["pdftotext", "-", "-"], input=body, capture_output=True, check=True)
    return " ".join(done.stdout.decode().split())
