"""A batch as the rules say that it must stand after every act: the oracle of the record.

Knows nothing of commands, rows or the engine: where the flow stands is told by the token game, who
may do what by the few rules below. An act is allowed or not; what is not allowed changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Literal

from tests.support.tokengame import Scope, TokenGame
from workflows.model import InclusiveGateway, Level, Procedure, StepTask
from workflows.step import Parameter, Step

Word = Literal[
    "start", "perform", "sign", "correct", "report", "release", "hold", "restart", "stop", "abort"
]
ROLES = {
    "A-001": "ADMIN", "P-101": "OP", "P-102": "OP", "P-103": "OP", "P-104": "DI", "P-105": "SU",
    "P-106": "QC", "P-107": "QA",
}  # fmt: skip
NOT_QUALIFIED = {"P-103"}
NEED_RECIPE = {"OP", "DI"}
"""Roles whose people must be qualified on the recipe."""
MAY: dict[str, set[str]] = {
    "verify": {"OP", "DI", "SU", "QC"},
    "report": {"OP", "DI", "SU", "QC", "QA"},
    "hold": {"SU", "QA"},
    "restart": {"SU"},
    "stop": {"SU"},
    "abort": {"SU"},
    "major": {"SU"},
    "critical": {"QA"},
}
PARTS = {"performed": ["performer"], "performed_verified": ["performer", "verifier"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Somebody, who says to act in a role, wants something."""

    word: Word
    badge: str
    role: str
    path: str = ""
    part: str = ""
    revision: int = 1
    values: Mapping[str, str] = field(default_factory=dict)
    severity: str = ""
    number: int = 0
    typed: str = ""


@dataclass
class Place:
    """A step that the flow has reached."""

    path: str
    level: Level
    element: str
    step: Step
    state: str = "ready"
    revision: int = 1
    performers: set[str] = field(default_factory=set)
    signed: dict[str, str] = field(default_factory=dict)
    """Who signed which part of this revision."""
    values: dict[str, str] = field(default_factory=dict)
    started_at: int = 0
    signed_at: int = 0
    performed: bool = False
    completed: bool = False

    @property
    def missing(self) -> list[str]:
        """The parts that this revision still needs, in order."""
        due = list(PARTS[self.step.signature.mode.value])
        if self.step.signature.approval.value != "none":
            due.append("approver")
        return [part for part in due if part not in self.signed]


@dataclass
class Case:
    """An exception."""

    severity: str
    path: str | None
    released: bool


