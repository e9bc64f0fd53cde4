"""One past batch from the order to the decision of the quality unit, and the cleaning after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

from sqlalchemy.orm import Session

from app.clock import site_now
from app.demo import closing, dispensing, story
from app.demo.stage import StoryBroken
from app.history import supply
from app.history.batches import PastBatch, PastDeviation
from app.history.stage import PastStage
from app.seed import definitions
from ebr import queries as records
from hardware import queries as units
from hardware.words import Cleaning
from maintenance.commands import cleaning
from maintenance.commands.cleaning import PerformCleaning, StartCleaning
from production import commands as production
from production.commands import PlanBatch
from quality import queries as quality
from quality.commands import deviations
from quality.commands.deviations import NewDeviation

KERN, WOJCIK, VOGEL, OKAFOR = "P-101", "P-103", "P-105", "P-107"
SIZE = Decimal("100.000")
CLEANING_MINUTES = 25
LABORATORY_MINUTES = 240
REVIEW_MINUTES = 14 * 60


def play(stage: PastStage, batch: PastBatch) -> PastStage:
    """A whole past batch, decided on; answers its stage."""
    here = begin(stage, batch)
    make(here)
    close(here)
    here.wait(REVIEW_MINUTES, "until the quality unit reviews the record")
    deviate(here, batch)
    decide(here)
    return here


def begin(stage: PastStage, batch: PastBatch) -> PastStage:
    """The day has come: materials are there, the batch is planned."""
    here = stage.at(batch.days, batch.script, batch.number)
    here.say(f"{batch.name}, {batch.days:.0f} days before")
    supply.deliver_for(here, batch.number)
    number = plan(here, batch.script.order)
    if number != batch.name:
        raise StoryBroken(f"the next batch is {number}, the history comes to {batch.name}")
    return here


def plan(stage: PastStage, order: str) -> str:
    """Plan the next batch on an order; answers its number."""
    wanted = PlanBatch(
        order_number=order,
        recipe=definitions.RECIPE,
        version=definitions.VERSION,
        size=SIZE,
        due_at=site_now(stage.house) + timedelta(days=2),
    )
    number: str = stage.acting(VOGEL).do(production.plan_batch, wanted, record="site")
    return number


def make(stage: PastStage) -> None:
    """All scenes in the order of the recipe."""
    story.preparation(stage)
    dispensing.dispense(stage)
    story.drying_and_granulation(stage)
    story.press_set_up(stage)
    story.blending(stage)
    story.compression(stage)
    story.bulk_and_close(stage)


def close(stage: PastStage) -> None:
    """Production review and certificate end the run; rests are destroyed, units are cleaned."""
    closing.production_review(stage)
    stage.wait(LABORATORY_MINUTES, "the laboratory tests the tablets")
    closing.certificate(stage)
    stage.worker.settle()
    supply.clear_rests(stage, int(stage.number.removeprefix("B-")))
    clean(stage)
    set_back(stage)


def decide(stage: PastStage) -> None:
    """Review by exception; then the batch is released, or rejected."""
    closing.quality_review(stage)
    if stage.script.rejected_because is None:
        closing.release_batch(stage)
    else:
        closing.reject_batch(stage, stage.script.rejected_because)


def clean(stage: PastStage) -> None:
    """Every unit that this batch has used is cleaned by one person and verified by another."""
    clean_units(stage, stage.ask(_dirty, stage.number))


def set_back(stage: PastStage) -> None:
    """Guarded set points go back to their baseline at the panels, for the next batch."""
    for unit, baseline in stage.ask(_baselines):
        for tag in stage.plant.cell.unit(unit).set_points_by_hand & set(baseline):
            stage.plant.set(unit, tag, float(baseline[tag]))


def _baselines(session: Session) -> list[tuple[str, dict[str, str]]]:
    found = [(unit.number, unit.properties) for unit in units.equipment_list(session)]
    return [(unit, known["baseline"]) for unit, known in found if "baseline" in known]


def clean_rest(stage: PastStage) -> None:
    """Units that nobody used and whose clean hold ran out."""
    clean_units(stage, stage.ask(_dirty, None))


def clean_units(stage: PastStage, found: Sequence[str]) -> None:
    """Clean these units one after the other."""
    if not found:
        return
    numbers = {
        unit: stage.acting(WOJCIK).do(
            cleaning.start_cleaning, StartCleaning(equipment=unit), record="site"
        )
        for unit in found
    }
    stage.wait(CLEANING_MINUTES * len(found), "units are cleaned")
    for unit, number in numbers.items():
        record = f"procedure/{number}"
        done = PerformCleaning(number=number, result=f"{unit} cleaned, dry, no residue seen")
        stage.acting(WOJCIK).sign(
            cleaning.perform_cleaning, done, meaning="performed", record=record
        )
        stage.acting(KERN).sign(cleaning.verify_cleaning, number, meaning="verified", record=record)


def _dirty(session: Session, last_batch: str | None) -> list[str]:
    return [
        unit.number
        for unit in units.equipment_list(session)
        if unit.cleaning == Cleaning.TO_BE_CLEANED
        and unit.parent is None
        and last_batch in (None, unit.last_batch)
    ]


def deviate(stage: PastStage, batch: PastBatch) -> None:
    """The deviation of the batch, if it has one: opened by the supervisor where the system has
    not, closed by the quality unit where the table says how."""
    wanted = batch.deviation
    if wanted is None:
        return
    known = stage.ask(quality.deviations, record=stage.record)
    number = known[0].number if known else _open(stage, wanted)
    if wanted.conclusion is not None:
        stage.acting(OKAFOR).sign(
            deviations.close_deviation,
            number,
            wanted.conclusion,
            meaning="approved",
            record=f"deviation/{number}",
        )


def _open(stage: PastStage, wanted: PastDeviation) -> str:
    case, severity = stage.ask(_worst, stage.record, wanted.exception)
    new = NewDeviation(title=wanted.title, severity=severity, record=stage.record, exception=case)
    number: str = stage.acting(VOGEL).do(deviations.open_deviation, new, record=stage.record)
    return number


def _worst(session: Session, record: str, type_: str) -> tuple[int, str]:
    """Number and severity of the most severe exception of a type."""
    run = records.run_of(session, record)
    cases = [case for case in records.exceptions(session, run) if case.type == type_]
    worst = max(
        cases, key=lambda case: ("information", "minor", "major", "critical").index(case.severity)
    )
    return worst.number, worst.severity
