"""Lists of a record: exceptions, attempts, people, holds, decisions, what was not executed."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from core.clock import show
from ebr import goingon
from ebr.models import ExceptionCase, ExceptionState
from ebr.report import steps, values, words
from ebr.report.model import (
    AttemptView,
    DecisionView,
    ExceptionView,
    HoldView,
    NotExecutedView,
    PersonView,
    QuestionView,
)
from ebr.report.rows import Rows, SealedEntry
from ebr.report.stepmodel import Pair, SignatureView, StepView
from engine import queries as flow
from engine.routes import CauseKind
from workflows.model import EndEvent, Gateway, Level, Node

CODE = re.compile(r"[a-z0-9]+(?:_[a-z0-9]+)+")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[^ ]*[+-]\d\d:\d\d\Z")
CAUSES = {
    CauseKind.GATEWAY: "gateway {} chose another way",
    CauseKind.EVENT: "event {} did not happen",
    CauseKind.INTERRUPTED: "{} was interrupted",
    CauseKind.ENDED: "{} ended before",
}


def signatures(rows: Rows, views: Mapping[UUID, StepView]) -> tuple[SignatureView, ...]:
    """All signatures of the record in order of signing: steps, exceptions, reviews, release."""
    of_steps = {
        (each.object, each.content_digest, each.key_id, each.meaning): each
        for view in views.values()
        for each in view.signatures
    }
    found = []
    for row in rows.signed.values():
        known = of_steps.get((row.object, row.content_digest, row.key_id, row.meaning))
        found.append(known or steps.signature_view(row, part="", what=words.plain(row.object)))
    return tuple(found)


def exceptions(rows: Rows, signed: Sequence[SignatureView]) -> tuple[ExceptionView, ...]:
    """Every exception with comment, decision and the signatures on it."""
    return tuple(_exception(rows, case, signed) for case in rows.exceptions)


def _exception(rows: Rows, case: ExceptionCase, signed: Sequence[SignatureView]) -> ExceptionView:
    step = case.step
    return ExceptionView(
        number=case.number,
        type=case.type,
        type_words=words.plain(case.type),
        severity=case.severity,
        text=case.text,
        facts=tuple(_facts(rows, case)),
        step=step.key if step else "",
        step_name=rows.specs[step.key].name if step else "",
        raised_at=case.raised_at,
        raised_by=rows.people.who(case.raised_by, case.raised_at),
        state=case.state,
        released=case.released,
        comment=case.comment or "",
        commented_by=rows.who(case.commented_by, None),
        decision=case.decision or "",
        decision_words=words.word(words.DECISIONS, case.decision or ""),
        decision_reason=case.decision_reason or "",
        decided_by=rows.who(case.decided_by, case.decided_at),
        decided_at=case.decided_at,
        signatures=tuple(each for each in signed if each.object == f"exception {case.number}"),
    )


def _facts(rows: Rows, case: ExceptionCase) -> Iterable[Pair]:
    proposal = goingon.proposal_of(case)
    if proposal is not None:
        by = rows.who(proposal.get("by"), None)
        yield Pair(name="proposed way", text=f"{proposal['label']}, by {by}: {proposal['reason']}")
        if "refused" in proposal:
            who = rows.who(proposal["refused_by"], None)
            yield Pair(name="proposal refused", text=f"by {who}: {proposal['refused']}")
    for pair in values.details({k: v for k, v in case.facts.items() if k != goingon.PROPOSAL}):
        text = pair.text
        if pair.name == "parameter" and case.step is not None:
            text = values.label_of(rows, rows.specs[case.step.key], text)
        elif MOMENT.match(text):
            text = show(datetime.fromisoformat(text), rows.site.zone)
        elif CODE.fullmatch(text):
            text = words.plain(text)
        yield Pair(name=words.plain(pair.name), text=text)


def open_count(cases: Iterable[ExceptionView]) -> int:
    """How many exceptions still wait for a decision."""
    return sum(1 for case in cases if case.state == ExceptionState.OPEN)


def attempts(rows: Rows) -> tuple[AttemptView, ...]:
    """Refused attempts in the record's own stream (URS-AUD-010)."""
    return tuple(
        _attempt(entry) for entry in rows.entries if entry.data["action"] == "attempt.refused"
    )


def _attempt(entry: SealedEntry) -> AttemptView:
    facts, actor = entry.data["facts"], entry.data["actor"]
    return AttemptView(
        entry=entry.rseq,
        at=entry.at,
        by=entry.by,
        role=actor["role"],
        terminal=actor["terminal"],
        command=words.plain(facts["command"]),
        rule=facts["rule"],
        fact=facts["fact"],
        resolver=facts["resolver"],
    )


def persons(rows: Rows, signed: Sequence[SignatureView]) -> tuple[PersonView, ...]:
    """Everybody who acted on the record, with the roles used and the meanings signed with."""
    acts: dict[str, list[SealedEntry]] = {}
    for entry in rows.entries:
        if entry.data["actor"]["kind"] == "person":
            acts.setdefault(entry.by.id, []).append(entry)
    return tuple(
        _person(badge, entries, [each for each in signed if each.badge == badge])
        for badge, entries in sorted(acts.items())
    )


