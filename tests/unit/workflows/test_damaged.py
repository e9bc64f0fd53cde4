"""A damaged drawing of any element is refused, or it is whole and the engine can run it."""

from __future__ import annotations

import random

import pytest

from engine.lowering import lower
from tests.support.conformance.models import MODELS
from tests.support.refusals import REFUSED
from workflows.errors import DefinitionRefused
from workflows.importing import import_procedure
from workflows.model import Procedure
from workflows.whitelist import NODES

FILES = [model.data for model in MODELS.values()] + [each.data for each in REFUSED.values()]


def damaged(data: bytes, chance: random.Random) -> bytes:
    """The file with a line dropped, doubled or moved, or one kind of node in place of another."""
    lines = data.decode().split("\n")
    inside = range(2, len(lines) - 1)
    here, there = chance.choice(inside), chance.choice(inside)
    match chance.randrange(4):
        case 0:
            del lines[here]
        case 1:
            lines.insert(here, lines[there])
        case 2:
            lines[here], lines[there] = lines[there], lines[here]
        case _:
            return data.replace(chance.choice(NODES).encode(), chance.choice(NODES).encode())
    return "\n".join(lines).encode()


@pytest.mark.urs("URS-MRC-040", "URS-MRC-090")
@pytest.mark.parametrize("seed", range(6))
def test_what_is_accepted_can_be_run_whatever_was_damaged(seed: int) -> None:
    chance = random.Random(seed)
    accepted = [read(damaged(chance.choice(FILES), chance)) for _ in range(40)]
    for procedure in filter(None, accepted):
        for level in procedure.levels:
            assert lower(level)[None].ends
    assert None in accepted


def read(data: bytes) -> Procedure | None:
    """The procedure, or None when the file is refused."""
    try:
        return import_procedure(data).procedure
    except DefinitionRefused:
        return None
