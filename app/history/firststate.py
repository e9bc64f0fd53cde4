"""The state of the plant at S: the batches after the past ones, each left where the day finds it.

B-2039 bulk released and packed as PK-2039, which waits for the qualified person; B-2040 under
review with an open deviation, B-2041 running at its loss on drying, two orders cancelled, B-2044
planned (demonstration plant, section 11).
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import date
from decimal import Decimal

from sqlalchemy.orm import Session

from app.clock import site_now
from app.demo import dispensing, packaging, story
from app.demo.packaging import Packing
from app.demo.stage import StoryBroken
from app.history import playing, supply
from app.history.batches import PastBatch, PastDeviation, again, plain
from app.history.events import between
from app.history.stage import PastStage
from ebr import queries
from hardware import queries as units
from hardware.words import Cleaning
from production import commands as production
from quality.commands import reviews
from quality.models import ReviewKind

WET_MASS_WAITED = 41.0
TENTH = Decimal("0.1")
CANCELLED = (("PO-7729", "order moved to the next quarter"), ("PO-7730", "order withdrawn"))
PLANNED = "PO-7731"
PACKED = "PO-7728"
YEARS = 3
"""A packed lot expires with the end of the 36th month after it was made."""
RELEASED = PastBatch(number=2039, days=4.6, script=plain(2039))
REVIEWED = PastBatch(
    number=2040,
    days=3.0,
    script=plain(
        2040,
        wet_mass_waits=WET_MASS_WAITED,
        told={"hold_time": "FBD-01 was not free in time; mass covered in the bowl"},
    ),
    deviation=PastDeviation(
        title="Wet mass stood 41 min before drying, limit 30 min",
        exception="hold_time",
        conclusion=None,
    ),
)
RUNNING = PastBatch(number=2041, days=0.75, script=plain(2041, lod=again("2.68", "2.72")))


def play(stage: PastStage, *, after: float) -> None:
    """From the last past batch, begun `after` days before S, to S."""
    between(stage, after, RELEASED.days)
    pack(playing.play(stage, RELEASED))
    between(stage, RELEASED.days, REVIEWED.days)
    review(playing.begin(stage, REVIEWED))
    between(stage, REVIEWED.days, RUNNING.days)
    playing.clean_rest(stage)
    run(playing.begin(stage, RUNNING))
    plan(stage)
    stage.wait_until(stage.s, "until today")


def pack(stage: PastStage) -> None:
    """The tablets are packed, the order is reviewed: the qualified person has not decided yet."""
    made = site_now(stage.house)
    expiry = date(made.year + YEARS, made.month, monthrange(made.year + YEARS, made.month)[1])
    order = Packing(
        order=PACKED,
        bulk=stage.number,
        expires_on=expiry.isoformat(),
        mean_mass=stage.ask(_mean_mass, stage.record),
    )
    line = replace(stage, record=f"batch/{packaging.plan(stage, order)}")
    line.say(f"{line.number}, from {stage.number}")
    playing.clean_units(line, line.ask(_unclean, packaging.UNITS["PKL"]))
    packaging.pack(line, order)
    packaging.review(line)
    playing.clean(line)


def _mean_mass(session: Session, record: str) -> str:
    """Mean mass of a tablet in mg, as it stands on the drums."""
    step = queries.steps_of_key(session, queries.run_of(session, record), "C140")[-1]
    (value,) = queries.current_values(session, step)["mean_mass"]
    if value.number is None:
        raise StoryBroken(f"{record} does not say what a tablet weighs")
    return str(value.number.quantize(TENTH))


def _unclean(session: Session, unit: str) -> list[str]:
    found = units.equipment(session, unit)
    return [unit] if found.cleaning == Cleaning.TO_BE_CLEANED else []


def review(stage: PastStage) -> None:
    """Made, with a hold time exceeded; the quality unit has begun its review and no more."""
    playing.make(stage)
    playing.close(stage)
    playing.deviate(stage, REVIEWED)
    stage.wait(playing.REVIEW_MINUTES, "until the quality unit reviews the record")
    quality = stage.acting(playing.OKAFOR)
    quality.do(reviews.start_review, stage.number, ReviewKind.QUALITY, record=stage.record)


def run(stage: PastStage) -> None:
    """Up to the loss on drying: two determinations are there, nobody has verified them."""
    story.preparation(stage)
    dispensing.dispense(stage)
    supply.clear_rests(stage, RUNNING.number)
    supply.deliver_later(stage, "PA-0411")
    story.granulate(stage)
    story.dry(stage)
    story.loss_on_drying(stage, stage.script.lod[0])


def plan(stage: PastStage) -> None:
    """Two orders that were planned and cancelled, and the one that comes next."""
    supervisor = stage.acting(playing.VOGEL)
    for order, reason in CANCELLED:
        number = playing.plan(stage, order)
        supervisor.do(production.cancel_batch, number, reason, record=f"batch/{number}")
    playing.plan(stage, PLANNED)