def _person(
    badge: str, entries: Sequence[SealedEntry], signed: Sequence[SignatureView]
) -> PersonView:
    roles = dict.fromkeys(str(entry.data["actor"]["role"]) for entry in entries)
    return PersonView(
        badge=badge,
        name=entries[-1].by.name,
        roles=tuple(roles),
        meanings=tuple(dict.fromkeys(each.meaning for each in signed)),
        signatures=len(signed),
        acts=len(entries),
        first_at=entries[0].at,
        last_at=entries[-1].at,
    )


def holds(rows: Rows) -> tuple[HoldView, ...]:
    """Named hold times in order of their start."""
    return tuple(
        HoldView(
            name=words.plain(row.name),
            ordinal=row.ordinal,
            equipment=row.equipment or "",
            started_at=row.started_at,
            due_at=row.due_at,
            ended_at=row.ended_at,
            exceeded=row.exceeded,
        )
        for row in rows.holds
    )


def decisions(rows: Rows) -> tuple[DecisionView, ...]:
    """Every branch that was decided, with expression, inputs and result (URS-EXE-050)."""
    return tuple(
        _decision(rows, entry.at, fact)
        for entry in rows.entries
        for fact in entry.data["journal"]
        if fact["fact"] == "decision.made"
    )


def _decision(rows: Rows, at: datetime, fact: Mapping[str, Any]) -> DecisionView:
    element = str(fact["path"]).rpartition("/")[2].partition("#")[0]
    return DecisionView(
        at=at,
        place=element_name(rows, element),
        way=_way(rows, str(fact["flow"])),
        asked=tuple(_question(rows, question) for question in fact["asked"]),
    )


def _question(rows: Rows, question: Mapping[str, Any]) -> QuestionView:
    result = question["result"]
    return QuestionView(
        expression=words.expression(str(question["expression"]), rows.labels),
        inputs=tuple(
            Pair(name=words.named(each["name"], rows.labels), text=_told(each["value"]))
            for each in question["inputs"]
        ),
        result=_told(result),
    )


def _told(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_told(part) for part in value)
    return "unknown" if value is None else str(value)


def element_name(rows: Rows, element: str) -> str:
    """An element of the diagram by name and BPMN id; the id alone where it has no name."""
    for level in rows.procedure.levels:
        if level.id == element:
            return _named(level.name, element)
        for node in level.nodes:
            if node.id == element:
                return _named(node.name, element)
    return words.plain(element)


def _named(name: str | None, element: str) -> str:
    shown = words.plain(element)
    return f"{name} ({shown})" if name and name != element else shown


def _way(rows: Rows, flow_id: str) -> str:
    for level in rows.procedure.levels:
        for drawn in level.flows:
            if drawn.id == flow_id:
                return f"to {_target(level, drawn.target)}"
    return words.plain(flow_id)


def _target(level: Level, node_id: str) -> str:
    reached = _reached(level, node_id, frozenset())
    return " and ".join(dict.fromkeys(_thing(level, node) for node in reached))


def _reached(level: Level, node_id: str, seen: frozenset[str]) -> list[Node]:
    """The first things that have a name to people; a gateway without one only joins or splits."""
    node = level.node(node_id)
    passed = isinstance(node, Gateway) and not node.name
    if not passed or node_id in seen:
        return [node]
    onward = [_reached(level, flow.target, seen | {node_id}) for flow in level.outgoing(node_id)]
    return [each for found in onward for each in found]


def _thing(level: Level, node: Node) -> str:
    if isinstance(node, EndEvent) and not node.name:
        return f"the end of {level.name or words.plain(level.id)}"
    return _named(node.name, node.id)


def not_executed(session: Session, rows: Rows) -> tuple[NotExecutedView, ...]:
    """Steps on ways not taken with the element that decided; nothing before the flow began."""
    if rows.run.started_at is None:
        return ()
    return tuple(
        NotExecutedView(
            key=found.step.key,
            name=found.step.name,
            level=_level_of(rows, found.instance_path),
            cause=CAUSES[found.cause.kind].format(element_name(rows, found.cause.element)),
        )
        for found in flow.not_executed(session, rows.run.stream)
    )


def _level_of(rows: Rows, path: str) -> str:
    element = path.rpartition("/")[2].partition("#")[0]
    for level in rows.procedure.levels:
        if level.id == element:
            return level.name or words.plain(element)
        for node in level.nodes:
            if node.id == element and node.name:
                return node.name
    return words.plain(element)


def severities(cases: Iterable[ExceptionView]) -> tuple[Pair, ...]:
    """How many exceptions of each severity there are, gravest first."""
    counts = Counter(case.severity for case in cases)
    order = ("critical", "major", "minor", "information")
    return tuple(Pair(name=name, text=str(counts[name])) for name in order if counts[name])
