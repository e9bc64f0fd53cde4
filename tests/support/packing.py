"""A demonstration site with a released bulk lot, on which packaging orders are played."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from app.demo import packaging
from app.demo.packaging import Packing
from app.history import batches, running, site
from app.history.site import FirstNumbers
from app.history.stage import PastStage
from app.seed import stock as seeding
from core.clock import SystemClock
from documents.gs1 import make_sscc
from inventory.commands import stock
from inventory.commands.stock import NewContainer, NewLot
from inventory.models import LotStatus
from tests.support.history import light_vault, settings_of

BULK = "B-2039"
DRUMS = ("16.30", "16.30", "16.30", "16.30", "16.30", "16.13")
EXPIRY = "2029-03-31"
BEGIN = timedelta(days=1)


@contextmanager
def staged(folder: Path) -> Iterator[PastStage]:
    """A new site with the bulk lot of the golden batch in its store, released by the quality
    unit; it came from another house, so that no tablets have to be made first."""
    settings = settings_of(folder / "site")
    s = SystemClock().now()
    numbers = FirstNumbers(batch=2044, deviation=313, cleaning=312)
    site.make(settings, s, BEGIN, numbers, vault_of=light_vault, say=lambda _: None)
    first = batches.past(2038)
    with running.opened(settings, s, first, vault_of=light_vault, say=lambda _: None) as stage:
        deliver(stage)
        yield stage


def deliver(stage: PastStage, number: str = BULK, first: int = 7001) -> None:
    """Six drums of tablets, as Z030 would have left them."""
    drums = tuple(
        NewContainer(label=make_sscc(seeding.PREFIX, first + place), quantity=Decimal(net))
        for place, net in enumerate(DRUMS)
    )
    lot = NewLot(number=number, material="500010", location="1.20", containers=drums)
    stage.acting("P-104", "WH").do(stock.receive_lot, lot, record="site")
    seeding.decide(stage.people["P-107"], number, LotStatus.RELEASED, "certificate conforms")


def planned(stage: PastStage, bulk: str = BULK, **more: Any) -> tuple[PastStage, Packing]:
    """A stage on a planned order for a lot, and the order."""
    packing = Packing(order=f"PO-{bulk[2:]}", bulk=bulk, expires_on=EXPIRY, **more)
    number = packaging.plan(stage, packing)
    return replace(stage, record=f"batch/{number}"), packing
