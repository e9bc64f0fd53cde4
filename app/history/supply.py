"""Materials of the past: what was delivered for which batches, and what was weighed from it.

The lots of section 2 of the demonstration plant (but PA-0411, which comes later) lie in store from
the beginning as reserve: they expire later, so that they are not used, and keep every material
above its minimum. Each past lot serves some batches in a row; its rest is destroyed after them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.acting import Person
from app.demo.headless import OTHERS, PARACETAMOL
from app.demo.script import Weighing
from app.history.stage import PastStage
from app.seed import stock as seeding
from inventory import queries
from inventory.commands import stock
from inventory.models import Container, LotStatus

FIRST, LAST = 2017, 2041
ACTIVE = seeding.ACTIVE
ACTIVE_NETS = ("20.18", "20.18", "20.19", "20.18")
"""80.000 kg pure of a share of 0.991018 are 80.73 kg, from four drums."""
ACTIVE_DRUMS = ("20.20",) * 4
CELLULOSE_NET = "7.770"
RECALLED = "CC-0771"
FIRST_DRUM = 5001
LAST_DRUMS = {"CC": ("12.300",)}
"""Content of a lot that serves fewer batches, because the history ends."""
LATER = ("PA-0411", "MC-2188")
"""Lots of section 2 that come into store after the history."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One past lot: its drums in kg, the batches it serves, days from S to its expiry."""

    lot: str
    material: str
    drums: tuple[str, ...]
    first: int
    last: int
    expires: int

    @property
    def rest_is_kept(self) -> bool:
        """What is left of the lot of the supplier notice stays in store, blocked."""
        return self.lot == RECALLED


def _fives(prefix: str, number: int, material: str, drum: str, first: int) -> Iterator[Delivery]:
    for place, start in enumerate(range(first, LAST + 1, 5)):
        yield Delivery(
            lot=f"{prefix}-{number + 6 * place:04d}",
            material=material,
            drums=(drum,) if start + 4 <= LAST else LAST_DRUMS[prefix],
            first=start,
            last=min(start + 4, LAST),
            expires=30 + 5 * place,
        )


def _active() -> Iterator[Delivery]:
    for place, batch in enumerate(range(FIRST, LAST + 1)):
        yield Delivery(
            lot=f"PA-{331 + 3 * place:04d}",
            material=ACTIVE,
            drums=ACTIVE_DRUMS,
            first=batch,
            last=batch,
            expires=30 + place,
        )


DELIVERIES: tuple[Delivery, ...] = (
    *_active(),
    *_fives("MC", 2150, "200110", "40.000", FIRST),
    *_fives("ST", 871, "200120", "20.500", FIRST),
    *_fives("PV", 3261, "200140", "15.500", FIRST),
    *_fives("SI", 83, "200150", "2.700", FIRST),
    *_fives("MG", 516, "200160", "5.500", FIRST),
    Delivery(lot="CC-0765", material="200130", drums=("6.200",), first=2017, last=2018, expires=30),
    Delivery(
        lot=RECALLED, material="200130", drums=("18.000",), first=2019, last=2022, expires=180
    ),
    *_fives("CC", 775, "200130", "15.500", 2023),
)
LETTERS = {"D040": "PA", "D060": "MC", "D070": "ST", "D080": "CC", "D090": "CC", "D100": "PV",
           "D110": "SI", "D120": "MG"}  # fmt: skip


def serving(batch: int) -> dict[str, Delivery]:
    """The lot of each material that a batch is made from, by the letters of its number."""
    return {d.lot[:2]: d for d in DELIVERIES if d.first <= batch <= d.last}


def weighings(batch: int) -> tuple[Weighing, ...]:
    """The eleven containers of a past batch."""
    lots = serving(batch)
    active = [replace(w, net=net) for w, net in zip(PARACETAMOL, ACTIVE_NETS, strict=True)]
    others = [replace(w, net=CELLULOSE_NET) if w.key == "D060" else w for w in OTHERS]
    return tuple(replace(w, lot=lots[LETTERS[w.key]].lot) for w in (*active, *others))


def deliver_reserve(stage: PastStage) -> None:
    """The lots of section 2 that lie in store through the whole history."""
    for lot in seeding.LOTS:
        if lot[0] not in (*LATER, RECALLED):
            _receive(stage, lot, seeding.first_drum(lot[0]))


def deliver_later(stage: PastStage, number: str) -> None:
    """A lot of section 2 that comes after the history."""
    lot = next(lot for lot in seeding.LOTS if lot[0] == number)
    _receive(stage, lot, seeding.first_drum(number))


def deliver_for(stage: PastStage, batch: int) -> None:
    """Past lots that this batch is the first to use: received, tested, released."""
    drum = FIRST_DRUM
    for each in DELIVERIES:
        if each.first <= batch <= each.last and stage.ask(queries.find_lot, each.lot) is None:
            lot = (each.lot, each.material, each.drums, each.expires, LotStatus.RELEASED)
            _receive(stage, lot, drum)
        drum += len(each.drums)


def _receive(stage: PastStage, lot: seeding.Lot, first_drum: int) -> None:
    seeding.receive(stage.house, stage.people, stage.s, [lot], first_drum=first_drum)


def clear_rests(stage: PastStage, batch: int) -> None:
    """What is left of past lots that no later batch uses is destroyed before a witness."""
    ended = [d.lot for d in serving(batch).values() if d.last == batch and not d.rest_is_kept]
    store: Person = stage.acting("P-104", "WH")
    for label in stage.ask(_with_content, ended):
        store.do(
            stock.destroy_container,
            label,
            reason="rest in the drum is too little for a batch",
            witness="P-102",
            record="site",
        )


def _with_content(session: Session, lots: list[str]) -> list[str]:
    rows = session.scalars(
        select(Container)
        .where(Container.lot.in_(lots), Container.state.in_(("full", "in_use")))
        .order_by(Container.label)
    )
    return [row.label for row in rows if queries.content_of(session, row) > Decimal(0)]


def block_recalled(stage: PastStage) -> None:
    """The supplier tells of its croscarmellose: the lot is blocked from now on."""
    quality = stage.acting("P-107")
    seeding.decide(quality, RECALLED, LotStatus.BLOCKED, "supplier notice on particle size")
