"""Random acts of random people on a running batch, compared with the model after each."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

import pytest

from core.errors import Refusal
from ebr import queries
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.ending import Cause, Ending, EndRun, end_run
from ebr.commands.exceptions import ExceptionReference, release_exception
from ebr.commands.remarks import report_exception
from ebr.commands.runs import hold_run, restart_run
from ebr.commands.steps import StepReference, sign_step
from ebr.entry import Entry
from engine import queries as flow
from tests.support.bpmn import step, task
from tests.support.drawing import Drawer, drawn
from tests.support.recordmodel import ROLES, Act, Place, RecordModel, Word
from tests.support.records import RECORD, RecordPlant
from tests.support.untouched import untouched
from workflows.importing import import_procedure
from workflows.words import Severity

MASS = (
    '<bw:parameter code="mass" dataType="decimal" unit="kg" decimals="2">'
    '<bw:limit tier="alert" low="9.80" high="10.20"/>'
    '<bw:limit tier="action" low="9.50" high="10.50"/>'
    '<bw:limit tier="registered" low="9.00" high="11.00"/></bw:parameter>'
)
TRIES = 10
EVERY_ROW = 8
"""After how many refused acts the whole database is compared; the record is after each."""
SEVERITIES = ("minor", "major", "critical")
SECOND = ("P-101", "P-102", "P-102", "P-104", "P-105", "P-106", "P-107")
"""Who may come to verify, the performer among them."""
MASSES = ("10.00", "10.01", "9.99", "10.30", "9.40", "11.50", "much")
APPROVED = '<bw:signature mode="performed" approval="supervisor"/>'
REMEMBERED = frozenset({"signing_ceremony", "credential", "login_session"})
"""What a refused signing leaves: that somebody proved who they are."""
Shown = tuple[str, dict[str, tuple[str, int, list[tuple[str, str]]]], list[Any], list[str]]


class StepDrawer(Drawer):
    """Steps of every kind of signature: one person, two, with approval, of another role."""

    def task(self, name: str) -> str:
        kinds = (
            step(name),
            step(name, MASS, kind="entry", mode="performed_verified"),
            step(name, MASS, kind="entry", mode="performed_verified"),
            step(name, MASS, kind="entry", signature=APPROVED),
            step(name, role="QC"),
        )
        return task(name, self.random.choice(kinds))


def recipe(seed: int) -> bytes:
    """A random recipe on which the people of the test site are qualified."""
    return re.sub(rb'code="TST-\d+"', b'code="TST-1"', drawn(seed, drawer=StepDrawer))


class Crowd:
    """Proposes acts: one that leads on, the same by anybody else, or anything."""

    def __init__(self, chance: random.Random, model: RecordModel) -> None:
        self._chance = chance
        self._model = model

    def act(self) -> Act:
        """The next act."""
        kind = self._chance.random()
        if kind < 0.2:
            return self._any()
        if kind < 0.4:
            return self._lead()
        tries = (self._lead() for _ in range(TRIES))
        act = next((act for act in tries if self._model.may(act)), self._any())
        return self._spoilt(act) if kind < 0.6 else act

    def _spoilt(self, act: Act) -> Act:
        """The same by somebody else, of another revision, or at another step; what a second person
        signs also by who performed it."""
        badge = self._chance.choice(sorted(ROLES))
        path = self._chance.choice(list(self._model.places))
        place = self._model.places.get(act.path)
        if act.word == "sign" and place and place.performers and self._chance.random() < 0.5:
            badge = min(place.performers)
            return replace(act, badge=badge, role=ROLES[badge])
        others = (
            {"badge": badge, "role": ROLES[badge]},
            {"revision": act.revision + self._chance.choice([1, -1])},
            {"path": path},
        )
        return replace(act, **self._chance.choice(others))

    def _lead(self) -> Act:
        """What might come next, by who might do it, whether or not the batch is HELD."""
        kind = self._chance.random()
        waiting = [n for n, case in enumerate(self._model.cases, 1) if not case.released]
        if waiting and kind < 0.2:
            number = self._chance.choice(waiting)
            major = self._model.cases[number - 1].severity == "major"
            return self._by("P-105" if major else "P-107", "release", number=number)
        if kind < 0.3:
            return self._by("P-105", "restart" if self._model.state == "held" else "hold")
        places = list(self._model.places.values())
        recorded = [place for place in places if place.values]
        if recorded and kind < 0.45:
            return self._corrects(self._chance.choice(recorded))
        todo = [place for place in places if place.missing and place.state != "cancelled"]
        if todo and kind < 0.95:
            return self._next_at(self._chance.choice(todo))
        path, severity = self._chance.choice(places).path, self._chance.choice(SEVERITIES)
        return self._by("P-102", "report", path=path, severity=severity)

    def _corrects(self, place: Place) -> Act:
        given = self._correction(place)
        return self._by("P-101", "correct", path=place.path, revision=place.revision, values=given)

    def _next_at(self, place: Place) -> Act:
        performer = "P-106" if place.step.role == "QC" else "P-101"
        if not place.performed:
            return self._by(
                performer, "perform", path=place.path, values=self._values(place, good=True)
            )
        part = place.missing[0]
        badge = {"approver": "P-105"}.get(part, self._chance.choice(SECOND))
        return self._by(badge, "sign", path=place.path, part=part, revision=place.revision)

    def _any(self) -> Act:
        words: list[Word] = ["start", "perform", "sign", "correct"] * 4
        words += ["report", "release", "hold", "restart"] * 2
        words += ["stop", "abort"] if self._chance.random() < 0.1 else []
        badge = self._chance.choice([*ROLES, "P-101", "P-102", "P-105"])
        place = self._chance.choice(list(self._model.places.values()))
        act = self._chance.choice(words)
        return self._by(
            badge,
            act,
            role=self._chance.choice([ROLES[badge]] * 9 + ["OP"]),
            path=self._chance.choice([place.path] * 9 + [f"{place.path}9", "PROC/T1#7"]),
            part=self._chance.choice(["verifier", "verifier", "approver", "performer"]),
            revision=place.revision + self._chance.choice([0, 0, 0, 0, 1, -1]),
            values=self._correction(place) if act == "correct" else self._values(place),
            severity=self._chance.choice(SEVERITIES),
            number=self._chance.randint(1, len(self._model.cases) + 1),
            typed=self._chance.choice(["B-2045", "B-2046"]),
        )

    def _by(self, badge: str, word: Word, role: str = "", **more: Any) -> Act:
        return Act(word=word, badge=badge, role=role or ROLES[badge], **more)

    def _values(self, place: Place, *, good: bool = False) -> dict[str, str]:
        given = {p.code: self._text(p.code) for p in place.step.parameters}
        if good and "mass" in given and self._chance.random() < 0.8:
            given["mass"] = "10.00"
        if not good and self._chance.random() < 0.1:
            given["other"] = "10.00"
        return given

    def _correction(self, place: Place) -> dict[str, str]:
        codes = [p.code for p in place.step.parameters] or ["mass"]
        code = self._chance.choice(codes)
        return {code: self._text(code)}

    def _text(self, code: str) -> str:
        return self._chance.choice(("yes", "no") if code.startswith("b") else MASSES)


class CommandHands:
    """Does acts through the commands of the record, signed by the people themselves."""

    def __init__(self, plant: RecordPlant) -> None:
        self._plant = plant
        self._acts = 0

    def do(self, act: Act) -> None:
        """Raises the Refusal, if it is one."""
        self._acts += 1
        getattr(self, f"_{act.word}")(self._plant.person(act.badge, act.role), act)

    @property
    def _why(self) -> str:
        return f"because of what was seen in act {self._acts}"

    def _reference(self, act: Act) -> StepReference:
        return StepReference(record=RECORD, path=act.path, revision=act.revision)

    def _start(self, who: Any, act: Act) -> None:
        who.start(RECORD, act.path)

    def _perform(self, who: Any, act: Act) -> None:
        entry = Entry(values={code: (text,) for code, text in act.values.items()})
        who.perform(RECORD, act.path, entry, revision=act.revision)

    def _sign(self, who: Any, act: Act) -> None:
        meaning = {"approver": "approved", "verifier": "verified"}.get(act.part, "performed")
        self._signed(who, sign_step, self._reference(act), act.part, meaning=meaning)

    def _correct(self, who: Any, act: Act) -> None:
        ((code, text),) = act.values.items()
        correction = Correction(code=code, position=0, text=text, reason=self._why)
        self._signed(who, correct_value, self._reference(act), correction, meaning="performed")

    def _signed(self, who: Any, command: Callable[..., Any], *more: Any, meaning: str) -> None:
        who.sign(command, *more, meaning=meaning, record=RECORD, shown=lambda told: told.shown)

    def _report(self, who: Any, act: Act) -> None:
        severity = Severity(act.severity)
        who.do(report_exception, self._reference(act), severity, self._why, record=RECORD)

    def _release(self, who: Any, act: Act) -> None:
        reference = ExceptionReference(record=RECORD, number=act.number)
        who.sign(release_exception, reference, self._why, meaning="approved", record=RECORD)

    def _hold(self, who: Any, _act: Act) -> None:
        who.do(hold_run, RECORD, f"held {self._why}", record=RECORD)

    def _restart(self, who: Any, _act: Act) -> None:
        who.do(restart_run, RECORD, self._why, record=RECORD)

    def _stop(self, who: Any, act: Act) -> None:
        command = EndRun(
            record=RECORD,
            how=Ending(act.word),
            cause=Cause.SAFETY,
            text=self._why,
            typed=act.typed,
        )
        who.sign(end_run, command, meaning="approved", record=RECORD)

    _abort = _stop


def shown_by(plant: RecordPlant) -> Shown:
    """The record as it stands: run, steps with their signatures, exceptions, open tasks."""
    with plant.house.reading() as session:
        run = queries.run_of(session, RECORD)
        steps = queries.steps(session, run)
        return (
            run.state,
            {
                each.path: (
                    each.state,
                    each.revision,
                    sorted(
                        (row.part, row.signer)
                        for row in queries.signatures(session, each)
                        if row.revision == each.revision
                    ),
                )
                for each in steps
            },
            [
                (case.severity, case.step.path if case.step else None, case.released)
                for case in queries.exceptions(session, run)
            ],
            sorted(task.path for task in flow.open_tasks(session, RECORD)),
        )


def shown_of(model: RecordModel) -> Shown:
    """The same of the model."""
    return (
        model.state,
        {
            place.path: (place.state, place.revision, sorted(place.signed.items()))
            for place in model.places.values()
        },
        [(case.severity, case.path, case.released) for case in model.cases],
        model.open,
    )


def walk(plant: RecordPlant, seed: int, acts: int) -> tuple[int, int]:
    """So many acts on a batch of the recipe of a seed; answers how many were done and refused.

    Fails at the first act that is done though the model forbids it, refused though it allows it,
    leads elsewhere than in the model, or changes something though it is refused.
    """
    data = recipe(seed)
    plant.start(data)
    model = RecordModel(import_procedure(data).procedure)
    crowd, hands = Crowd(random.Random(seed), model), CommandHands(plant)
    refused = 0
    for number in range(acts):
        plant.later(seconds=1)
        act = crowd.act()
        if model.may(act):
            hands.do(act)
            model.do(act)
        else:
            refuse(plant, hands, act, every_row=refused % EVERY_ROW == 0)
            refused += 1
        assert shown_by(plant) == shown_of(model), f"seed {seed}, act {number}: {act}"
    return acts - refused, refused


def refuse(plant: RecordPlant, hands: CommandHands, act: Act, *, every_row: bool) -> None:
    """The act is refused; with `every_row` no row of any table has changed."""
    whole = untouched(plant.house, besides=REMEMBERED) if every_row else nullcontext()
    with whole, pytest.raises(Refusal):
        hands.do(act)
