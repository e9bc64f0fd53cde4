"""What inventory asks at the gates: usable lots, material for a batch, reconciled labels."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy.orm import Session

from core.house import moment
from ebr import queries as records
from ebr.gates import Condition, Gates
from inventory import queries, rules
from inventory.models import AssayBasis, Lot, Material
from inventory.potency import pure_share
from inventory.queries import LotStock
from workflows import queries as definitions
from workflows.recipe import Ingredient
from workflows.scaling import scaled_formula
from workflows.words import PotencyBasis

STORES = "stores; the quality unit releases lots"


def register(gates: Gates) -> None:
    """The checks of inventory at each gate."""
    gates.register("lot.use", "lot", lot_is_usable)
    gates.register("batch.start", "materials", materials_are_there)
    gates.register("release", "labels", labels_are_reconciled)


def lot_is_usable(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """The `lot` is of the `material`, released, and not past its last day."""
    lot = queries.lot(session, facts["lot"])
    day = queries.today(session, moment(session).site)
    problem = rules.lot_problem(queries.facts_of(lot), material=facts["material"], today=day)
    if problem is None:
        return [Condition(rule="lot.usable", met=True, fact=f"lot {lot.number} is released")]
    return [Condition(rule=problem.rule, met=False, fact=problem.fact, resolver=problem.resolver)]


def materials_are_there(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """Released, unexpired stock covers the scaled formula (URS-EXE-020, URS-MAT-010)."""
    run = records.run_of(session, facts["record"])
    header = definitions.load(session, run.file_digest).header
    if run.size is None or header.batch_size is None:
        return []
    quantities = scaled_formula(header, run.size)
    needed: dict[str, Decimal] = {}
    pure: dict[str, bool] = {}
    for item in header.ingredients:
        needed[item.code] = needed.get(item.code, Decimal(0)) + quantities[f"formula.{item.key}"]
        pure[item.code] = pure.get(item.code, False) or _is_pure(item)
    return [
        condition
        for code, quantity in needed.items()
        if (condition := _covered(session, code, quantity, pure=pure[code])) is not None
    ]


def _is_pure(item: Ingredient) -> bool:
    return item.potency is not PotencyBasis.NONE


def _covered(session: Session, code: str, needed: Decimal, *, pure: bool) -> Condition | None:
    material = queries.find_material(session, code)
    if material is None:
        return Condition(
            rule="material.unknown",
            met=False,
            fact=f"{code} is not in the master data",
            resolver="stores (master data)",
        )
    if not material.stocked:
        return None
    found = [
        each
        for each in queries.stock(session, code, at=moment(session).site)
        if each.problem is None
    ]
    there = sum((_counts(each, pure=pure) for each in found), Decimal(0))
    return Condition(
        rule="material.available",
        met=there >= needed,
        fact=_words(material, there, needed, pure=pure),
        resolver="" if there >= needed else STORES,
    )


def _words(material: Material, there: Decimal, needed: Decimal, *, pure: bool) -> str:
    as_pure = " as 100 %" if pure else ""
    shown = there.quantize(Decimal("0.001")) if pure else there
    return (
        f"{material.code} {material.name}: {shown:f} {material.unit} released{as_pure},"
        f" {needed:f} {material.unit} needed"
    )


def _counts(stock: LotStock, *, pure: bool) -> Decimal:
    if not pure:
        return stock.on_hand
    return stock.on_hand * _share(stock.lot)


def _share(lot: Lot) -> Decimal:
    # A lot without an assay cannot be weighed for a potency: it counts as nothing.
    if lot.assay is None:
        return Decimal(0)
    dried = lot.assay_basis == AssayBasis.DRIED
    return pure_share(lot.assay, lot.loss_on_drying, dried_basis=dried)


def labels_are_reconciled(session: Session, facts: Mapping[str, Any]) -> list[Condition]:
    """Every printed label of the record is used or destroyed (URS-MAT-080)."""
    count = queries.label_count(session, records.run_of(session, facts["record"]).stream)
    met = count.open == 0
    return [
        Condition(
            rule="labels.reconciled",
            met=met,
            fact=f"labels: {count.printed} printed, {count.used} used, {count.destroyed} destroyed",
            resolver="" if met else "the people of the batch; destroy open labels with a witness",
        )
    ]
