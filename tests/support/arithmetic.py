"""The arithmetic of a batch record, recomputed from its facts: masses, tablets, trends.

For a record of REC-0017. Each check answers what does not agree, in words; nothing means that all
of it agrees. Nothing is taken from what the record calculated but to compare it with.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise

from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from ebr import queries
from ebr.models import Attachment, ProcedureRun, StepRecord
from inventory import queries as stock
from inventory.models import Container

SPACING = timedelta(seconds=10)
"""A trend has at least one point per 10 s of process time."""
MILLIGRAMS_PER_KG = 1_000_000
HUNDREDTH = Decimal("0.01")
GRANULATOR, BLENDER = ("G040", "G060"), ("B020", "B040")
WEIGHED = ("D040", "D060", "D070", "D080", "D090", "D100", "D110", "D120")


@dataclass(frozen=True, slots=True)
class Facts:
    """The values in force of a record, and the containers that belong to it."""

    session: Session
    run: ProcedureRun

    def steps(self, key: str) -> list[StepRecord]:
        """All occurrences of a step, oldest first."""
        return queries.steps_of_key(self.session, self.run, key)

    def numbers(self, key: str, code: str) -> list[Decimal]:
        """The numbers in force of a parameter, of every occurrence of its step."""
        found = []
        for step in self.steps(key):
            values = queries.current_values(self.session, step).get(code, [])
            found += [value.number for value in values if value.number is not None]
        return found

    def number(self, key: str, code: str) -> Decimal:
        """The one number in force of a parameter, of the latest occurrence of its step."""
        values = queries.current_values(self.session, self.steps(key)[-1])[code]
        (number,) = [value.number for value in values]
        assert number is not None, (key, code)
        return number


def problems(session: Session, record: str) -> list[str]:
    """Everything that does not agree in a record that came to its bulk tablets."""
    facts = Facts(session, queries.run_of(session, record))
    return [*_dispensed(facts), *_blended(facts), *_pressed(facts), *trends(session, record)]


def _dispensed(facts: Facts) -> Iterator[str]:
    """What the scales showed is what the ledger moved, and what was charged."""
    containers = stock.containers_of_batch(facts.session, facts.run.number)
    inputs = [found for found in containers if found.lot != facts.run.number]
    for key in WEIGHED:
        shown = sum(facts.numbers(key, "net"), Decimal(0))
        held = _nets(found for found in inputs if found.step == key)
        if shown != held:
            yield f"{key}: scales showed {shown} kg, containers hold {held} kg"
    left = [found.label for found in inputs if found.state != "charged"]
    if left:
        yield f"dispensed and not charged: {', '.join(left)}"
    moved = sum((_charged(facts, key) for key in (*GRANULATOR, *BLENDER)), Decimal(0))
    if moved != _nets(inputs):
        yield f"{_nets(inputs)} kg were dispensed, {moved} kg were charged"


def _nets(containers: Sequence[Container] | Iterator[Container]) -> Decimal:
    return sum((found.net or Decimal(0) for found in containers), Decimal(0))


def _charged(facts: Facts, key: str) -> Decimal:
    """What the material lines of a charge step add up to."""
    uses = queries.materials(facts.session, facts.run)
    return sum(
        (use.quantity for step, use in uses if step.key == key and use.use == "consumed"),
        Decimal(0),
    )


def _blended(facts: Facts) -> Iterator[str]:
    """In: granules and outside phase; out: blend, and the loss that the yield states."""
    granules, blend = facts.number("B014", "actual"), facts.number("B080", "actual")
    dry = sum((_charged(facts, key) for key in GRANULATOR), Decimal(0))
    outside = sum((_charged(facts, key) for key in BLENDER), Decimal(0))
    yield from _percent(facts, "B014", "percent", granules, Decimal("97.000"))
    yield from _percent(facts, "B080", "percent", blend, Decimal("100.000"))
    if not dry * Decimal("0.97") <= granules <= dry * Decimal("1.025"):
        yield f"{dry} kg were granulated, {granules} kg came out"
    loss = granules + outside - blend
    if not Decimal(0) <= loss <= Decimal("0.20"):
        yield f"{granules} + {outside} kg were blended, {blend} kg came out: {loss} kg are lost"


def _pressed(facts: Facts) -> Iterator[str]:
    """In: the blend; out: drums, rejects, samples, waste, and what the accountability leaves."""
    blend, net = facts.number("B080", "actual"), facts.number("C140", "net")
    drums = sum(facts.numbers("C140", "drum"), Decimal(0))
    if drums != net:
        yield f"drums hold {drums} kg, the record says {net} kg"
    stock_ = [
        found
        for found in stock.containers_of_batch(facts.session, facts.run.number)
        if found.lot == facts.run.number
    ]
    if _nets(stock_) != net:
        yield f"{_nets(stock_)} kg are in store, the record says {net} kg"
    stated = sum((facts.number("C160", code) for code in ("rejects", "samples", "waste")), net)
    yield from _percent(facts, "C160", "accountability", stated, blend)
    if not blend * Decimal("0.99") <= stated <= blend * Decimal("1.005"):
        yield f"{blend} kg were pressed, {stated} kg are accounted for"
    yield from _counted(facts, net)


def _counted(facts: Facts, net: Decimal) -> Iterator[str]:
    """Tablets times mean mass is the net mass, to within one tablet."""
    mean, tablets = facts.number("C140", "mean_mass"), facts.number("C140", "tablets")
    means = facts.numbers("C090", "mass_mean")
    again = (sum(means, Decimal(0)) / len(means)).quantize(Decimal("0.1"), ROUND_HALF_UP)
    if mean.quantize(Decimal("0.1"), ROUND_HALF_UP) != again:
        yield f"the controls mean {again} mg, the record says {mean} mg"
    over = net * MILLIGRAMS_PER_KG - tablets * mean
    if not 0 <= over < mean:
        yield f"{tablets} tablets of {mean} mg are not {net} kg"
    yield from _percent(facts, "C160", "percent", tablets, Decimal(160_000))


def _percent(facts: Facts, key: str, code: str, actual: Decimal, theory: Decimal) -> Iterator[str]:
    again = (100 * actual / theory).quantize(HUNDREDTH, ROUND_HALF_UP)
    recorded = facts.number(key, code).quantize(HUNDREDTH, ROUND_HALF_UP)
    if again != recorded:
        yield f"{key} {code}: {actual} of {theory} is {again} %, the record says {recorded} %"


def trends(session: Session, record: str) -> list[str]:
    """What is wrong with the trends of a record: too thin, or joined over a hole."""
    run = queries.run_of(session, record)
    rows = session.scalars(
        select(Attachment)
        .options(undefer(Attachment.data))
        .where(Attachment.run_id == run.id, Attachment.name.startswith("trend "))
    )
    found = [(row.name, json.loads(row.data)) for row in rows]
    if not found:
        return ["the record has no trend"]
    return [
        f"{name}: {problem}"
        for name, body in found
        for problem in thin(
            [datetime.fromisoformat(at) for at, value in body["points"] if value is not None],
            [_hole(hole, body["to"]) for hole in body["holes"]],
            datetime.fromisoformat(body["from"]),
            datetime.fromisoformat(body["to"]),
        )
    ]


Span = tuple[datetime, datetime]


def _hole(hole: Sequence[str | None], end: str) -> Span:
    start, until = hole
    return datetime.fromisoformat(start or end), datetime.fromisoformat(until or end)


def thin(
    points: Sequence[datetime], holes: Sequence[Span], start: datetime, end: datetime
) -> Iterator[str]:
    """Stretches of more than 10 s without a point that no hole tells of; points inside a hole."""
    inside = [at for at in points if start <= at <= end]
    for before, after in pairwise([start, *inside, end]):
        told = any(before <= hole[1] and hole[0] <= after for hole in holes)
        if after - before > SPACING and not told:
            yield f"nothing between {before:%T} and {after:%T}"
    for hole in holes:
        within = [at for at in inside if hole[0] + SPACING < at < hole[1]]
        if within:
            yield f"{len(within)} points in the hole from {hole[0]:%T}"
