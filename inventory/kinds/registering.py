"""The step kinds of inventory under the names that recipes use."""

from __future__ import annotations

from ebr.kinds.base import KindRegistry
from inventory.kinds.charge import Charge
from inventory.kinds.label import LabelDrums
from inventory.kinds.reconcile import Reconcile
from inventory.kinds.weigh import Weigh
from workflows.words import StepKind


def register(registry: KindRegistry) -> None:
    """Register the kinds that move material."""
    registry.register(StepKind.WEIGH, Weigh())
    registry.register(StepKind.CHARGE, Charge())
    registry.register(StepKind.RECONCILE, Reconcile())
    registry.register(StepKind.LABEL, LabelDrums())
