"""The dispensary of the headless batch: clearance, scale checks, eleven containers, reconciliation,
and later the scans of what was dispensed and the drums of bulk tablets."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.demo.entries import ticked, typed
from app.demo.script import Weighing
from app.demo.stage import Stage
from app.demo.wording import spec
from core.house import moment
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.opening import open_step
from inventory.commands import scales
from inventory.models import Container, Lot

MENON, ROTH, KERN = "P-104", "P-102", "P-101"
STAGING = "1.12-S"


CHECK_WEIGHTS = (
    ("floor_low", "WGH-01", 20.00),
    ("floor_high", "WGH-01", 100.00),
    ("bench_low", "WGH-02", 1.000),
    ("bench_high", "WGH-02", 20.000),
    ("balance_low", "BAL-01", 0.5),
    ("balance_high", "BAL-01", 5.0),
)
DRUM_TARE = 8.50


def dispense(stage: Stage) -> None:
    """D: everything that the batch needs, weighed and labelled."""
    stage.say("D   dispensing")
    stage.do(MENON, "D010", ticked(spec(stage, "D010")), verifier=ROTH)
    stage.sweep()
    stage.step("D020")
    stage.sign(MENON, "D020", "confirmer")
    check_scales(stage)
    if stage.script.refusals:
        _refuse_quarantine(stage)
    for weighing in stage.script.weighings:
        if stage.script.refusals:
            _refuse_scales(stage, weighing)
        weigh(stage, weighing)
    stage.do(MENON, "D130", verifier=ROTH)
    containers = str(len(stage.script.weighings))
    staged = ticked(spec(stage, "D140"), containers=containers, location=STAGING)
    stage.do(MENON, "D140", staged)


def check_scales(stage: Stage) -> None:
    """D030: two check weights on each scale."""
    taken: dict[str, list[UUID]] = {}
    for code, scale, mass in CHECK_WEIGHTS:
        stage.cell.place(scale, mass, "check weight")
        stage.wait(0.15, "the scale settles")
        taken[code] = [stage.take(MENON, "D030", f"{scale}.WI501")]
        stage.cell.remove(scale)
    stage.wait(0.15, "the scales are empty")
    stage.do(MENON, "D030", readings=taken)


def _refuse_quarantine(stage: Stage) -> None:
    stage.refused(
        "a drum of PA-0463 in quarantine",
        "lot.status",
        lambda: stage.do(MENON, "D040", Entry(scans=(source(stage, "PA-0463"),))),
    )


def _refuse_scales(stage: Stage, weighing: Weighing) -> None:
    if weighing.key != "D110":
        return
    for why, unit in (("BAL-02 is overdue", "BAL-02"), ("silica on WGH-02", "WGH-02")):
        stage.refused(why, "scale.not_suitable", partial(choose, stage, weighing, unit))


def choose(stage: Stage, weighing: Weighing, unit: str) -> None:
    """Choose a scale for the weigh step that is open."""
    step = stage.step(weighing.key)
    stage.acting(MENON, "DI").do(
        scales.choose_scale,
        StepReference(record=stage.record, path=step.path),
        unit,
        source=source(stage, weighing.lot),
        record=stage.record,
    )


def weigh(stage: Stage, weighing: Weighing) -> None:
    """Tare, fill, wait for rest, take the weights, sign, let the second person verify."""
    step = stage.step(weighing.key)
    if stage.script.typed_weight == weighing.key:
        _type_weight(stage, weighing)
        return
    tare, net = Decimal(weighing.tare), Decimal(weighing.net)
    stage.cell.place(weighing.scale, float(tare), "empty container")
    stage.wait(0.15, "the scale settles")
    stage.cell.tare(weighing.scale)
    stage.cell.place(weighing.scale, float(tare + net), weighing.lot)
    stage.wait(0.15, "the scale settles")
    stage.sweep()
    person = stage.acting(MENON, "DI")
    taken: dict[str, list[UUID]] = person.do(
        scales.take_weight,
        StepReference(record=stage.record, path=step.path),
        record=stage.record,
    )
    entry = Entry(scans=(source(stage, weighing.lot),))
    stage.do(MENON, weighing.key, entry, verifier=ROTH, readings=taken)
    stage.cell.remove(weighing.scale)


def _type_weight(stage: Stage, weighing: Weighing) -> None:
    """The line to the scale is down: what it shows is read by a person and typed (URS-PRO-070)."""
    tare, net = Decimal(weighing.tare), Decimal(weighing.net)
    stage.say(f"    {weighing.key}: the line to {weighing.scale} is down, weights are typed")
    stage.cell.cut(weighing.scale, 240)
    stage.wait(1, "the line to the scale is down")
    weights = typed(net=f"{net}", gross=f"{tare + net}", tare=f"{tare}")
    entry = replace(
        weights,
        scans=(source(stage, weighing.lot),),
        reason="no line to the scale; weights read from its display",
    )
    stage.do(MENON, weighing.key, entry, verifier=ROTH)
    stage.go_on()
    stage.wait(4, "the line to the scale is repaired")


def source(stage: Stage, lot: str) -> str:
    """The drum of a lot that is used next: a full one, else one that was opened."""
    found: str = stage.ask(_source, lot)
    return found


def _source(session: Session, lot: str) -> str:
    rows = session.scalars(
        select(Container)
        .join(Lot, Lot.number == Container.lot)
        .where(Container.lot == lot, Container.state.in_(("full", "in_use")))
        .order_by(Container.state, Container.label)
    )
    return next(iter(rows)).label


def dispensed(stage: Stage) -> list[tuple[str, str, str | None]]:
    """Label, step and portion of everything dispensed for the batch, in the order of weighing."""
    found: list[tuple[str, str, str | None]] = stage.ask(_dispensed, stage.number)
    return found


def _dispensed(session: Session, batch: str) -> list[tuple[str, str, str | None]]:
    rows = session.scalars(
        select(Container)
        .where(Container.batch == batch, Container.state == "dispensed")
        .order_by(Container.label)
    )
    return [(row.label, row.step or "", row.portion) for row in rows]


def scans_for(stage: Stage, key: str) -> tuple[str, ...]:
    """What a charge step scans, in the order of its materials."""
    path = stage.path(key)
    with stage.house.reading() as session:
        by, at = stage.people[KERN].actor, moment(session).site
        context = open_step(session, stage.record, path, by=by, at=at, lock=False)
        wanted = [
            use.weighed_at
            for use in context.spec.materials
            if use.weighed_at is not None
            for _ in range(int(context.number(use.containers, None) or 1))
        ]
    left = [(label, step) for label, step, _ in dispensed(stage)]
    scans: list[str] = []
    for step_key in wanted:
        taken = next(row for row in left if row[1] == step_key)
        left.remove(taken)
        scans.append(taken[0])
    return tuple(scans)


def drums(stage: Stage) -> None:
    """C140: six drums of tablets, each weighed at rest, labelled and entered as stock."""
    step = stage.step("C140")
    taken: dict[str, list[UUID]] = {}
    for net in stage.script.drums:
        stage.cell.place("WGH-03", DRUM_TARE, "empty drum")
        stage.wait(0.15, "the scale settles")
        stage.cell.tare("WGH-03")
        stage.cell.place("WGH-03", DRUM_TARE + float(net), "drum of tablets")
        stage.wait(0.15, "the scale settles")
        stage.sweep()
        weights: dict[str, list[UUID]] = stage.acting(KERN).do(
            scales.take_weight,
            StepReference(record=stage.record, path=step.path),
            record=stage.record,
        )
        for code, ids in weights.items():
            taken.setdefault(code, []).extend(ids)
        stage.cell.remove("WGH-03")
    stage.do(KERN, "C140", verifier=ROTH, readings=taken)


def store(stage: Stage) -> None:
    """Z030: the six drums go into the bulk store, in quarantine."""
    labels = tuple(label for label in stage.ask(_drums, stage.number))
    stage.do(MENON, "Z030", Entry(scans=labels))


def _drums(session: Session, batch: str) -> list[str]:
    rows = session.scalars(
        select(Container.label)
        .where(Container.lot == batch, Container.state == "full")
        .order_by(Container.label)
    )
    return list(rows)
