"""What a recipe says besides its flow: header, formula, equipment requirements (URS-MRC-080).

All quantities are for the reference batch size and scale linearly (`workflows.scaling`).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from workflows.step import Text
from workflows.words import Category, DataType, PotencyBasis


@dataclass(frozen=True, slots=True, kw_only=True)
class Product:
    """The product that the recipe makes (URS-MRC-030)."""

    code: str
    name: str
    strength: str
    dosage_form: str
    shelf_life_months: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchSize:
    """Reference size, allowed range, and how many units of output the reference size gives."""

    reference: Decimal
    minimum: Decimal
    maximum: Decimal
    unit: str
    output: Decimal | None = None
    output_unit: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ingredient:
    """One line of the formula; expressions name it ``formula.<key>``.

    `quantity` in `unit` is for the reference batch size, `per_unit` in mg per tablet (or other
    dosage unit) is for the reader. `tolerance` is the weighing tolerance in percent.
    """

    key: str
    code: str
    name: str
    function: str
    quantity: Decimal
    unit: str
    per_unit: Decimal | None = None
    tolerance: Decimal | None = None
    potency: PotencyBasis = PotencyBasis.NONE
    compensates: bool = False
    used_at: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Theory:
    """A theoretical yield of the reference batch size; expressions name it ``theory.<key>``."""

    key: str
    quantity: Decimal
    unit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Capability:
    """What a bound unit must be able to do: its range must include [minimum, maximum].

    `scaled` capabilities grow with the batch size.
    """

    name: str
    unit: str
    minimum: Decimal | None = None
    maximum: Decimal | None = None
    scaled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TagNeed:
    """A tag that the bound unit must have; expressions name it ``<requirement>.<name>``."""

    name: str
    data_type: DataType = DataType.DECIMAL
    unit: str | None = None
    writable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EquipmentRequirement:
    """A unit that the recipe needs, by class and capability, never by name of a unit.

    `shared` units (room monitor, water point) are bound without being occupied by the batch.
    """

    key: str
    equipment_class: str
    labels: Text = ()
    shared: bool = False
    states: tuple[str, ...] = ()
    calibrated: bool = False
    capabilities: tuple[Capability, ...] = ()
    tags: tuple[TagNeed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaging:
    """A container, closure or label that the recipe prescribes (URS-MRC-030)."""

    code: str
    name: str
    quantity: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """Code and title of the definition, its product, size, formula, needs and precautions."""

    code: str
    title: str
    category: Category
    language: str = "en"
    product: Product | None = None
    batch_size: BatchSize | None = None
    ingredients: tuple[Ingredient, ...] = ()
    theories: tuple[Theory, ...] = ()
    packaging: tuple[Packaging, ...] = ()
    equipment: tuple[EquipmentRequirement, ...] = ()
    precautions: Text = ()
