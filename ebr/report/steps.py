"""Steps and levels of a record, in the order in which they came (URS-EXE-030, URS-SIG-010)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from audit.models import Signature
from documents import states
from ebr import rules
from ebr.models import Attachment, StepMaterial, StepRecord
from ebr.report import values, words
from ebr.report.rows import Rows
from ebr.report.stepmodel import (
    AttachmentView,
    EquipmentView,
    LevelView,
    MaterialView,
    RemarkView,
    SignatureView,
    StepView,
)
from workflows.model import BoundaryEvent, CallActivity, Level


def all_steps(rows: Rows, unit_names: dict[str, str]) -> dict[UUID, StepView]:
    """The view of every step by row id, in order. `unit_names` are names of units by number."""
    times = Counter(step.key for step in rows.steps)
    return {step.id: _step(rows, step, times[step.key], unit_names) for step in rows.steps}


def _step(rows: Rows, step: StepRecord, times: int, unit_names: dict[str, str]) -> StepView:
    spec = rows.specs[step.key]
    signed = signatures_of(rows, step)
    return StepView(
        key=step.key,
        name=spec.name,
        path=step.path,
        occurrence=step.occurrence,
        occurrences=times,
        kind=step.kind,
        kind_words=words.word(words.KINDS, step.kind),
        role=step.role,
        room=step.room or "",
        sop=spec.sop or "",
        instruction=rows.text(spec.instructions),
        automatic=spec.automatic,
        state=step.state,
        state_words=states.word(step.state),
        revision=step.revision,
        started_at=step.started_at,
        started_by=rows.who(step.started_by, step.started_at),
        performed_at=step.performed_at,
        performed_by=rows.who(step.performed_by, step.performed_at),
        completed_at=step.completed_at,
        ended_by=step.ended_by or "",
        values=values.of_step(rows, step),
        signatures=signed,
        signatures_missing=_missing(rows, step, signed),
        equipment=tuple(equipment_of(rows, step, unit_names)),
        materials=tuple(materials_of(rows, step)),
        attachments=tuple(
            attachment(rows, row) for row in rows.attachments if row.step_id == step.id
        ),
        remarks=tuple(
            RemarkView(text=row.text, by=rows.people.who(row.by, row.at), at=row.at)
            for row in rows.remarks
            if row.step_id == step.id
        ),
        exceptions=tuple(case.number for case in rows.exceptions if case.step_id == step.id),
    )


def _missing(rows: Rows, step: StepRecord, signed: Sequence[SignatureView]) -> tuple[str, ...]:
    if step.state == "cancelled":
        return ()
    there = {each.part for each in signed if not each.superseded}
    due = rules.parts_due(rows.specs[step.key].signature)
    return tuple(part for part in due if part not in there)


def signatures_of(rows: Rows, step: StepRecord) -> tuple[SignatureView, ...]:
    """All signatures of a step; those of earlier revisions are superseded."""
    return tuple(
        signature_view(
            rows.signed[row.signature_id],
            part=row.part,
            what=f"{step.key} {rows.specs[step.key].name}",
            superseded=row.revision < step.revision,
            late=row.late,
        )
        for row in rows.step_signatures.get(step.id, [])
    )


def signature_view(
    row: Signature, *, part: str, what: str, superseded: bool = False, late: bool = False
) -> SignatureView:
    """A signature as it is shown: printed name, time with offset, meaning (Part 11, 11.50)."""
    return SignatureView(
        printed_name=row.printed_name,
        badge=row.signer,
        role=row.role,
        meaning=row.meaning,
        at=row.at,
        offset=row.utc_offset,
        part=part,
        what=what,
        object=row.object,
        revision=row.record_version,
        superseded=superseded,
        late=late,
        reason=row.reason or "",
        key_id=row.key_id,
        content_digest=row.content_digest,
    )


def equipment_of(rows: Rows, step: StepRecord, unit_names: dict[str, str]) -> list[EquipmentView]:
    """Units that a step used."""
    needs = {need.key: rows.text(need.labels) for need in rows.procedure.header.equipment}
    return [
        EquipmentView(
            requirement=row.requirement,
            requirement_label=needs.get(row.requirement) or row.requirement,
            equipment=row.equipment,
            name=unit_names.get(row.equipment, ""),
            state=words.plain(row.state).lower(),
            calibration_due=row.calibration_due or "",
            step=step.key,
            step_name=rows.specs[step.key].name,
            at=step.performed_at or step.started_at,
        )
        for row in rows.equipment.get(step.id, [])
    ]


def materials_of(rows: Rows, step: StepRecord) -> list[MaterialView]:
    """Material that a step used or made."""
    names, finest = _material_names(rows), _decimals(rows)
    return [
        MaterialView(
            use=words.plain(row.use).lower(),
            material=row.material,
            name=_portion_name(names.get(row.material, []), row.portion or ""),
            lot=row.lot,
            container=row.container or "",
            portion=row.portion or "",
            quantity=_as_weighed(row, finest),
            unit=row.unit,
            step=step.key,
            step_name=rows.specs[step.key].name,
            at=step.performed_at or step.started_at,
        )
        for row in rows.materials.get(step.id, [])
    ]


def _decimals(rows: Rows) -> dict[str, int]:
    """The most decimals with which the record tells what is in a container."""
    finest: dict[str, int] = {}
    for row in (row for found in rows.materials.values() for row in found if row.container):
        given = max(0, -int(row.quantity.as_tuple().exponent))
        finest[row.container or ""] = max(given, finest.get(row.container or "", 0))
    return finest


def _as_weighed(row: StepMaterial, finest: Mapping[str, int]) -> Decimal:
    """The quantity with the decimals that its container was weighed with: 25.00, never 25."""
    decimals = finest.get(row.container or "")
    if decimals is None:
        return row.quantity
    return row.quantity.quantize(Decimal(1).scaleb(-decimals))


def _material_names(rows: Rows) -> dict[str, list[str]]:
    """Names by code; a material that is used in two portions has two names."""
    header = rows.procedure.header
    named = [(item.code, item.name) for item in header.ingredients]
    named += [(item.code, item.name) for item in header.packaging]
    if header.product is not None:
        named.append((header.product.code, header.product.name))
    found: dict[str, list[str]] = {}
    for code, name in named:
        found.setdefault(code, []).append(name)
    return found


def _portion_name(names: Sequence[str], portion: str) -> str:
    """The name of that portion, else what the names of all portions have in common."""
    own = [name for name in names if portion and portion in name.split(", ")[-1].split()]
    return own[0] if len(own) == 1 else words.common_name(names)


def attachment(rows: Rows, row: Attachment) -> AttachmentView:
    """A file of the record."""
    step = next((each for each in rows.steps if each.id == row.step_id), None)
    spec = rows.specs[step.key] if step else None
    return AttachmentView(
        code=row.code,
        label=values.label_of(rows, spec, row.code) if spec else words.plain(row.code),
        name=row.name,
        media_type=row.media_type,
        digest=row.digest,
        size=row.size,
        step=step.key if step else "",
        by=rows.people.who(row.by, row.at),
        at=row.at,
    )


class _Branch:
    """A level while its items are still being collected."""

    def __init__(self, path: str, level: Level, name: str, round_: int) -> None:
        self.path, self.level, self.name, self.round = path, level, name, round_
        self.items: list[_Branch | StepView] = []

    def view(self) -> LevelView:
        return LevelView(
            id=self.level.id,
            path=self.path,
            name=self.name,
            isa88=self.level.isa88.value,
            isa88_words=words.word(words.ISA88, self.level.isa88.value),
            round=self.round,
            items=tuple(item.view() if isinstance(item, _Branch) else item for item in self.items),
        )


def tree(rows: Rows, views: dict[UUID, StepView]) -> tuple[LevelView, ...]:
    """The levels that were reached, each step under its instance."""
    branches: dict[str, _Branch] = {}
    roots: list[_Branch] = []
    for step in rows.steps:
        branch = _branch(rows, step.path.rpartition("/")[0], branches, roots)
        branch.items.append(views[step.id])
    return tuple(root.view() for root in roots)


def _branch(rows: Rows, path: str, branches: dict[str, _Branch], roots: list[_Branch]) -> _Branch:
    if path in branches:
        return branches[path]
    above, _, segment = path.rpartition("/")
    parent = _branch(rows, above, branches, roots) if above else None
    level = _level(rows, segment, parent)
    name = _name(rows, segment, parent) or level.name or level.id
    branches[path] = _Branch(path, level, name, _round(segment))
    (parent.items if parent else roots).append(branches[path])
    return branches[path]


def _node(segment: str, parent: _Branch | None) -> CallActivity | BoundaryEvent | None:
    element = segment.partition("#")[0]
    for node in parent.level.nodes if parent else ():
        if node.id == element and isinstance(node, CallActivity | BoundaryEvent):
            return node
    return None


def _level(rows: Rows, segment: str, parent: _Branch | None) -> Level:
    if parent is None:
        return rows.procedure.level(rows.procedure.entry)
    node = _node(segment, parent)
    # The handler of an event stands in the level that it interrupts or accompanies.
    return rows.procedure.level(node.called) if isinstance(node, CallActivity) else parent.level


def _name(rows: Rows, segment: str, parent: _Branch | None) -> str:
    node = _node(segment, parent)
    return (node.name if node else "") or ""


def _round(segment: str) -> int:
    """``CA_WEIGH#1.3`` is round 3, ``G170#2`` the second call."""
    count = segment.partition("#")[2]
    return int(count.rpartition(".")[2]) if count else 1
