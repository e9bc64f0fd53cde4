"""What a step used, as its page shows it: units by requirement, material by lot and container."""

from __future__ import annotations

from ebr import queries
from ebr.context import StepContext
from web import filters
from workflows.step import in_language


def used(context: StepContext) -> list[tuple[str, str]]:
    """Units and material that the step used, each with what it is for."""
    labels = requirements_of(context)
    found = [
        (labels.get(use.requirement, use.requirement), use.equipment)
        for step, use in queries.equipment_uses(context.session, context.run)
        if step.id == context.step.id
    ]
    for step, material in queries.materials(context.session, context.run):
        if step.id == context.step.id:
            quantity = filters.quantity(material.quantity, material.unit)
            place = f" · {material.container}" if material.container else ""
            found.append((f"{material.material} · {material.lot}", f"{quantity}{place}"))
    return found


def requirements_of(context: StepContext) -> dict[str, str]:
    """What each equipment requirement of the recipe is called, by key."""
    return {
        need.key: in_language(need.labels, context.run.language) or need.key
        for need in context.procedure.header.equipment
    }
