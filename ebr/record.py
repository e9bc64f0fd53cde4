"""The record as one view for screen, PDF and JSON (URS-REP-010, URS-REC-070).

`view` is a read: it asks the record's rows and its sealed entries in one session and changes
nothing. The same state of a record gives the same bytes of JSON and so the same digest.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from audit import canonical
from documents import states
from ebr import queries
from ebr.report import additions, lists, messages, rows, standing, steps, trail, values, words
from ebr.report.model import ChangeView, ExceptionView, Header, IngredientView, RecordView, Summary
from ebr.report.rows import Rows
from ebr.report.stepmodel import EquipmentView, LevelView, MaterialView, Pair, RemarkView, StepView
from hardware import queries as plant
from workflows.rounding import to_decimals
from workflows.scaling import factor, scaled_formula
from workflows.words import StepKind

FORMAT = "batchwright-record 1"


def view(session: Session, number: str) -> RecordView:
    """The record of that number (``B-2045``) or stream, as of now.

    Raises NoSuchRun, and the refusal of a tampered recipe: words would come from a changed text.
    """
    found = rows.read(session, number)
    shown = steps.all_steps(found, _unit_names(session))
    signed = lists.signatures(found, shown)
    cases = lists.exceptions(found, signed)
    corrected, calculated = _changes(found, shown)
    attempts = lists.attempts(found)
    added = additions.of(session, found.run)
    return RecordView(
        format=FORMAT,
        record=found.run.stream,
        number=found.run.number,
        version=found.version,
        time_simulated=found.time_simulated,
        header=_header(session, found, [pair for each in added for pair in each.facts]),
        standing=standing.of(found),
        summary=_summary(list(shown.values()), cases, corrected, calculated, len(attempts)),
        levels=steps.tree(found, shown),
        not_executed=lists.not_executed(session, found),
        decisions=lists.decisions(found),
        messages=messages.messages(found),
        exceptions=cases,
        corrections=tuple(corrected),
        recalculations=tuple(calculated),
        attempts=attempts,
        materials=_materials(shown.values()),
        equipment=_equipment(shown.values()),
        holds=lists.holds(found),
        persons=lists.persons(found, signed),
        signatures=signed,
        attachments=tuple(steps.attachment(found, row) for row in found.attachments),
        remarks=_remarks(found),
        sections=tuple(section for each in added for section in each.sections),
        trail=trail.lines(found),
    )


def to_json(record: RecordView) -> bytes:
    """Canonical bytes: sorted keys, decimals as text, moments in UTC (`audit.canonical`)."""
    return canonical.encode(_plain(dataclasses.asdict(record)))


def digest(content: bytes) -> str:
    """Hex SHA-256 of the canonical bytes: what every page of the PDF names."""
    return hashlib.sha256(content).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    if isinstance(value, str):
        return canonical.text(value)
    if isinstance(value, (Decimal, datetime)):
        return canonical.plain(value)
    return value


def _unit_names(session: Session) -> dict[str, str]:
    return {unit.number: unit.name for unit in plant.equipment_list(session)}


def _changes(found: Rows, shown: dict[UUID, StepView]) -> tuple[list[ChangeView], list[ChangeView]]:
    corrected: list[ChangeView] = []
    calculated: list[ChangeView] = []
    for step in found.steps:
        by_people, by_calculation = values.changes(found, step, shown[step.id].values)
        corrected += by_people
        calculated += by_calculation
    corrected.sort(key=lambda change: change.at)
    calculated.sort(key=lambda change: change.at)
    return corrected, calculated


def _header(session: Session, found: Rows, facts: Sequence[Pair]) -> Header:
    run, header = found.run, found.procedure.header
    product = header.product
    return Header(
        number=run.number,
        record=run.stream,
        title=run.title,
        code=run.code,
        version=run.version_label,
        product_code=product.code if product else "",
        product=product.name if product else "",
        strength=product.strength if product else "",
        dosage_form=product.dosage_form if product else "",
        size="" if run.size is None else format(run.size, "f"),
        size_unit=run.size_unit or "",
        output=_output(found),
        file_digest=run.file_digest,
        content_digest=run.content_digest,
        state=run.state,
        state_words=states.word(run.state),
        problem=run.problem or "",
        started_at=run.started_at,
        ended_at=run.ended_at,
        site=found.site.name,
        mode=found.site.mode,
        zone=found.site.zone,
        facts=tuple(facts),
        formula=_formula(found),
        bindings=_bindings(session, found),
    )


def _output(found: Rows) -> str:
    """What the size gives in units of output (tablets), when the recipe says so."""
    size, allowed = found.run.size, found.procedure.header.batch_size
    if size is None or allowed is None or allowed.output is None:
        return ""
    scaled = to_decimals(Fraction(allowed.output) * factor(size, allowed), 0)
    unit = allowed.output_unit if allowed.output_unit not in (None, "1") else "units"
    return f"{scaled:f} {unit}"


def _formula(found: Rows) -> tuple[IngredientView, ...]:
    header, size = found.procedure.header, found.run.size
    if size is None or header.batch_size is None:
        return ()
    scaled = scaled_formula(header, size)
    return tuple(
        IngredientView(
            code=item.code,
            name=item.name,
            function=words.plain(item.function),
            quantity=_with_digits(scaled[f"formula.{item.key}"], item.quantity),
            unit=item.unit,
        )
        for item in header.ingredients
    )


def _with_digits(scaled: Decimal, written: Decimal) -> Decimal:
    """The scaled quantity with at least the decimals that the recipe writes; never rounded."""
    same = scaled.quantize(Decimal(1).scaleb(int(written.as_tuple().exponent)))
    return same if same == scaled else scaled


def _bindings(session: Session, found: Rows) -> tuple[Pair, ...]:
    labels = {need.key: found.text(need.labels) for need in found.procedure.header.equipment}
    bound = queries.bindings(session, found.run)
    return tuple(Pair(name=labels.get(key) or key, text=unit) for key, unit in bound.items())


def _summary(
    shown: Sequence[StepView],
    cases: Sequence[ExceptionView],
    corrected: Sequence[ChangeView],
    calculated: Sequence[ChangeView],
    attempts: int,
) -> Summary:
    recorded = [value for step in shown for value in step.values]
    judged = [value for value in recorded if value.verdict]
    return Summary(
        steps=len(shown),
        steps_complete=sum(1 for step in shown if step.state == "complete"),
        signatures=sum(len(step.signatures) for step in shown),
        signatures_missing=sum(len(step.signatures_missing) for step in shown),
        values=len(recorded),
        values_judged=len(judged),
        values_outside=sum(1 for value in judged if value.verdict != "in"),
        values_typed_for_device=sum(1 for v in recorded if v.grade == "manual_for_device"),
        exceptions=len(cases),
        exceptions_open=lists.open_count(cases),
        by_severity=lists.severities(cases),
        corrections=len(corrected),
        recalculations=len(calculated),
        attempts=attempts,
        yields=_yields(shown),
    )


def _yields(shown: Sequence[StepView]) -> tuple[Pair, ...]:
    """Yields and accountability: what the yield steps calculated, in order."""
    return tuple(
        Pair(
            name=f"{step.name}: {value.label}",
            text=words.with_unit(value.text, value.unit),
        )
        for step in shown
        if step.kind == StepKind.YIELD
        for value in step.values
        if value.unit == "%"
    )


def _materials(shown: Iterable[StepView]) -> tuple[MaterialView, ...]:
    return tuple(use for step in shown for use in step.materials)


def _equipment(shown: Iterable[StepView]) -> tuple[EquipmentView, ...]:
    return tuple(use for step in shown for use in step.equipment)


def _remarks(found: Rows) -> tuple[RemarkView, ...]:
    """Comments on the record as a whole; those on a step stand at the step."""
    return tuple(
        RemarkView(text=row.text, by=found.people.who(row.by, row.at), at=row.at)
        for row in found.remarks
        if row.step_id is None
    )


def levels_of(record: RecordView) -> list[LevelView]:
    """Every level that holds steps of its own, parents first, for a list beside the record."""
    found: list[LevelView] = []
    waiting = list(record.levels)
    while waiting:
        level = waiting.pop(0)
        if any(isinstance(item, StepView) for item in level.items):
            found.append(level)
        waiting[:0] = [item for item in level.items if isinstance(item, LevelView)]
    return found
