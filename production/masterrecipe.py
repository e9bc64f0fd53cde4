"""The master recipe as a document: what was approved, by whom, and every step with its limits.

Header, formula, equipment requirements, steps, the ways of the flow, events, and the signatures of
author, checker and quality unit (URS-MRC-010, URS-MRC-080, 211.186). A version that is not approved
is marked so on every page.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy.orm import Session

from audit import signatures, trail
from core.actors import Actor, ActorKind
from core.errors import Invalid
from documents import states
from documents.environment import grouped
from documents.units import symbol
from ebr.printables import Draft, Subject
from ebr.report import sheet, words
from ebr.report.sheet import Column, Form, Place, Sheet, Table
from ebr.report.sheetprinting import SheetKind
from ebr.report.stepmodel import Pair
from personnel import permissions
from production import recipepicture, recipewords
from workflows import commands, queries
from workflows.model import Level, Procedure, StepTask
from workflows.models import DefinitionVersion
from workflows.recipe import Header
from workflows.rules import VersionState
from workflows.step import in_language

READ = "recipe.read"
FORMAT = "batchwright-master-recipe 1"
FINAL = frozenset({VersionState.APPROVED, VersionState.EFFECTIVE, VersionState.SUPERSEDED})
OUT_OF_USE = frozenset({VersionState.SUPERSEDED, VersionState.WITHDRAWN})
"""Their word is the mark over every page."""
APPROVALS = (
    Column(code="signed", title="Signed", share=45, form=Form.SIGNED),
    Column(code="covers", title="Covers the content with SHA-256", share=55, form=Form.DIGEST),
)
FORMULA = (
    Column(code="code", title="Material", share=26, form=Form.STRONG),
    Column(code="function", title="Function", share=16),
    Column(code="quantity", title="Quantity", share=14, form=Form.NUMBER),
    Column(code="per_unit", title="Per unit, mg", share=12, form=Form.NUMBER),
    Column(code="rules", title="Tolerance, potency, use", share=32),
)
NEEDS = (
    Column(code="key", title="Requirement", share=22, form=Form.STRONG),
    Column(code="rules", title="Class, states, capabilities, tags", share=78),
)
OTHERS = (
    Column(code="what", title="What", share=40, form=Form.STRONG),
    Column(code="quantity", title="Quantity", share=60),
)
STEPS = (
    Column(code="step", title="Step", share=17, form=Form.STRONG),
    Column(code="who", title="Kind, who, signature", share=20),
    Column(code="does", title="Instruction and needs", share=31, form=Form.LIST),
    Column(
        code="parameters", title="Parameters (* critical), target, limits", share=32, form=Form.LIST
    ),
)
FLOWS = (
    Column(code="level", title="In", share=22),
    Column(code="source", title="From", share=26),
    Column(code="target", title="To", share=26),
    Column(code="when", title="When", share=26),
)
EVENTS = (
    Column(code="level", title="In", share=20),
    Column(code="kind", title="Kind", share=15),
    Column(code="name", title="Name", share=25, form=Form.STRONG),
    Column(code="rules", title="What it waits for, does, repeats", share=40),
)
HISTORY = (
    Column(code="at", title="At", share=22),
    Column(code="what", title="What", share=26, form=Form.STRONG),
    Column(code="who", title="Who", share=24),
    Column(code="reason", title="Reason", share=28),
)


class NotARecipe(Invalid):
    """The version is a drawing that cannot run, or is named otherwise: no master recipe of it."""

    rule = "document.not_a_recipe"


class MasterRecipe(SheetKind):
    """The subject names the version: ``{"code": "REC-0017", "number": "3"}``."""

    name = "recipe"
    template = "master recipe 1"

    def require(self, session: Session, subject: Subject, *, by: Actor) -> None:
        """Raise NotPermitted, OutOfScope, NotFound or NotARecipe."""
        found = _version(session, subject)
        if by.kind is ActorKind.PERSON:
            permissions.require(session, by, READ)
            permissions.require_reach(session, by, READ, found.product)

    def draft(self, session: Session, subject: Subject) -> Draft:
        """The version as it stands now."""
        found = _version(session, subject)
        stream = commands.stream_of(found.code)
        return sheet.draft_of(
            session,
            _sheet(session, found, sheet.place_of(session)),
            stream=stream,
            name=f"{found.name} master recipe",
            data_name="master-recipe.json",
        )


def _version(session: Session, subject: Subject) -> DefinitionVersion:
    number = subject.get("number", "")
    if not (number.isascii() and number.isdigit() and len(number) < 6):
        raise NotARecipe(
            f"“{number[:20]}” is no number of a version", resolver="you, by choosing a version"
        )
    found = queries.version(session, subject.get("code", ""), int(number))
    if not found.is_executable:
        raise NotARecipe(f"{found.name} is a drawing that cannot run", resolver="the recipe author")
    return found


def _sheet(session: Session, found: DefinitionVersion, place: Place) -> Sheet:
    procedure = queries.load(session, found.file_digest)
    levels = [each for each in procedure.levels if _steps(each) or each.part_of is None]
    data = queries.stored_bytes(session, found.file_digest)
    return Sheet(
        format=FORMAT,
        title="Master recipe" if procedure.header.product else "Procedure",
        subject=found.name,
        version=found.title,
        place=place,
        state=found.state,
        words=states.word(found.state),
        facts=list(_facts(found, procedure, place)),
        statement=_statement(found, procedure),
        tables=[
            _approvals(session, found, place),
            *_contents(procedure),
            *(_level(level, procedure) for level in levels),
            *_ways(procedure),
            _history(session, found, place),
        ],
        mark=mark_of(VersionState(found.state)),
        svg=recipepicture.pictures(data, {level.id: _code(level) for level in levels}),
    )


def mark_of(state: VersionState) -> str:
    """What goes over every page of a version that nothing may be made by."""
    if state in OUT_OF_USE:
        return states.word(state).upper()
    return "" if state in FINAL else "NOT APPROVED"


def _facts(found: DefinitionVersion, procedure: Procedure, place: Place) -> Iterator[Pair]:
    header = procedure.header
    product, size = header.product, header.batch_size
    if product is not None:
        yield Pair(name="Product", text=f"{product.code} {product.name} {product.strength}")
        yield Pair(name="Dosage form", text=product.dosage_form)
        if product.shelf_life_months is not None:
            yield Pair(name="Shelf life", text=f"{product.shelf_life_months} months")
    if size is not None:
        unit = symbol(size.unit)
        yield Pair(name="Batch size", text=f"{size.reference:f} {unit}")
        yield Pair(name="Allowed sizes", text=f"{size.minimum:f} to {size.maximum:f} {unit}")
        if size.output is not None:
            yield Pair(name="Output", text=f"{size.output:f} {size.output_unit or ''}".strip())
    yield Pair(name="Category", text=words.plain(found.category))
    yield Pair(name="Change reference", text=found.change_reference)
    yield Pair(name="Reason of the change", text=found.reason)
    yield Pair(name="Effective from", text=place.at(found.effective_from))
    yield Pair(name="File SHA-256", text=grouped(found.file_digest))
    yield Pair(name="Recipe SHA-256", text=grouped(found.content_digest))
    if header.precautions:
        yield Pair(name="Precautions", text=in_language(header.precautions, header.language))


def _statement(found: DefinitionVersion, procedure: Procedure) -> str:
    steps = list(procedure.steps())
    critical = sum(parameter.critical for step in steps for parameter in step.parameters)
    state = "Approved" if found.state in FINAL else words.capital(states.word(found.state))
    if found.state == VersionState.EFFECTIVE:
        state = "Approved and effective"
    return (
        f"{state}. {len(steps)} steps, critical parameters: {critical or 'none'},"
        f" signed acts of one run without rounds: {sum(s.signature.signed_acts for s in steps)}."
    )


def _approvals(session: Session, found: DefinitionVersion, place: Place) -> Table:
    signed = [
        row
        for row in signatures.of_record(session, str(commands.stream_of(found.code)))
        if row.object == found.name
    ]
    return Table(
        code="approvals", title="Approvals", columns=APPROVALS,
        rows=[(sheet.signed(place, [row]), grouped(row.content_digest)) for row in signed],
        nothing="Nobody has signed this version.",
    )  # fmt: skip


def _contents(procedure: Procedure) -> Iterator[Table]:
    header = procedure.header
    yield Table(
        code="formula", title="Formula", columns=FORMULA, rows=list(_formula(header)),
        nothing="This definition has no formula.",
        note="Quantities are for the batch size above and scale with it.",
    )  # fmt: skip
    yield Table(
        code="packaging", title="Theoretical yields, containers and labels", columns=OTHERS,
        rows=list(_others(header)),
        nothing="This definition prescribes no yield, container or label.",
    )  # fmt: skip
    yield Table(
        code="equipment", title="Equipment requirements", columns=NEEDS,
        rows=[
            (
                f"{need.key}\n{in_language(need.labels, header.language)}",
                recipewords.told(need, header.language, {"key", "labels"}),
            )
            for need in header.equipment
        ],
        nothing="This definition requires no equipment.",
    )  # fmt: skip


def _formula(header: Header) -> Iterator[tuple[str, ...]]:
    for item in header.ingredients:
        rules = recipewords.told(
            item,
            header.language,
            {"key", "code", "name", "function", "quantity", "unit", "per_unit"},
        )
        yield (
            f"{item.code}\n{item.name}",
            item.function,
            f"{item.quantity:f} {symbol(item.unit)}",
            "–" if item.per_unit is None else f"{item.per_unit:f}",
            rules,
        )


def _others(header: Header) -> Iterator[tuple[str, str]]:
    for theory in header.theories:
        yield (
            f"Theoretical yield {words.plain(theory.key)}",
            f"{theory.quantity:f} {symbol(theory.unit) or theory.unit}",
        )
    for part in header.packaging:
        yield f"{part.code} {part.name}", "–" if part.quantity is None else f"{part.quantity:f}"


def _steps(level: Level) -> list[StepTask]:
    return [node for node in level.nodes if isinstance(node, StepTask)]


def _code(level: Level) -> str:
    return f"steps:{level.id}"


def _title(level: Level) -> str:
    return f"{words.word(words.ISA88, level.isa88.value)}: {level.name}"


def _level(level: Level, procedure: Procedure) -> Table:
    language = procedure.header.language
    return Table(
        code=_code(level), title=_title(level), columns=STEPS,
        rows=[
            (
                f"{node.step.key} {node.step.name}" + ("\nCRITICAL" if node.step.critical else ""),
                recipewords.who(node.step),
                recipewords.does(node.step, language),
                recipewords.asks(node.step, language),
            )
            for node in _steps(level)
        ],
        nothing="No step of its own: it calls the levels that follow.",
    )  # fmt: skip


def _ways(procedure: Procedure) -> Iterator[Table]:
    language = procedure.header.language
    yield Table(
        code="flows", title="Ways of the flow", columns=FLOWS,
        rows=[
            (
                level.name,
                recipewords.called(level, flow.source),
                recipewords.called(level, flow.target),
                recipewords.told(flow, language, {"id", "source", "target"}),
            )
            for level in procedure.levels
            for flow in level.flows
        ],
        nothing="No flow.",
    )  # fmt: skip
    yield Table(
        code="events", title="Events, called levels and repetitions", columns=EVENTS,
        rows=[
            (level.name, *told)
            for level in procedure.levels
            for told in recipewords.happenings(level, language)
        ],
        nothing="This definition waits for no event, calls no level and repeats nothing.",
    )  # fmt: skip


def _history(session: Session, found: DefinitionVersion, place: Place) -> Table:
    rows = [
        (
            place.at(entry.at),
            words.capital(words.action(entry.action)),
            "{name} ({id})\n{role}".format(**entry.data["actor"]),
            entry.data["reason"] or "–",
        )
        for entry in trail.entries(session, commands.stream_of(found.code))
        if entry.object == found.name and entry.action.startswith("definition.")
    ]
    return Table(
        code="history", title="History of this version", columns=HISTORY, rows=rows,
        nothing="The trail has no entry of this version.",
    )  # fmt: skip
