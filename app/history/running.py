"""Making the whole history in a new site: the past batches in order, then the state at S."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from app.bootstrap import compose
from app.cell import memory_file
from app.clock import site_now
from app.demosite import read_cards
from app.history import events, firststate, playing, site, supply
from app.history.batches import BATCHES, PastBatch
from app.history.site import FirstNumbers, VaultOf
from app.history.stage import PastStage
from app.worker import SiteWorker
from core.settings import Settings
from core.sites import clock_offset_us
from hardware.localgateway import LocalGateway
from hardware.pki import Pki
from hardware.simulators import memory
from hardware.simulators.local import LocalCell

BEFORE = timedelta(days=1)
"""The clock of the site begins this long before the first batch: at S - 113 d."""
TERMINAL = "Room 1.12"
SEED = 1
"""Of the noise of the simulated machines."""
TOOL_COUNTER = 1_108_000
"""Tablets made with TS-12 when the history begins: 4,900,000 when it ends."""
FIRST_DEVIATION = 306
FIRST_CLEANING = 90
"""So that DEV-313 and CL-0312 come next at S."""
Say = Callable[[str], None]


def make(
    settings: Settings,
    s: datetime,
    *,
    past: Sequence[PastBatch] = BATCHES,
    first_state: bool = True,
    vault_of: VaultOf | None = None,
    say: Say,
) -> datetime:
    """Make the site and its past; answers the site time at which it ends, which is S.

    `past`, `first_state` and `vault_of` are for tests that need a part of it. Raises StoryBroken
    when a batch goes otherwise than its script.
    """
    numbers = FirstNumbers(batch=past[0].number, deviation=FIRST_DEVIATION, cleaning=FIRST_CLEANING)
    begin = timedelta(days=past[0].days) + BEFORE
    site.make(settings, s, begin, numbers, vault_of=vault_of, say=say)
    with opened(settings, s, past[0], vault_of=vault_of, say=say) as stage:
        stage.plant.set("TAB-01", "tool_counter", TOOL_COUNTER)
        supply.deliver_reserve(stage)
        earlier = begin.total_seconds() / 86_400
        for batch in past:
            events.between(stage, earlier, batch.days)
            playing.play(stage, batch)
            earlier = batch.days
        if first_state:
            firststate.play(stage, after=earlier)
        return site_now(stage.house)


@contextmanager
def opened(
    settings: Settings,
    s: datetime,
    first: PastBatch,
    *,
    vault_of: VaultOf | None = None,
    say: Say,
) -> Iterator[PastStage]:
    """The stage of a site that was made, with its plant; the machines are remembered at the end."""
    house = compose(settings, vault=vault_of(settings) if vault_of else None)
    try:
        with house.reading() as session:
            offset = timedelta(microseconds=clock_offset_us(session))
        plant = LocalCell(offset, seed=SEED)
        with LocalGateway(house, house.services["historian"], Pki(settings.pki), plant) as gateway:
            yield PastStage(
                house=house,
                settings=settings,
                worker=SiteWorker(house, owner="history"),
                people=read_cards(house, settings.home, TERMINAL),
                cell=plant,
                record=f"batch/{first.name}",
                say=say,
                script=first.script,
                s=s,
                plant=plant,
                gateway=gateway,
            )
        _remember(settings, plant)
    finally:
        house.database.close()


def _remember(settings: Settings, plant: LocalCell) -> None:
    file = memory_file(settings)
    file.parent.mkdir(exist_ok=True, mode=0o700)
    memory.save(plant.cell, file)
