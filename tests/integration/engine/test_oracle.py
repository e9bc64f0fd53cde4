"""Random procedures walked at random: the engine opens what the oracles open, nothing else.

Every seed is compared with the token game of the tests; each second one is drawn out of what
SpiffWorkflow by itself does right as well, and is compared with that, too.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from SpiffWorkflow.bpmn.parser.ValidationException import ValidationException

from audit.streams import Stream
from engine.errors import TaskNotReady, UnknownPath
from tests.support.bpmn import bpmn, exclusive, flow, parallel, step, task
from tests.support.drawing import ASKED, FLAGS, drawn
from tests.support.running import Plant, level
from tests.support.spiffgame import WRONG, SpiffGame
from tests.support.tokengame import TokenGame
from workflows.importing import import_procedure
from workflows.model import InclusiveGateway, Level

LONGEST = 40


class Oracles:
    """A procedure in the token game and, where it is right, in SpiffWorkflow; they must agree."""

    def __init__(self, data: bytes, chance: random.Random, *, with_spiff: bool) -> None:
        self.values: dict[str, bool] = {}
        self._chance = chance
        self.throw()
        self._game = TokenGame(import_procedure(data).procedure, self._decide)
        self._spiff = SpiffGame(data, self.values.__getitem__) if with_spiff else None

    def throw(self) -> None:
        """Other values from now on."""
        self.values.update({f"K.b{n}": self._chance.random() < 0.45 for n in range(FLAGS)})

    @property
    def ready(self) -> list[str]:
        """The open steps, as all oracles say."""
        ready = self._game.ready
        if self._spiff is not None:
            assert self._spiff.ready == ready, "the oracles differ"
            assert self._spiff.is_over is (not ready)
        return ready

    def complete(self, path: str) -> None:
        """Do a step."""
        self._game.complete(path)
        if self._spiff is not None:
            self._spiff.complete(path)

    def _decide(self, path: str, inside: Level, gateway: str, counts: Counter[str]) -> list[str]:
        leaving = inside.outgoing(gateway)
        met = [f.id for f in leaving if f.condition and self.values[f.condition]]
        default = [f.id for f in leaving if f.condition is None]
        several = isinstance(inside.node(gateway), InclusiveGateway)
        return (met if several else met[:1]) or default


def walk(plant: Plant, seed: int) -> None:
    """Go at random through the procedure of a seed, the engine and its oracles side by side."""
    chance, with_spiff = random.Random(seed), seed % 2 == 0
    data = drawn(seed, WRONG if with_spiff else ())
    record = Stream("batch", f"B-{seed}")
    oracles = Oracles(data, chance, with_spiff=with_spiff)
    plant.host.values.update(oracles.values)
    plant.run(data, record)
    gone: list[str] = []
    while (ready := oracles.ready) and len(gone) < LONGEST:
        assert sorted(plant.ready(record)) == ready, f"seed {seed} after {gone}"
        if gone:
            with pytest.raises((TaskNotReady, UnknownPath)):
                plant.complete(chance.choice(gone), record=record)
        oracles.throw()
        plant.host.values.update(oracles.values)
        path = chance.choice(ready)
        plant.complete(path, record=record)
        oracles.complete(path)
        gone.append(path)
    assert sorted(plant.ready(record)) == ready, f"seed {seed} after {gone}"
    assert (plant.state(record) == "complete") is (not ready), f"seed {seed}"


@pytest.mark.urs("URS-EXE-010")
@pytest.mark.parametrize("ten", range(10))
def test_a_random_walk_finds_no_way_outside_the_model(ten: int, small_plant: Plant) -> None:
    for seed in range(10 * ten, 10 * ten + 10):
        walk(small_plant, seed)


@pytest.mark.nightly
@pytest.mark.urs("URS-EXE-010")
@pytest.mark.parametrize("ten", range(10, 210))
def test_two_thousand_random_walks_find_no_way_outside_the_model(
    ten: int, small_plant: Plant
) -> None:
    for seed in range(10 * ten, 10 * ten + 10):
        walk(small_plant, seed)


def join_in_a_loop() -> bytes:
    """Both A and B, and once more while K says so."""
    nodes = [
        task("K", step("K", ASKED, kind="entry")),
        *(task(name) for name in "ABL"),
        exclusive("M"), parallel("P"), parallel("J"), exclusive("X", default="X_L"),
    ]  # fmt: skip
    again = flow("X", "M", "K.b0", max_rounds=9)
    return bpmn(
        level("PROC", ["K > M > P > A > J > X > L > end", "P > B > J"], *nodes, extra=[again])
    )


def test_what_spiffworkflow_does_wrong_is_seen_and_left_out(small_plant: Plant) -> None:
    """The control: side by side with a wrong oracle the walk would tell; the engine is right."""
    with pytest.raises(ValidationException, match="Multiple outgoing flows"):
        SpiffGame(drawn(3), bool)
    spiff = SpiffGame(join_in_a_loop(), lambda _condition: True)
    small_plant.host.values["K.b0"] = True
    small_plant.run(join_in_a_loop())
    for name in ("K#1", "A#1", "B#1", "B#2"):
        assert spiff.ready == sorted(small_plant.ready())
        spiff.complete(f"PROC/{name}")
        small_plant.complete(f"PROC/{name}")
    assert small_plant.ready() == ["PROC/A#2"]
    assert spiff.ready != ["PROC/A#2"]