class RecordModel:
    """The batch; `may` says whether an act is allowed, `do` what it leads to."""

    def __init__(self, procedure: Procedure) -> None:
        self.state = "running"
        self.held_by_person = False
        self.places: dict[str, Place] = {}
        self.cases: list[Case] = []
        self._asked: list[list[tuple[str, bool]]] = []
        self._now = 0
        self._game = TokenGame(procedure, self._decide)
        self._reach()

    @property
    def open(self) -> list[str]:
        """Paths of the steps at which the flow stands."""
        return [] if self._over else self._game.ready

    @property
    def _over(self) -> bool:
        return self.state in ("complete", "stopped", "aborted")

    # --- what is allowed

    def may(self, act: Act) -> bool:
        """Whether the rules let this person do this now."""
        if act.word in ("start", "perform", "sign", "correct", "report"):
            place = self.places.get(act.path)
            return place is not None and self._may_at(place, act)
        if act.word == "release":
            return self._may_release(act)
        allowed = ROLES[act.badge] in MAY[act.word]
        if act.word == "restart":
            return allowed and self.state == "held" and not self._critical()
        typed = act.word != "abort" or act.typed == "B-2045"
        return allowed and typed and not self._over

    def _may_at(self, place: Place, act: Act) -> bool:
        if act.word == "report":
            return ROLES[act.badge] in MAY["report"]
        if act.word != "start" and act.revision != place.revision:
            return False
        if act.word == "sign":
            return self._may_sign(place, act)
        if not _able(act, place.step.role):
            return False
        if act.word == "correct":
            return place.performed and _is_correctable(place, act)
        fits = act.word == "start" or _fits(place.step, act.values)
        states = ("ready",) if act.word == "start" else ("ready", "started")
        return fits and place.state in states and self.state == "running"

    def _may_sign(self, place: Place, act: Act) -> bool:
        if not place.performed or place.missing[:1] != [act.part]:
            return False
        corrected = place.revision > 1
        if not corrected and (place.state == "cancelled" or self._over):
            return False
        policy = place.step.signature
        role = {"verifier": policy.verifier_role, "approver": "SU"}.get(act.part, place.step.role)
        if role is None and ROLES[act.badge] not in MAY["verify"]:
            return False
        return _able(act, role) and act.badge not in {*place.performers, *place.signed.values()}

    def _may_release(self, act: Act) -> bool:
        if not 0 < act.number <= len(self.cases) or self._over:
            return False
        case = self.cases[act.number - 1]
        return not case.released and ROLES[act.badge] in MAY[case.severity]

    def _critical(self) -> bool:
        return any(case.severity == "critical" and not case.released for case in self.cases)

    # --- what it leads to

    def do(self, act: Act) -> None:
        """The act is done."""
        self._now += 1
        match act.word:
            case "start":
                self._start(self.places[act.path])
            case "perform":
                self._perform(self.places[act.path], act)
            case "sign":
                self._sign(self.places[act.path], act)
            case "correct":
                self._correct(self.places[act.path], act)
            case "report":
                self._raise(act.severity, act.path)
            case "release":
                self._release(self.cases[act.number - 1])
            case "hold":
                self.state, self.held_by_person = "held", True
            case "restart":
                self._restart()
            case "stop" | "abort":
                self._end("stopped" if act.word == "stop" else "aborted")

    def _start(self, place: Place) -> None:
        place.state, place.started_at = "started", self._now

    def _perform(self, place: Place, act: Act) -> None:
        if place.state == "ready":
            self._start(place)
        place.values, place.performed = dict(act.values), True
        place.performers.add(act.badge)
        for parameter in place.step.parameters:
            self._judge(place, parameter)
        place.signed["performer"], place.signed_at = act.badge, self._now
        self._settle(place)

    def _sign(self, place: Place, act: Act) -> None:
        if act.part == "verifier" and self._successor_began(place):
            self._raise("major", place.path)
        place.signed[act.part] = act.badge
        self._settle(place)

    def _correct(self, place: Place, act: Act) -> None:
        ((code, text),) = act.values.items()
        place.values[code] = text
        place.revision += 1
        place.signed = {"performer": act.badge}
        place.signed_at = self._now
        self._judge(place, next(p for p in place.step.parameters if p.code == code))
        for asked in self._asked:
            if place.step.key == "K" and (code, text != "yes") in asked:
                self._raise("major", place.path)
        self._settle(place)

    def _judge(self, place: Place, parameter: Parameter) -> None:
        severity = _breach(parameter, place.values[parameter.code])
        if severity:
            self._raise(severity, place.path)

    def _raise(self, severity: str, path: str | None) -> None:
        self.cases.append(Case(severity, path, severity == "minor"))
        if severity == "critical" and self.state == "running":
            self.state, self.held_by_person = "held", False

    def _release(self, case: Case) -> None:
        case.released = True
        if self.state == "held" and not self.held_by_person and not self._critical():
            self._restart()
        elif self.state == "running":
            self._settle_held()

    def _restart(self) -> None:
        self.state, self.held_by_person = "running", False
        self._settle_held()

    def _end(self, state: str) -> None:
        self.state = state
        self.cases.append(Case("major" if state == "stopped" else "critical", None, True))
        for place in self.places.values():
            if not place.completed:
                place.state = "cancelled"

    def _settle_held(self) -> None:
        for place in [each for each in self.places.values() if each.state == "held"]:
            self._settle(place)

    def _settle(self, place: Place) -> None:
        if place.state == "cancelled":
            return
        if place.missing:
            place.state = "performed"
        elif place.completed:
            place.state = "complete"
        elif self.state != "running" or self._is_blocked(place):
            place.state = "held"
        else:
            place.state, place.completed = "complete", True
            self._game.complete(place.path)
            self._reach()

    def _is_blocked(self, place: Place) -> bool:
        return any(not case.released and case.path in (None, place.path) for case in self.cases)

    def _successor_began(self, place: Place) -> bool:
        inside = place.path.rpartition("/")[0] + "/"
        after = _after(place.level, place.element)
        later = list(self.places)[list(self.places).index(place.path) + 1 :]
        return any(
            self.places[path].started_at > place.signed_at
            and path.startswith(inside)
            and path.removeprefix(inside).partition("#")[0] in after
            for path in later
        )

    # --- where the flow stands

    def _reach(self) -> None:
        if self._game.root is None:
            self.state = "complete"
            return
        for path, level, element in _tokens(self._game.root):
            node = level.node(element)
            if isinstance(node, StepTask) and path not in self.places:
                self.places[path] = Place(path, level, element, node.step)

    def _decide(self, path: str, inside: Level, gateway: str, counts: Counter[str]) -> list[str]:
        leaving = inside.outgoing(gateway)
        given = self.places["PROC/K#1"].values
        several = isinstance(inside.node(gateway), InclusiveGateway)
        asked: list[tuple[str, bool]] = []
        met: list[str] = []
        for way in leaving:
            if way.condition is None or (met and not several):
                continue
            code = way.condition.removeprefix("K.")
            asked.append((code, given[code] == "yes"))
            met += [way.id] if asked[-1][1] else []
        self._asked.append(asked)
        return met or [way.id for way in leaving if way.condition is None]


def _able(act: Act, needed: str | None) -> bool:
    """The person holds the role that is needed and the one claimed, and is qualified for it."""
    held = ROLES[act.badge]
    if {needed or act.role, act.role} != {held}:
        return False
    return held not in NEED_RECIPE or act.badge not in NOT_QUALIFIED


def _fits(step: Step, values: Mapping[str, str]) -> bool:
    """Each value that the step asks for is given, of the right form, and no other."""
    codes = {parameter.code for parameter in step.parameters}
    return codes == set(values) and all(_reads(p, values[p.code]) for p in step.parameters)


def _reads(parameter: Parameter, text: str) -> bool:
    if parameter.data_type.value == "boolean":
        return text in ("yes", "no")
    return _number(text) is not None


def _number(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def _is_correctable(place: Place, act: Act) -> bool:
    ((code, text),) = act.values.items()
    parameter = next((p for p in place.step.parameters if p.code == code), None)
    return parameter is not None and _reads(parameter, text) and place.values[code] != text


def _breach(parameter: Parameter, text: str) -> str | None:
    """Beyond the outer limit counts alone."""
    found = None
    for limit in parameter.limits:
        if not Decimal(limit.low or "0") <= Decimal(text) <= Decimal(limit.high or "0"):
            found = {"alert": "minor", "action": "major", "registered": "critical"}[
                limit.tier.value
            ]
    return found


def _after(level: Level, element: str) -> set[str]:
    found: set[str] = set()
    more = {flow.target for flow in level.flows if flow.source == element}
    while more - found:
        found |= more
        more = {flow.target for flow in level.flows if flow.source in found}
    return found


def _tokens(scope: Scope) -> Iterator[tuple[str, Level, str]]:
    for path, element in scope.tokens.items():
        yield path, scope.level, element
    for children in scope.children.values():
        for child in children:
            yield from _tokens(child)
