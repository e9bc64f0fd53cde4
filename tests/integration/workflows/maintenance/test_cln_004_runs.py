"""CLN-004 v4 on the engine: full and minor cleaning, what is repeated, and what holds it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from tests.support.running import Plant, install
from tests.support.walking import walk
from workflows.importing import import_procedure

FILE = Path(__file__).parents[4] / "workflows" / "maintenance" / "cln-004-v4.bpmn"
FULL = "K010 K020 K030 K040 K050 K060 K070 K080 K090 K100 K120 K140 K150 K160".split()


class Cleaning:
    """A cleaning with what people and skid will find, counted by how often a step was done."""

    def __init__(self, plant: Plant) -> None:
        self.plant = plant
        self.values = plant.host.values
        self.rinses = ["1.2"]
        self.looks = ["clean"]
        self.values |= {
            "K010.extent": "full",
            "K010.dirty_hold": "kept",
            "K010.swabs": "not_due",
        }
        self.rounds: Counter[str] = Counter()

    def before(self, key: str) -> None:
        """The record counts the performances, and holds the latest value of each."""
        self.rounds[key] += 1
        self.values[f"{key}.round"] = self.rounds[key]
        if key == "K080":
            self.values["K080.conductivity"] = Decimal(self._found(self.rinses, key))
        if key == "K120":
            self.values["K120.result"] = self._found(self.looks, key)

    def _found(self, found: list[str], key: str) -> str:
        return found[min(self.rounds[key], len(found)) - 1]

    def done(self) -> list[str]:
        """The steps of the whole cleaning with their numbers, in the order of their first time."""
        self.plant.run(FILE.read_bytes())
        done = walk(self.plant, before=self.before)
        return [key if times == 1 else f"{key} x{times}" for key, times in done.items()]


@pytest.fixture
def cleaning(chosen_url: str) -> Iterator[Cleaning]:
    """A granulator to be cleaned."""
    install(chosen_url)
    plant = Plant(chosen_url)
    yield Cleaning(plant)
    plant.close()


@pytest.mark.urs("URS-EXE-010")
def test_a_full_cleaning_takes_each_step_once(cleaning: Cleaning) -> None:
    assert cleaning.done() == FULL
    assert cleaning.plant.state() == "complete"


@pytest.mark.urs("URS-EXE-010")
def test_a_minor_cleaning_leaves_out_the_wash(cleaning: Cleaning) -> None:
    cleaning.values["K010.extent"] = "minor"
    assert cleaning.done() == ["K010", "K020", "K030", "K120", "K140", "K150", "K160"]
    assert cleaning.plant.state() == "complete"


@pytest.mark.urs("URS-EXE-030")
def test_an_exceeded_dirty_hold_takes_the_detergent_twice_and_swabs(cleaning: Cleaning) -> None:
    cleaning.values["K010.dirty_hold"] = "exceeded"
    wanted = ["K060 x2" if key == "K060" else key for key in FULL]
    wanted.insert(wanted.index("K140"), "K130")
    assert cleaning.done() == wanted


@pytest.mark.urs("URS-EXE-030")
def test_swabs_that_are_due_are_taken(cleaning: Cleaning) -> None:
    cleaning.values["K010.swabs"] = "due"
    assert "K130" in cleaning.done()


@pytest.mark.urs("URS-EXE-030")
def test_a_rinse_above_its_limit_is_repeated_once(cleaning: Cleaning) -> None:
    cleaning.rinses = ["6.4", "5.0"]
    assert "K080 x2" in cleaning.done()
    assert cleaning.plant.state() == "complete"


@pytest.mark.urs("URS-EXE-030")
def test_two_rinses_above_the_limit_hold_the_cleaning(cleaning: Cleaning) -> None:
    cleaning.rinses = ["6.4", "5.1"]
    assert cleaning.done()[-1] == "K080 x2"
    assert cleaning.plant.state() == "held"
    assert "rinse_failed" in str(cleaning.plant.host.problems)


@pytest.mark.urs("URS-EXE-030")
def test_a_granulator_that_is_not_clean_is_washed_again(cleaning: Cleaning) -> None:
    cleaning.looks = ["fail", "clean"]
    done = cleaning.done()
    assert {"K050 x2", "K060 x2", "K080 x2", "K100 x2", "K120 x2", "K040"} <= set(done)
    assert cleaning.plant.state() == "complete"


@pytest.mark.urs("URS-EXE-030")
def test_a_minor_cleaning_that_fails_becomes_a_full_one(cleaning: Cleaning) -> None:
    cleaning.values["K010.extent"] = "minor"
    cleaning.looks = ["fail", "clean"]
    assert {"K040", "K060", "K120 x2"} <= set(cleaning.done())
    assert cleaning.plant.state() == "complete"


@pytest.mark.urs("URS-EXE-030")
def test_three_failed_inspections_hold_the_cleaning(cleaning: Cleaning) -> None:
    cleaning.looks = ["fail"]
    assert "K120 x3" in cleaning.done()
    assert cleaning.plant.state() == "held"
    assert "not_clean" in str(cleaning.plant.host.problems)


def test_what_is_critical_and_who_signs_it_is_that_of_the_plant() -> None:
    steps = {step.key: step for step in import_procedure(FILE.read_bytes()).procedure.steps()}
    assert [key for key, step in steps.items() if step.critical] == ["K060", "K080", "K120", "K130"]
    acts = {key: step.signature.signed_acts for key, step in steps.items()}
    assert sum(acts[key] for key in FULL) == 17
