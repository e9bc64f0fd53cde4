"""The random walk over the record, through its pages: forms sent twice, late, and with used keys.

Who acts chooses no role here (the page does), and a field that a step does not ask for is not read:
acts are told to the model as the pages can carry them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from secrets import token_hex

from sqlalchemy import select
from werkzeug.test import TestResponse

from ebr import queries
from ebr.commands.ending import Cause
from ebr.models import StepRecord
from tests.support.recordmodel import ROLES, Act, RecordModel
from tests.support.records import PEOPLE, RECORD, RecordPlant
from tests.support.recordwalk import EVERY_ROW, REMEMBERED, Crowd, recipe, shown_by, shown_of
from tests.support.untouched import untouched
from tests.support.web import Forms, Visitor, app_of
from workflows.importing import import_procedure

BATCH = "/records/B-2045"
Form = Mapping[str, str | list[str]]
USED = 0.15
"""How often a form comes with the key of one that the same person has sent before."""


class WebHands:
    """Sends acts as forms; every person has a browser of their own."""

    def __init__(self, plant: RecordPlant) -> None:
        self._plant = plant
        self._app = app_of(plant)
        self._visitors: dict[str, Visitor] = {}
        self._tokens: dict[str, str] = {}
        self._acts = 0
        self.sent: list[tuple[Visitor, str, Form]] = []
        """What was sent for the last act, in order."""

    def do(self, act: Act, key: str) -> int:
        """Send the form of the act, and the dialog that it leads to; answers the last status.

        Who acts must have come.
        """
        self._acts += 1
        self.sent = []
        to, fields = self._form(act)
        visitor = self._visitors[act.badge]
        guard = {"_key": key, "_for": act.badge, "csrf_token": self._tokens[act.badge]}
        answer = self._post(visitor, to, {**guard, "_revision": str(act.revision), **fields})
        if answer.status_code != 200:
            return answer.status_code
        asked = Forms(answer.get_data(as_text=True)).with_field("_request")
        secret = {"badge": act.badge, "passphrase": PEOPLE[act.badge].passphrase}
        return self._post(visitor, to, {**asked, **secret}).status_code

    def again(self) -> list[int]:
        """The same forms once more, as they were; answers their status."""
        return [visitor.client.post(to, data=form).status_code for visitor, to, form in self.sent]

    def _post(self, visitor: Visitor, to: str, form: Form) -> TestResponse:
        self.sent.append((visitor, to, form))
        return visitor.client.post(to, data=form)

    def come(self, badge: str) -> None:
        """Somebody signs in at a terminal, once."""
        if badge in self._visitors:
            return
        visitor = Visitor(self._app)
        assert visitor.login(badge).status_code == 303
        page = visitor.get("/", follow_redirects=True).get_data(as_text=True)
        self._tokens[badge] = Forms(page).with_field("csrf_token")["csrf_token"][0]
        self._visitors[badge] = visitor

    def _form(self, act: Act) -> tuple[str, dict[str, str]]:
        why = f"because of what was seen in act {self._acts}"
        if act.word in ("hold", "restart"):
            return f"{BATCH}/{act.word}", {"reason": why}
        if act.word in ("stop", "abort"):
            told = {"cause": Cause.SAFETY.value, "text": why, "typed": act.typed}
            return f"{BATCH}/end/{act.word}", told
        if act.word == "release":
            return f"{BATCH}/exceptions/{act.number}/go-on", {"reason": why}
        return self._form_of_step(act, why)

    def _form_of_step(self, act: Act, why: str) -> tuple[str, dict[str, str]]:
        page = self._page(act.path)
        if act.word == "perform":
            values = {f"v-{code}": text for code, text in act.values.items()}
            return f"{page}/perform", values
        if act.word == "sign":
            return f"{page}/sign/{act.part}", {}
        if act.word == "correct":
            ((code, text),) = act.values.items()
            return f"{page}/correct/{code}/0", {"text": text, "reason": why}
        if act.word == "report":
            return f"{page}/report", {"severity": act.severity, "text": why}
        return f"{page}/start", {}

    def _page(self, path: str) -> str:
        """The address of a step; one that was never reached has none that leads anywhere."""
        with self._plant.house.reading() as session:
            run = queries.run_of(session, RECORD)
            wanted = select(StepRecord).where(StepRecord.run_id == run.id, StepRecord.path == path)
            step = session.scalars(wanted).one_or_none()
            return f"{BATCH}/steps/" + (f"{step.key}/{step.occurrence}" if step else "T1/99")


def as_sent(act: Act) -> Act:
    """The act as a page can carry it."""
    values = dict(act.values)
    if act.word == "perform":
        values.pop("other", None)
    return replace(act, role=ROLES[act.badge], values=values)


def walk(plant: RecordPlant, seed: int, acts: int) -> tuple[int, int]:
    """So many acts on a batch of the recipe of a seed; answers how many were done and refused.

    Fails at the first form that is taken though the model forbids it, refused though it allows it,
    answered as an error of the server, or that does anything when it is sent again.
    """
    data, chance = recipe(seed), random.Random(f"pages {seed}")
    plant.start(data)
    model = RecordModel(import_procedure(data).procedure)
    crowd, hands = Crowd(random.Random(seed), model), WebHands(plant)
    keys: dict[tuple[str, str], str] = {}
    done = 0
    for number in range(acts):
        plant.later(seconds=1)
        act, where = as_sent(crowd.act()), f"seed {seed}, act {number}"
        hands.come(act.badge)
        used = keys.get((act.badge, act.word))
        if used is not None and chance.random() < USED:
            assert hands.do(act, used) in (303, *range(400, 500)), f"{where}, used key: {act}"
            assert shown_by(plant) == shown_of(model), f"{where}, used key: {act}"
        key = token_hex(16)
        allowed = model.may(act)
        send(plant, hands, act, key, allowed=allowed, every_row=number % EVERY_ROW == 0)
        if allowed:
            model.do(act)
            keys[act.badge, act.word] = key
            done += 1
        assert shown_by(plant) == shown_of(model), f"{where}: {act}"
        assert all(status < 500 for status in hands.again()), f"{where}, again: {act}"
        assert shown_by(plant) == shown_of(model), f"{where}, again: {act}"
    return done, acts - done


def send(
    plant: RecordPlant, hands: WebHands, act: Act, key: str, *, allowed: bool, every_row: bool
) -> None:
    """Send the form: taken when the act is allowed, else refused, which changes nothing."""
    watched = every_row and not allowed
    with untouched(plant.house, besides=REMEMBERED) if watched else nullcontext():
        status = hands.do(act, key)
    assert status == 303 if allowed else 400 <= status < 500, f"{status}: {act}"
