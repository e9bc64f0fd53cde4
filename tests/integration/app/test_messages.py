"""`batchwright message`: what a batch waits for, and passing on what came, by the command line."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest

from app import messagecli
from ebr.commands.messages import send_message
from ebr.commands.runs import hold_run
from ebr.entry import Entry
from ebr.models import StepState
from tests.integration.app.conftest import Command, Seeded
from tests.integration.ebr.test_messages import RESULT, recipe
from tests.support.records import PEOPLE, RECORD, RecordPlant


@pytest.fixture
def waiting(plant: RecordPlant, monkeypatch: pytest.MonkeyPatch) -> RecordPlant:
    """A batch that waits for the result of lot L-7, on the site that the commands open."""
    plant.start(recipe(plant_wide=True))
    plant.person("P-101").perform(RECORD, plant.path("A"), Entry(values={"lot": ("L-7",)}))
    monkeypatch.setattr(messagecli, "opened", lambda _settings: nullcontext(plant.house))
    return plant


def say(batchwright: Command, *words: str, badge: str = "P-105") -> tuple[int, str]:
    told = batchwright("message", *words, "--as", badge, typed=PEOPLE[badge].passphrase + "\n")
    return told.exit_code, told.output


def send(batchwright: Command, about: str = "L-7", badge: str = "P-105") -> tuple[int, str]:
    words = ("send", "B-2045", "lab_result", "--sender", "LIMS", "--for", about)
    return say(batchwright, *words, "--value", "verdict=passed", badge=badge)


@pytest.mark.urs("URS-EXE-050")
def test_a_message_is_listed_sent_and_kept_in_the_record(
    batchwright: Command, waiting: RecordPlant
) -> None:
    listed = batchwright("message", "waiting", "B-2045").output
    assert listed.startswith("message lab_result for L-7, at RESULT, since 2026-03-02 07:00")
    code, told = send(batchwright)
    assert (code, told.splitlines()[-1]) == (0, "B-2045: released RESULT, opened WASH")
    entry = next(each for each in waiting.entries() if each["action"] == "message.received")
    assert entry["facts"]["payload"] == {"verdict": "passed"}
    assert (entry["actor"]["id"], entry["actor"]["terminal"]) == ("P-105", "command line")


@pytest.mark.urs("URS-EXE-010", "URS-IAM-020")
def test_what_does_not_fit_and_who_may_not_end_with_3(
    batchwright: Command, waiting: RecordPlant
) -> None:
    code, told = send(batchwright, about="L-8")
    assert (code, "message.correlation" in told) == (3, True), told
    code, told = send(batchwright, badge="P-101")
    assert (code, "permission.missing" in told) == (3, True), told
    assert "message.received" not in waiting.actions()


@pytest.mark.urs("URS-EXE-050")
def test_a_plant_wide_signal_is_given_to_each_batch_that_waits(
    batchwright: Command, waiting: RecordPlant
) -> None:
    words = ("signal", "spill", "--sender", "guard of the site")
    code, told = say(batchwright, *words)
    assert (code, told.splitlines()[-1]) == (0, "no batch of the site waits for spill")
    send(batchwright)
    code, told = say(batchwright, *words)
    assert (code, told.splitlines()[-1]) == (0, "B-2045: released SPILL, opened CLEAN")
    assert waiting.step("WASH").state == StepState.CANCELLED
    assert "signal.received" in waiting.actions()


@pytest.mark.urs("URS-EXE-050", "URS-AUD-010")
def test_a_batch_that_refuses_a_plant_wide_signal_keeps_no_other_from_it(
    batchwright: Command, waiting: RecordPlant
) -> None:
    send(batchwright)
    waiting.start(recipe(plant_wide=True) + b"<!-- once more -->", number="B-2046")
    other = RECORD.replace("B-2045", "B-2046")
    path = waiting.step("A", number="B-2046").path
    waiting.person("P-101").perform(other, path, Entry(values={"lot": ("L-9",)}))
    waiting.person("P-105").do(
        send_message, replace(RESULT, record=other, correlation="L-9"), record=other
    )
    waiting.person("P-105").do(hold_run, RECORD, "a leak at the washer", record=RECORD)
    code, told = say(batchwright, "signal", "spill", "--sender", "guard of the site")
    assert code == 3
    assert "refused: B-2045 is HELD" in told
    assert "B-2046: released SPILL, opened CLEAN" in told
    assert waiting.actions()[-1] == "attempt.refused"


@pytest.mark.parametrize("value", ["verdict", "a=1 --value a=2"])
def test_a_value_without_a_name_of_its_own_is_wrong_use(
    batchwright: Command, waiting: RecordPlant, value: str
) -> None:
    words = f"send B-2045 lab_result --sender LIMS --value {value}".split()
    code, told = say(batchwright, *words)
    assert (code, "each value is NAME=TEXT" in told) == (2, True), told
    assert "message.received" not in waiting.actions()


def test_an_unknown_batch_waits_for_nothing(batchwright: Command, seeded: Seeded) -> None:
    told = batchwright("message", "waiting", "B-9999", home=seeded.settings.home)
    assert told.exit_code == 3
