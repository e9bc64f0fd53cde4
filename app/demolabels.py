"""What people of the demonstration scan or type: badges, drums, equipment, rooms; one PDF."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.bootstrap import FONTS_FOLDER, opened
from app.demoreset import NotADemonstration
from core.house import House
from core.settings import Settings
from core.sites import SiteMode, the_site
from documents import labels
from documents.environment import make_environment
from documents.fonts import load_fonts
from documents.labels import GoodsContainer, Label, Stock, goods_label, plain_label
from documents.views import Fact
from hardware import queries as plant
from inventory import queries as stock
from inventory.models import ContainerState, Lot
from personnel.models import Person

TITLE = "Labels of the demonstration"
IN_STOCK = (ContainerState.FULL, ContainerState.IN_USE)


def write(settings: Settings, file: Path) -> Path:
    """Write the labels of the site to `file`. Raises NotADemonstration at a GMP site."""
    with opened(settings) as house:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(pdf(house))
    return file


def pdf(house: House) -> bytes:
    """Eight labels to a sheet of A4, to cut."""
    with house.reading() as session:
        site = the_site(session)
        if site.mode != SiteMode.DEMONSTRATION:
            raise NotADemonstration(
                "this is a GMP site", resolver="its labels are printed where things are made"
            )
        return labels.labels_pdf(
            list(all_labels(session)),
            environment=make_environment(),
            fonts=load_fonts(FONTS_FOLDER),
            stock=Stock.SHEET,
            title=TITLE,
            language="en",
            site_name=site.name,
            site_mode=site.mode,
            created=house.clock.now(),
        )


def all_labels(session: Session) -> Iterator[Label]:
    """Badges, drums and loose goods of every lot, equipment, locations and rooms."""
    yield from badges(session)
    for lot in stock.lots(session):
        yield from of_lot(session, lot)
    yield from equipment(session)
    yield from places(session)


def badges(session: Session) -> Iterator[Label]:
    """A badge identifies; it never signs alone, so it carries no secret."""
    for person in session.scalars(select(Person).order_by(Person.badge)):
        yield plain_label(
            kind="Badge", code=person.badge, headline=person.name, detail=person.badge
        )


def of_lot(session: Session, lot: Lot) -> Iterator[Label]:
    """The drums of a lot that still hold something, or the lot itself when it is loose."""
    name = stock.material(session, lot.material).name
    drums = stock.containers_of(session, lot.number)
    if not drums:
        yield plain_label(
            kind="Lot", code=lot.number, headline=name, detail=f"{lot.material} · {lot.status}"
        )
    last_day = lot.expires_on or lot.retest_on
    for place, drum in enumerate(drums, start=1):
        if last_day is not None and drum.state in IN_STOCK:
            yield goods_label(
                GoodsContainer(
                    sscc=drum.label,
                    item_code=lot.material,
                    item_name=name,
                    lot=lot.number,
                    net_kg=stock.content_of(session, drum),
                    number=place,
                    of=len(drums),
                    expiry=last_day,
                    status=lot.status,
                )
            )


def equipment(session: Session) -> Iterator[Label]:
    """Every unit with its room."""
    for unit in plant.equipment_list(session):
        yield plain_label(
            kind="Equipment",
            code=unit.number,
            headline=unit.name,
            detail=unit.number,
            facts=(Fact(label="Room", value=unit.room or "none"),),
        )


def places(session: Session) -> Iterator[Label]:
    """Locations of the stores, and the rooms where units stand."""
    codes = set()
    for location in stock.locations(session):
        codes.add(location.code)
        yield plain_label(kind="Location", code=location.code, headline=location.name)
    rooms = {unit.room for unit in plant.equipment_list(session) if unit.room} - codes
    for room in sorted(rooms - {"site"}):
        yield plain_label(kind="Room", code=room, headline=f"Room {room}")
