"""Making the whole history in a new site: the past batches in order, then the state at S."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from app.bootstrap import compose
from app.cell import memory_file
from app.clock import site_now
from app.demo.signingmemory import keep_for_derivations
from app.demosite import read_cards
from app.history import batches, events, firststate, playing, site, supply
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
FIRST_CLEANING = 88
"""So that DEV-313 and CL-0312 come next at S."""
LOG_LAG = timedelta(seconds=0.5)
"""For how long (real time) entries may wait for the log, so that a checkpoint serves several."""
Say = Callable[[str], None]
Finished = Callable[[int], None]


def make(
    settings: Settings,
    s: datetime,
    *,
    past: Sequence[PastBatch] = BATCHES,
    first_state: bool = True,
    vault_of: VaultOf | None = None,
    done: int | None = None,
    finished: Finished | None = None,
    say: Say,
) -> datetime:
    """Make the site and its past; answers the site time at which it ends, which is S.

    With `done` the site is there already, with the batches up to that number. `finished` is called
    after each batch, while nobody writes. `past`, `first_state` and `vault_of` are for tests that
    need a part of it. Raises StoryBroken when a batch goes otherwise than its script.
    """
    keep_for_derivations()
    if done is None:
        _make_site(settings, s, past[0], vault_of, say)
    with opened(settings, s, past[0], vault_of=vault_of, say=say) as stage:
        earlier = _begin(stage, past[0]) if done is None else batches.past(done).days
        for batch in past:
            if done is None or batch.number > done:
                events.between(stage, earlier, batch.days)
                playing.play(stage, batch)
                stage.sequence()
                _remember(settings, stage.plant)
                if finished is not None:
                    finished(batch.number)
                earlier = batch.days
        if first_state:
            firststate.play(stage, after=earlier)
            stage.sequence()
        return site_now(stage.house)


def _make_site(
    settings: Settings, s: datetime, first: PastBatch, vault_of: VaultOf | None, say: Say
) -> None:
    numbers = FirstNumbers(batch=first.number, deviation=FIRST_DEVIATION, cleaning=FIRST_CLEANING)
    begin = timedelta(days=first.days) + BEFORE
    site.make(settings, s, begin, numbers, vault_of=vault_of, say=say)


def _begin(stage: PastStage, first: PastBatch) -> float:
    """Worn tools, and a reserve in store; answers how many days before S that is."""
    stage.plant.set("TAB-01", "tool_counter", TOOL_COUNTER)
    supply.deliver_reserve(stage)
    return first.days + BEFORE / timedelta(days=1)


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
        memory.load(plant.cell, memory_file(settings))
        with LocalGateway(house, house.services["historian"], Pki(settings.pki), plant) as gateway:
            yield PastStage(
                house=house,
                settings=settings,
                worker=SiteWorker(house, owner="history", lag=LOG_LAG),
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
