"""Two people complete one step at the same moment (F8): one wins, everybody else is refused with a
rule and somebody to ask; fifty attempts from two processes leave one completion."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from multiprocessing.connection import Connection
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from core.errors import Refusal
from ebr.commands import steps
from ebr.models import StepState
from tests.support import faultplant, faultreport
from tests.support.faultcheck import Findings
from tests.support.records import RECORD, RecordPlant
from tests.support.templates import Templates

FORK = multiprocessing.get_context("fork")
PEOPLE = ("P-101", "P-102")
EACH, THREADS = 25, 8
Answers = Counter[str]
Break = Callable[[], None]


def attempt(plant: RecordPlant, badge: str, path: str, _: int) -> str:
    """Perform and sign the step; answers how that went, in the words of the refusal."""
    try:
        plant.person(badge).perform(RECORD, path, faultplant.ENTRY)
    except Refusal as refusal:
        spoken = refusal.fact and refusal.resolver
        return f"{refusal.http_status} {refusal.rule}" if spoken else "refused without a word"
    except IntegrityError as error:
        return type(error).__name__
    return "done"


def compete(
    url: str, folder: Path, badge: str, path: str, go: Event, told: Connection, broken: Break | None
) -> None:
    """One of two processes: many attempts of one person, all at once."""
    if broken is not None:
        broken()
    folder.mkdir()
    plant = RecordPlant(url, folder)
    with ThreadPoolExecutor(THREADS) as pool:
        go.wait()
        told.send(Counter(pool.map(partial(attempt, plant, badge, path), range(EACH))))
    plant.close()


def competed(url: str, folder: Path, path: str, broken: Break | None = None) -> dict[str, Answers]:
    """Let both people try at the same moment; answers what each was told."""
    go, ends, answers = FORK.Event(), [], {}
    for badge in PEOPLE:
        ours, theirs = FORK.Pipe(duplex=False)
        arguments: tuple[Any, ...] = (url, folder / badge, badge, path, go, theirs, broken)
        process = FORK.Process(target=compete, args=arguments)
        process.start()
        theirs.close()
        ends.append((badge, ours, process))
    go.set()
    for badge, ours, process in ends:
        answers[badge] = ours.recv()
        process.join()
        ours.close()
    return answers


def raced(url: str, folder: Path, broken: Break | None = None) -> tuple[Answers, Findings]:
    """Everything that fifty attempts at one step were told, and what they left."""
    plant = RecordPlant(url, folder)
    path = faultplant.open_step(plant)
    plant.house.database.close()
    answers = competed(url, folder, path, broken)
    total = sum(answers.values(), Counter[str]())
    found = faultplant.check(plant, [path])
    plant.close()
    return total, found


def told(answers: Answers) -> str:
    """The answers in words."""
    return ", ".join(f"{times} times {answer}" for answer, times in sorted(answers.items()))


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.timeout(300)
def test_fifty_completions_by_two_people_in_two_processes_have_one_winner(
    database_url: str, templates: Templates, tmp_path: Path
) -> None:
    templates.fill(database_url, faultplant.build)
    answers, found = raced(database_url, tmp_path)
    name = database_url.partition("+")[0].partition(":")[0]
    faultreport.tell(f"races-{name}", found, runs=EACH * len(PEOPLE), note=told(answers))
    assert answers == {"done": 1, "409 step.order": EACH * len(PEOPLE) - 1}
    assert not found.any, found


def forgets_the_state() -> None:
    """Nobody looks whether the step is still open, neither the record nor the engine."""
    finish = steps.settle

    def settled(context: Any) -> None:
        if context.step.state != StepState.COMPLETE:
            finish(context)

    steps._refuse_unless = lambda *_: None
    steps.settle = settled


@pytest.mark.timeout(300)
def test_without_the_look_at_the_state_only_the_database_stands_in_the_way(
    sqlite_url: str, templates: Templates, tmp_path: Path
) -> None:
    templates.fill(sqlite_url, faultplant.build)
    answers, found = raced(sqlite_url, tmp_path, forgets_the_state)
    caught = f"{answers['IntegrityError']} attempts stopped by the database only, without a word"
    faultreport.tell_control("races-sqlite", "forgets the state of the step", caught)
    assert answers["IntegrityError"] > 0
    assert not found.doubled, "the database holds each value of a step once"
