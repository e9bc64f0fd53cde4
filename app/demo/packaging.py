"""The scenes of a packaging order: bottles of 100 on line PK-2, from the plan to the pallet.

Vogel issues, Menon brings components and stores the pallet, Kern runs the line, Roth verifies and
witnesses. Numbers are those of the demo plant, section 7, for the golden lot of 97.63 kg.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.clock import site_now
from app.demo import closing
from app.demo.entries import around, photo, printout, ticked, typed
from app.demo.stage import Stage, StoryBroken
from app.demo.wording import spec
from app.seed import definitions
from core.types import to_json
from ebr import queries
from ebr.entry import Entry
from ebr.models import StepState
from inventory import queries as stock
from inventory.models import Container
from production import commands as production
from production.commands import PlanBatch

KERN, ROTH, MENON, VOGEL, DUARTE = "P-101", "P-102", "P-104", "P-105", "P-106"
UNITS = {"PKL": "PK-2", "BAL": "BAL-05"}
LOTS = ("BT-1107", "CP-2205", "LBL-PT500-05")
OLD_LABELS = "LBL-PT500-04"
GTIN = "09521234500025"
PER_BOTTLE = 100
MOST_CONTROLS = 4
SAMPLES, RESERVE = 2, 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """One packaging order: which bulk lot, by which mean mass (mg), what was issued in pieces."""

    order: str
    bulk: str
    expires_on: str
    mean_mass: str = "625.4"
    bottles: int = 1600
    caps: int = 1600
    labels: int = 1650
    torque: str = "1.70"
    """Mean cap torque of the controls, in N.m."""
    lost_labels: int = 0
    """Labels that nobody finds again."""
    refusals: bool = False
    """Labels of the old version are scanned and must be refused."""


def plan(stage: Stage, packing: Packing) -> str:
    """Plan the order that the bulk lot covers; answers its number."""
    wanted = PlanBatch(
        order_number=packing.order,
        recipe=definitions.PACKAGING,
        version=definitions.PACKAGING_VERSION,
        size=Decimal(_covered(stage, packing)),
        due_at=site_now(stage.house) + timedelta(days=2),
    )
    number: str = stage.acting(VOGEL).do(production.plan_batch, wanted, record="site")
    return number


def pack(stage: Stage, packing: Packing) -> None:
    """All scenes in the order of the recipe, up to the production review (F095)."""
    ready(stage, packing)
    components(stage, packing)
    fill(stage, packing)
    close(stage, packing)


def _covered(stage: Stage, packing: Packing) -> int:
    """Whole bottles of the bulk lot, by the mean mass on its label."""
    return _tablets(_bulk(stage, packing), packing.mean_mass) // PER_BOTTLE


def _tablets(kilograms: Decimal, milligrams: str) -> int:
    return int(kilograms * 1_000_000 / Decimal(milligrams))


def _bulk(stage: Stage, packing: Packing) -> Decimal:
    held: list[tuple[str, Decimal]] = stage.ask(_drums, packing.bulk)
    return sum((content for _, content in held), Decimal(0))


def _drums(session: Session, lot: str) -> list[tuple[str, Decimal]]:
    """Label and content (kg) of the drums of a lot that hold something."""
    held = stock.containers_of(session, lot, with_content=True)
    return [(each.label, stock.content_of(session, each)) for each in held]


def ready(stage: Stage, packing: Packing) -> None:
    """F001 to F010: the order is issued, the line assigned, reset and cleared."""
    stage.say("F   packaging")
    stage.acting(VOGEL).do(production.open_batch, stage.number, record=stage.record)
    size = str(_covered(stage, packing))
    stage.do(VOGEL, "F001", ticked(spec(stage, "F001"), size=size, bulk=packing.bulk))
    stage.do(KERN, "F005", Entry(units=UNITS))
    stage.cell.stop("PK-2")
    cleared = ticked(spec(stage, "F010"))
    counters = {
        code: [stage.take(KERN, "F010", f"PK-2.{tag}")]
        for code, tag in (("good", "KQ801"), ("rejects", "KQ802"))
    }
    stage.do(KERN, "F010", cleared, verifier=ROTH, readings=counters)


def components(stage: Stage, packing: Packing) -> None:
    """F020 to F060: bottles, caps, labels and bulk at the line, first label, challenge."""
    issued = typed(bottles=str(packing.bottles), caps=str(packing.caps), labels=str(packing.labels))
    if packing.refusals:
        old = Entry(values=issued.values, scans=(*LOTS[:2], OLD_LABELS))
        stage.refused("labels of version 4", "lot.status", lambda: stage.do(MENON, "F020", old))
    stage.do(MENON, "F020", Entry(values=issued.values, scans=LOTS))
    first = ticked(
        spec(stage, "F030"),
        lot=packing.bulk,
        expiry=packing.expires_on,
        gtin=GTIN,
        equal="conforms",
    )
    label = Entry(checks=first.checks, values=first.values, files={"picture": photo("first-label")})
    stage.do(KERN, "F030", label, verifier=ROTH)
    held: list[tuple[str, Decimal]] = stage.ask(_drums, packing.bulk)
    charged = Entry(
        values={"mean_mass": (packing.mean_mass,)}, scans=tuple(label for label, _ in held)
    )
    stage.do(KERN, "F040", charged, verifier=ROTH)
    stage.cell.charge("PK-2", "tablets", float(sum(content for _, content in held)))
    challenge(stage, "F060")


def challenge(stage: Stage, key: str) -> None:
    """Each of the four test bottles is rejected four times."""
    stage.do(KERN, key, typed(empty="4", no_cap="4", no_label="4", wrong_code="4"))


def fill(stage: Stage, packing: Packing) -> None:
    """F050: the line runs until the hopper is empty, with a control every half hour; after one that
    failed, what was made since the last good one is segregated."""
    path = stage.path("F050")
    stage.cell.start("PK-2")
    rounds = 0
    while not stage.is_over(path) and rounds <= MOST_CONTROLS:
        stage.wait(30, "bottles are filled", until=lambda: _over_or_due(stage, path))
        if stage.is_open("F055"):
            rounds += 1
            stage.do(KERN, "F055", typed(**five_bottles(packing.torque)))
            stage.go_on()
        if stage.is_open("F056"):
            segregated = typed(segregated="40", cause="capper readjusted, 40 bottles opened again")
            stage.do(KERN, "F056", segregated, verifier=ROTH, approver=VOGEL)
            stage.go_on()
    if not stage.is_over(path):
        raise StoryBroken("the bottle line did not end")
    stage.sign(KERN, "F050", "confirmer")


def five_bottles(torque: str) -> dict[str, str | tuple[str, ...]]:
    """A control of five bottles; `torque` is its mean in N.m."""
    return {
        "net": around("62.54", 5, 2, "0.20"),
        "count": ("100",) * 5,
        "torque": around(torque, 5, 2, "0.10"),
        "seal": "conforms",
        "legible": "conforms",
    }


def _over_or_due(stage: Stage, path: str) -> bool:
    found: bool = stage.ask(_is_over_or_due, stage.record, path)
    return found


def _is_over_or_due(session: Session, record: str, path: str) -> bool:
    run = queries.run_of(session, record)
    return queries.step_of(session, run, path).state != StepState.STARTED or any(
        step.key == "F055" and step.state in (StepState.READY, StepState.STARTED)
        for step in queries.open_steps(session, run)
    )


def close(stage: Stage, packing: Packing) -> None:
    """F061 to F090: challenge, labels destroyed before a witness, counts, pallet into store."""
    challenge(stage, "F061")
    good, rejects = (_counted(stage, code) for code in ("good", "rejects"))
    rest = packing.labels - good - rejects - packing.lost_labels
    labels = typed(applied=str(good), spoiled=str(rejects), destroyed=str(rest))
    stage.do(KERN, "F070", labels, verifier=ROTH)
    stage.go_on()
    stage.do(KERN, "F072", typed(**_counts(packing, good, rejects)), verifier=ROTH)
    stage.do(KERN, "F075")
    packed = good - SAMPLES - RESERVE
    yields = typed(
        packed=str(packed),
        laboratory=str(SAMPLES),
        reserve=str(RESERVE),
        left=str(_left(stage, good)),
    )
    stage.do(KERN, "F080", yields, verifier=ROTH)
    stage.do(KERN, "F085", typed(pieces=str(packed)), verifier=ROTH)
    pallets: list[str] = stage.ask(_pallets, stage.number)
    stage.do(MENON, "F090", Entry(scans=tuple(pallets)))


def finish(stage: Stage) -> None:
    """Certificate, production review, review by the quality unit, release of the packed lot."""
    review(stage)
    closing.release_batch(stage)


def review(stage: Stage) -> None:
    """Certificate, production review, review by the quality unit: only the decision is left."""
    certified = {
        "number": f"CoA-{stage.number}",
        "identity": "conforms",
        "text": "conforms",
        "tightness": "conforms",
    }
    file = printout("certificate-of-packed-batch", to_json(certified))
    values = typed(**certified).values
    stage.do(DUARTE, "F092", Entry(values=values, files={"certificate": file}))
    closing.production_review(stage, "F095")
    stage.worker.settle()
    closing.quality_review(stage)


def _counts(packing: Packing, good: int, rejects: int) -> dict[str, str | tuple[str, ...]]:
    found: dict[str, str | tuple[str, ...]] = {}
    for code, issued in (("bottles", packing.bottles), ("caps", packing.caps)):
        found |= {
            f"{code}_used": str(good),
            f"{code}_destroyed": str(rejects),
            f"{code}_returned": str(issued - good - rejects),
        }
    return found


def _counted(stage: Stage, code: str) -> int:
    """A counter of the line as the run recorded it."""
    found: int = stage.ask(_value, stage.record, "F050", code)
    return found


def _left(stage: Stage, good: int) -> int:
    """Tablets that did not fill a last bottle."""
    charged: int = stage.ask(_value, stage.record, "F040", "tablets")
    return max(0, charged - good * PER_BOTTLE)


def _value(session: Session, record: str, key: str, code: str) -> int:
    step = queries.steps_of_key(session, queries.run_of(session, record), key)[-1]
    (value,) = queries.current_values(session, step)[code]
    if value.number is None:
        raise StoryBroken(f"{key}.{code} has no value")
    return int(value.number)


def _pallets(session: Session, lot: str) -> list[str]:
    rows = session.scalars(
        select(Container.label).where(Container.lot == lot).order_by(Container.label)
    )
    return list(rows)
