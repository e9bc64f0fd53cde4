"""What one step of a definition may refer to, looked up once for all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workflows.model import Procedure
from workflows.recipe import TagNeed
from workflows.step import Step
from workflows.words import Category, HoldAct


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Steps by key, material codes of the formula, requirements, tags by ``REQUIREMENT.TAG``,
    names of the hold times that start somewhere; `master` for a master recipe."""

    master: bool
    language: str
    steps: Mapping[str, Step]
    formula: frozenset[str]
    requirements: frozenset[str]
    tags: Mapping[str, TagNeed]
    started_holds: frozenset[str]


def known_of(procedure: Procedure) -> Known:
    """The index of a definition."""
    header = procedure.header
    steps = {step.key: step for step in procedure.steps()}
    return Known(
        master=header.category is Category.MASTER_RECIPE,
        language=header.language,
        steps=steps,
        formula=frozenset(item.code for item in header.ingredients),
        requirements=frozenset(requirement.key for requirement in header.equipment),
        tags={
            f"{requirement.key}.{tag.name}": tag
            for requirement in header.equipment
            for tag in requirement.tags
        },
        started_holds=frozenset(
            hold.name
            for step in steps.values()
            for hold in step.holds
            if hold.act is HoldAct.STARTS
        ),
    )
