"""A fresh demonstration site with its plant in this process, for people who use its pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from app import demosite
from app.bootstrap import compose
from app.cell import Cell
from app.clock import site_now
from app.demo import headless
from app.demosite import FirstBatch
from app.worker import SiteWorker
from core.sites import clock_offset_us
from hardware.localgateway import LocalGateway
from hardware.pki import Pki
from hardware.simulators.local import LocalCell
from tests.support.byhand import HandStage
from tests.support.history import settings_of
from web.application import create_app

NOWHERE = Cell(opcua="opc.tcp://127.0.0.1:1/gran", modbus="127.0.0.1:1", control_port=1, token="")
BATCH = FirstBatch(number=2045, order=headless.SCRIPT.order)


@contextmanager
def by_hand(folder: Path) -> Iterator[HandStage]:
    """Make the site below `folder`, with B-2045 planned, and open it."""
    settings = settings_of(folder / "site")
    demosite.make(settings, lambda: NOWHERE, BATCH, say=lambda _: None)
    house = compose(settings)
    try:
        with house.reading() as session:
            offset = timedelta(microseconds=clock_offset_us(session))
        plant = LocalCell(offset)
        app = create_app(house, settings)
        app.testing = True
        with LocalGateway(house, house.services["historian"], Pki(settings.pki), plant) as gateway:
            yield HandStage(
                house=house,
                settings=settings,
                worker=SiteWorker(house, owner="by hand"),
                people=demosite.read_cards(house, settings.home, "Room 1.12"),
                cell=plant,
                record=f"batch/B-{BATCH.number}",
                say=lambda _: None,
                script=headless.SCRIPT,
                s=site_now(house),
                plant=plant,
                gateway=gateway,
                app=app,
            )
    finally:
        house.database.close()
