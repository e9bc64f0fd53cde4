"""Recipes: versions and states, one version whole, differences, the signed life cycle (W10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from audit import signatures, trail
from core.house import moment
from ebr import queries as records
from ebr.models import RunState
from ebr.report import words
from personnel import queries as people
from web import desk, drawings, identity, inputs, scoping, states, tables
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.signing import Page, SignedAct, go_on, signed
from web.tables import Column
from workflows import commands, queries
from workflows.differences import Difference, Weight, differences
from workflows.model import Flow, Level, Procedure, StepTask
from workflows.models import DefinitionVersion
from workflows.rules import VersionState
from workflows.step import Parameter, Step, in_language

bp = Blueprint("workflows", __name__)
READ = "recipe.read"
BPMN = "application/bpmn+xml"


@bp.get("/recipes")
@needs(READ)
def recipes() -> Page:
    """Every version of every definition with its state."""
    with identity.house().reading() as session:
        shown = [each for each in queries.versions(session) if scoping.reaches(each.product)]
        rows = [_row(session, version) for version in reversed(shown)]
    columns = [
        Column(key="name", label=_("Recipe"), link="address"),
        Column(key="title", label=_("Title")),
        Column(key="category", label=_("Category")),
        Column(key="state", label=_("State"), kind="state"),
        Column(key="executable", label=_("Executable")),
        Column(key="effective", label=_("Effective from"), kind="time"),
        Column(key="running", label=_("Running batches"), numeric=True),
        Column(key="change", label=_("Change reference")),
    ]
    table = tables.table("recipes", _("Recipes and procedures"), columns, rows)
    return desk.table_page("workflows/recipes.html", table)


def _row(session: Session, version: DefinitionVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "address": url_for(".version", code=version.code, number=version.number),
        "title": version.title,
        "category": version.category.replace("_", " "),
        "state": version.state,
        "executable": _("yes") if version.is_executable else _("no"),
        "effective": version.effective_from,
        "running": len(_running(session, version)),
        "change": version.change_reference,
    }


def _running(session: Session, version: DefinitionVersion) -> list[str]:
    return [
        run.number
        for run in records.runs(session, states=[RunState.RUNNING, RunState.HELD])
        if run.code == version.code and run.version_label == f"v{version.number}"
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """A step of the recipe as its list shows it."""

    id: str
    step: Step
    kind: str
    instruction: str
    parameters: tuple[tuple[Parameter, str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelPart:
    """A level with its steps in document order."""

    level: Level
    steps: tuple[StepLine, ...]


def parts(procedure: Procedure) -> list[LevelPart]:
    """Every level with its steps: the list that says all that the diagrams say."""
    language = procedure.header.language
    return [
        LevelPart(
            level=level,
            steps=tuple(
                _line(node, language) for node in level.nodes if isinstance(node, StepTask)
            ),
        )
        for level in procedure.levels
    ]


def _line(node: StepTask, language: str) -> StepLine:
    return StepLine(
        id=node.id,
        step=node.step,
        kind=words.word(words.KINDS, node.step.kind.value),
        instruction=in_language(node.step.instructions, language),
        parameters=tuple(
            (
                parameter,
                in_language(parameter.labels, language) or words.plain(parameter.code),
                _limits(parameter),
            )
            for parameter in node.step.parameters
        ),
    )


def _limits(parameter: Parameter) -> str:
    told = [f"target {parameter.target}"] if parameter.target else []
    told += [
        f"{limit.tier.value} {words.limits(limit.low, limit.high)}" for limit in parameter.limits
    ]
    return "; ".join(words.plain(text) for text in told)


@bp.get("/recipes/<code>/v<int:number>")
@needs(READ)
def version(code: str, number: int) -> Page:
    """One version: diagram, steps, parameters and limits, signatures, what may happen next."""
    with identity.house().reading() as session:
        found = queries.version(session, code, number)
        if not found.is_executable:
            return drawings.page(session, found)
        procedure = queries.load(session, found.file_digest)
        level = request.args.get("level", procedure.entry)
        known = {each.id for each in procedure.levels}
        return render_template(
            "workflows/version.html",
            version=found,
            procedure=procedure,
            header=procedure.header,
            parts=parts(procedure),
            level=procedure.level(level if level in known else procedure.entry),
            file=url_for("drawings.text", digest=found.file_digest),
            signatures=_signatures(session, found),
            turns=_turns(session, found),
            names=_names(session, found),
            running=_running(session, found),
            others=[v for v in queries.versions(session, code) if v.number != number],
            states_of=VersionState,
            at=moment(session).site,
        )


def _signatures(session: Session, version: DefinitionVersion) -> list[Any]:
    record = str(commands.stream_of(version.code))
    return [row for row in signatures.of_record(session, record) if row.object == version.name]


def _turns(session: Session, version: DefinitionVersion) -> list[dict[str, Any]]:
    """Who sent the version back or withdrew it, when and why; the last one first."""
    words = {"definition.returned": _("Sent back"), "definition.withdrawn": _("Withdrawn")}
    found = trail.entries(session, commands.stream_of(version.code))
    return [
        {
            "what": words[each.action],
            "who": f"{each.data['actor']['name']} ({each.actor})",
            "at": each.at,
            "reason": each.data["reason"],
        }
        for each in reversed(found)
        if each.object == version.name and each.action in words
    ]


def _names(session: Session, version: DefinitionVersion) -> dict[str, str]:
    found = {}
    for badge in (version.author, version.checker, version.approver):
        person = people.find(session, badge) if badge else None
        if badge and person:
            found[badge] = people.called(person)
    return found


@bp.get("/recipes/files/<digest>")
@needs(READ)
def file(digest: str) -> Response:
    """The BPMN file exactly as imported, its digest checked."""
    with identity.house().reading() as session:
        data = queries.stored_bytes(session, digest)
    return desk.file(data, BPMN, f"{digest[:12]}.bpmn", inline=True)


@bp.get("/recipes/<code>/differences")
@needs(READ)
def difference(code: str) -> Page:
    """Two versions side by side: every typed change, critical ones marked."""
    with identity.house().reading() as session:
        known = queries.versions(session, code)
        old, new = _pair(session, code, known)
        if not (old.is_executable and new.is_executable):
            return drawings.difference_page(session, known, old, new)
        before = queries.load(session, old.file_digest)
        after = queries.load(session, new.file_digest)
        lines = differences(before, after)
    rows = [_difference_row(line, before, after) for line in lines]
    columns = [
        Column(key="step", label=_("Step")),
        Column(key="field", label=_("Field")),
        Column(key="change", label=_("What happened")),
        Column(key="before", label=old.name, kind="list"),
        Column(key="after", label=new.name, kind="list"),
        Column(key="class", label=_("Class"), kind="state"),
    ]
    return desk.table_page(
        "workflows/differences.html",
        tables.table("changes", _("Changes"), columns, rows),
        code=code,
        versions=known,
        old=old,
        new=new,
        critical=sum(1 for line in lines if line.weight is Weight.CRITICAL),
        major=sum(1 for line in lines if line.weight is Weight.MAJOR),
        total=len(lines),
    )


def _pair(
    session: Session, code: str, known: list[DefinitionVersion]
) -> tuple[DefinitionVersion, DefinitionVersion]:
    numbers = [each.number for each in known] or [0]
    new = request.args.get("new", default=numbers[-1], type=int)
    earlier = [number for number in numbers if number < new] or [new]
    old = request.args.get("old", default=earlier[-1], type=int)
    return queries.version(session, code, old), queries.version(session, code, new)


def _difference_row(line: Difference, before: Procedure, after: Procedure) -> dict[str, Any]:
    return {
        "step": line.step or _("recipe"),
        "field": _field(line, before, after),
        "change": states.words_of(line.change.value),
        "before": _told(line, line.before, before),
        "after": _told(line, line.after, after),
        "class": line.weight.value,
    }


def _field(line: Difference, before: Procedure, after: Procedure) -> str:
    """Where a difference lies: a flow by the things it joins, a thing by the name of its level."""
    parts = line.path.split("/")
    drawn = _flow(line, after) or _flow(line, before)
    if drawn is not None:
        level, flow = drawn
        ends = " → ".join(_called(level, each) for each in (flow.source, flow.target))
        return " › ".join((ends, *(words.plain(part) for part in parts[4:])))
    if len(parts) == 4:
        level = next(x for p in (after, before) for x in p.levels if x.id == parts[1])
        return f"{level.name} › {_called(level, parts[3])}"
    inside = parts[5:] if parts[4:5] == ["step"] else parts[-3:]
    kept = [part for part in inside if part not in ("parameters", "limits")]
    return " › ".join(words.plain(part) for part in kept)


def _flow(line: Difference, procedure: Procedure) -> tuple[Level, Flow] | None:
    parts = line.path.split("/")
    if parts[2:3] != ["flows"]:
        return None
    return next(
        (
            (level, flow)
            for level in procedure.levels
            for flow in level.flows
            if [level.id, flow.id] == [parts[1], parts[3]]
        ),
        None,
    )


def _called(level: Level, node_id: str) -> str:
    node = next((each for each in level.nodes if each.id == node_id), None)
    return (node.name if node else "") or words.plain(node_id)


def _told(line: Difference, text: str | None, procedure: Procedure) -> tuple[str, ...]:
    """One side of a difference; a step or a flow that came or went is told by what it says."""
    if text is None:
        return ()
    if len(line.path.split("/")) != 4:
        return (text,)
    drawn = _flow(line, procedure)
    if drawn is not None:
        return (drawn[1].condition or _("without condition"),)
    nodes = (each for level in procedure.levels for each in level.nodes)
    node = next(each for each in nodes if each.id == line.path.split("/")[3])
    return _step_told(node, procedure.header.language) if isinstance(node, StepTask) else (text,)


def _step_told(node: StepTask, language: str) -> tuple[str, ...]:
    line = _line(node, language)
    asked = tuple(
        f"{label}: {limits}" if limits else label for _p, label, limits in line.parameters
    )
    return (f"{line.kind} · {node.step.role}", line.instruction, *asked)


@bp.post("/recipes/<code>/v<int:number>/submit")
@needs("recipe.author")
def submit(code: str, number: int) -> Page:
    """The author signs the content and hands it to the checker."""
    title = _("Submit %(name)s for review", name=f"{code} v{number}")
    return _signed(commands.submit_for_review, code, number, "authored", title)


@bp.post("/recipes/<code>/v<int:number>/check")
@needs("recipe.check")
def check(code: str, number: int) -> Page:
    """A second person signs the independent check."""
    title = _("Check %(name)s", name=f"{code} v{number}")
    return _signed(commands.check_version, code, number, "reviewed", title)


@bp.post("/recipes/<code>/v<int:number>/approve")
@needs("recipe.approve")
def approve(code: str, number: int) -> Page:
    """Quality, a third person, approves content and date of effect."""
    title = _("Approve %(name)s", name=f"{code} v{number}")
    when = inputs.moment("effective_from", _("Effective from"))
    return _signed(commands.approve_version, code, number, "approved", title, effective_from=when)


def _signed(command: Any, code: str, number: int, meaning: str, title: str, **more: Any) -> Page:
    return signed(
        SignedAct(
            command=command,
            arguments=(code, number),
            record=str(commands.stream_of(code)),
            meaning=meaning,
            title=title,
            done=url_for(".version", code=code, number=number),
            more=more,
        )
    )


@bp.post("/recipes/<code>/v<int:number>/return")
@needs("recipe.read")
def send_back(code: str, number: int) -> Response:
    """Checker or quality sends the version back with a reason; the command asks who may."""
    return _moved(commands.return_to_draft, code, number, reason=inputs.text("reason", _("Reason")))


@bp.post("/recipes/<code>/v<int:number>/effective")
@needs("recipe.approve")
def make_effective(code: str, number: int) -> Response:
    """Put the approved version into effect; the one before is superseded."""
    return _moved(commands.make_effective, code, number)


@bp.post("/recipes/<code>/v<int:number>/withdraw")
@needs("recipe.withdraw")
def withdraw(code: str, number: int) -> Response:
    """Take the version out of use; running batches stay on it."""
    return _moved(commands.withdraw, code, number, reason=inputs.text("reason", _("Reason")))


def _moved(command: Any, code: str, number: int, **more: Any) -> Response:
    record = str(commands.stream_of(code))
    perform(command, code, number, record=record, tell=lambda _answer: None, **more)
    return go_on(url_for(".version", code=code, number=number))
