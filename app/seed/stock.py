"""Materials, lots and containers of the demonstration site, as they stand at the first start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal as D

from app.acting import Person
from core.actors import Actor
from core.house import House
from documents.gs1 import make_sscc
from inventory.commands import dispensing, stock
from inventory.commands.stock import NewContainer, NewLot, NewMaterial
from inventory.models import AssayBasis, LotStatus

PREFIX = "9521234"
FIRST_DRUM = 101
FIRST_LABEL = 50001
DRUM_TARE = D("1.20")
GOODS = "1.01"
MATERIALS = (
    ("100010", "Paracetamol, fine powder", "100"),
    ("200110", "Microcrystalline cellulose 101", "20"),
    ("200120", "Maize starch, pregelatinised", "10"),
    ("200130", "Croscarmellose sodium", "8"),
    ("200140", "Povidone K30", "8"),
    ("200150", "Silica, colloidal anhydrous", "1"),
    ("200160", "Magnesium stearate", "2.500"),
)
LOCATIONS = (
    ("1.01", "Goods store", "1.01"),
    ("1.04", "Dispensary", "1.04"),
    ("1.12-S", "Staging granulation", "1.12"),
    ("1.20", "Bulk store", "1.20"),
    ("1.31", "Packed goods store", "1.31"),
)
Lot = tuple[str, str, tuple[str, ...], int, LotStatus]
"""Number, material, content of each container in kg, days from S to its expiry, status."""
LOTS: tuple[Lot, ...] = (
    ("PA-0411", "100010", ("25.00", "11.50"), 95, LotStatus.RELEASED),
    ("PA-0457", "100010", ("25.00",) * 7, 400, LotStatus.RELEASED),
    ("PA-0463", "100010", ("25.00",) * 8, 700, LotStatus.QUARANTINE),
    ("MC-2210", "200110", ("20.000", "20.000"), 300, LotStatus.RELEASED),
    ("MC-2188", "200110", ("12.000",), -2, LotStatus.RELEASED),
    ("ST-0907", "200120", ("25.000",), 250, LotStatus.RELEASED),
    ("PV-3301", "200140", ("15.000",), 380, LotStatus.RELEASED),
    ("SI-0119", "200150", ("3.000",), 500, LotStatus.RELEASED),
    ("CC-0771", "200130", ("6.000",), 180, LotStatus.BLOCKED),
    ("CC-0802", "200130", ("15.000",), 360, LotStatus.RELEASED),
    ("MG-0552", "200160", ("3.200",), 200, LotStatus.RELEASED),
)
OLD_LABELS = "LBL-PT500-04"
COMPONENTS = (
    ("LBL-PT500-05", "LBL-PT500", "5000", "artwork approved"),
    (OLD_LABELS, "LBL-PT500", "800", "artwork approved"),
    ("BT-1107", "600010", "6000", "dimensions and certificate conform"),
    ("CP-2205", "600020", "6000", "dimensions and certificate conform"),
)
"""Lot, material, pieces, why it was released."""
ASSAYS: Mapping[str, tuple[D, D]] = {
    "PA-0411": (D("99.4"), D("0.30")),
    "PA-0457": (D("99.8"), D("0.20")),
    "PA-0463": (D("99.6"), D("0.25")),
}
"""Assay on the dried basis and loss on drying, in percent."""
ACTIVE = "100010"
USUAL_ASSAY = (D("99.4"), D("0.30"))


def seed(house: House, people: Mapping[str, Person], at: datetime, *, by: Actor) -> None:
    """Master data, deliveries, and the quality unit's decision on each lot."""
    master_data(house, by=by)
    receive(house, people, at, LOTS)
    receive_components(house, people)


def master_data(house: House, *, by: Actor) -> None:
    """Materials, locations, and the numbers of dispensed containers."""
    for code, name, minimum in MATERIALS:
        house.perform(
            stock.register_material, NewMaterial(code=code, name=name, minimum=D(minimum)), by=by
        )
    for material in (
        NewMaterial(code="300010", name="Purified water", stocked=False),
        NewMaterial(code="500010", name="Paracetamol tablets 500 mg, bulk"),
        NewMaterial(code="510010", name="Paracetamol tablets 500 mg, bottle of 100", unit="1"),
        NewMaterial(code="600010", name="Bottle 150 mL, HDPE, white", unit="1"),
        NewMaterial(code="600020", name="Child-resistant cap 38 mm with seal", unit="1"),
        NewMaterial(code="LBL-PT500", name="Bottle label paracetamol 500 mg", unit="1"),
    ):
        house.perform(stock.register_material, material, by=by)
    for code, name, room in LOCATIONS:
        house.perform(stock.register_location, code, name, room=room, by=by)
    house.perform(dispensing.make_label_series, PREFIX, first=FIRST_LABEL, by=by)


def receive(
    house: House,
    people: Mapping[str, Person],
    at: datetime,
    lots: Iterable[Lot],
    *,
    first_drum: int = FIRST_DRUM,
) -> None:
    """Deliveries with the quality unit's decision on each; expiry counts from `at`."""
    drum = first_drum
    quality, warehouse = people["P-107"], replace(people["P-104"], role="WH").actor
    for number, material, contents, days, status in lots:
        labels = [make_sscc(PREFIX, drum + place) for place in range(len(contents))]
        drum += len(contents)
        lot = _delivery(number, material, contents, labels, (at + timedelta(days=days)).date())
        house.perform(stock.receive_lot, lot, by=warehouse)
        if status is not LotStatus.QUARANTINE:
            decide(quality, number, LotStatus.RELEASED, "certificate and identity test conform")
        if status is LotStatus.BLOCKED:
            decide(quality, number, LotStatus.BLOCKED, "supplier notice on particle size")


def first_drum(number: str) -> int:
    """The number of the first drum of a lot of the first start, on its label."""
    drum = FIRST_DRUM
    for lot in LOTS:
        if lot[0] == number:
            return drum
        drum += len(lot[2])
    raise ValueError(f"{number} is no lot of the first start")


def receive_components(house: House, people: Mapping[str, Person]) -> None:
    """What bottles are packed with: labels of version 5 (the rest of version 4 is blocked), bottles
    and caps, all counted in pieces."""
    quality, warehouse = people["P-107"], replace(people["P-104"], role="WH").actor
    for number, material, pieces, why in COMPONENTS:
        lot = NewLot(number=number, material=material, location=GOODS, loose=D(pieces))
        house.perform(stock.receive_lot, lot, by=warehouse)
        decide(quality, number, LotStatus.RELEASED, why)
    decide(quality, OLD_LABELS, LotStatus.BLOCKED, "superseded by version 5 of the artwork")


def _delivery(
    number: str, material: str, contents: tuple[str, ...], labels: list[str], expires_on: date
) -> NewLot:
    assay = ASSAYS.get(number, USUAL_ASSAY if material == ACTIVE else None)
    return NewLot(
        number=number,
        material=material,
        location=GOODS,
        containers=tuple(
            NewContainer(label=label, quantity=D(content), tare=DRUM_TARE)
            for label, content in zip(labels, contents, strict=True)
        ),
        supplier="Demo Ingredients GmbH",
        supplier_lot=f"S-{number[-4:]}",
        expires_on=expires_on,
        assay=assay[0] if assay else None,
        assay_basis=AssayBasis.DRIED if assay else None,
        loss_on_drying=assay[1] if assay else None,
    )


def decide(quality: Person, number: str, status: LotStatus, reason: str) -> None:
    """The quality unit decides on a lot."""
    quality.do(stock.change_status, number, status, reason=reason, record=f"lot/{number}")
