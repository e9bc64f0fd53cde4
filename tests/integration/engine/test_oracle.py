"""Random procedures walked at random: the engine opens what the token game opens, nothing else."""

from __future__ import annotations

import random
from collections import Counter
from itertools import count

import pytest

from engine.errors import TaskNotReady, UnknownPath
from tests.support.bpmn import bpmn, call, exclusive, flow, parallel, step, task
from tests.support.running import Plant, level
from tests.support.tokengame import TokenGame
from workflows.importing import import_procedure
from workflows.model import Level

FLAGS = 4
DEEP = 4
ASKED = "".join(f'<bw:parameter code="b{n}" dataType="boolean"/>' for n in range(FLAGS))


class Drawer:
    """Draws sound procedures out of blocks: sequence, choice, loop back, parallel, call."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ids = count(1)
        self.levels: list[str] = []

    def procedure(self) -> bytes:
        entry = self.level("PROC", depth=DEEP, first=task("K", step("K", ASKED, kind="entry")))
        return bpmn(entry, *self.levels)

    def level(self, name: str, depth: int, first: str | None = None) -> str:
        self.nodes: list[str] = [first] if first else []
        self.flows: list[str] = []
        start, end = self.block(depth)
        nodes, flows = self.nodes, self.flows
        chain = f"K > {start}" if first else start
        return level(name, [chain, f"{end} > end"], *nodes, extra=flows)

    def block(self, depth: int) -> tuple[str, str]:
        kinds = [self.single, self.called]
        if depth:
            kinds = [self.sequence, self.choice, self.loop, self.fork]
            kinds += [self.single, self.called] if depth < DEEP else []
        return self.random.choice(kinds)(depth - 1)

    def single(self, depth: int) -> tuple[str, str]:
        name = f"T{next(self.ids)}"
        self.nodes.append(task(name))
        return name, name

    def called(self, depth: int) -> tuple[str, str]:
        number = next(self.ids)
        if depth < 1 or len(self.levels) > 5:
            return self.single(depth)
        nodes, flows = self.nodes, self.flows
        self.levels.append(self.level(f"L{number}", depth))
        self.nodes, self.flows = nodes, flows
        self.nodes.append(call(f"C{number}", f"L{number}"))
        return f"C{number}", f"C{number}"

    def sequence(self, depth: int) -> tuple[str, str]:
        (first, a), (b, last) = self.block(depth), self.block(depth)
        self.flows.append(flow(a, b))
        return first, last

    def choice(self, depth: int) -> tuple[str, str]:
        split, merge = f"X{next(self.ids)}", f"M{next(self.ids)}"
        (a, az), (b, bz) = self.block(depth), self.block(depth)
        self.nodes += [exclusive(split, default=f"{split}_{b}"), exclusive(merge)]
        self.flows += [
            flow(split, a, self.flag()),
            flow(split, b),
            flow(az, merge),
            flow(bz, merge),
        ]
        return split, merge

    def loop(self, depth: int) -> tuple[str, str]:
        merge, split, leave = (f"{kind}{next(self.ids)}" for kind in "MXT")
        a, az = self.block(depth)
        self.nodes += [exclusive(merge), exclusive(split, default=f"{split}_{leave}"), task(leave)]
        self.flows += [flow(merge, a), flow(az, split), flow(split, leave)]
        self.flows.append(flow(split, merge, self.flag(), max_rounds=200))
        return merge, leave

    def fork(self, depth: int) -> tuple[str, str]:
        split, join = f"P{next(self.ids)}", f"J{next(self.ids)}"
        self.nodes += [parallel(split), parallel(join)]
        for _ in range(self.random.randint(2, 3)):
            a, az = self.block(depth)
            self.flows += [flow(split, a), flow(az, join)]
        return split, join

    def flag(self) -> str:
        return f"K.b{self.random.randrange(FLAGS)}"


@pytest.mark.urs("URS-EXE-010")
@pytest.mark.parametrize("seed", range(12))
def test_a_random_walk_finds_no_way_outside_the_model(seed: int, small_plant: Plant) -> None:
    chance = random.Random(seed)
    data = Drawer(seed).procedure()
    values = small_plant.host.values

    def throw() -> None:
        values.update({f"K.b{n}": chance.random() < 0.45 for n in range(FLAGS)})

    def decide(path: str, inside: Level, gateway: str, counts: Counter[str]) -> str:
        asked, default = sorted(inside.outgoing(gateway), key=lambda f: f.condition is None)
        return asked.id if values[str(asked.condition)] else default.id

    throw()
    small_plant.run(data)
    game = TokenGame(import_procedure(data).procedure, decide)
    gone: list[str] = []
    while game.ready and len(gone) < 60:
        assert sorted(small_plant.ready()) == game.ready
        if gone:
            with pytest.raises((TaskNotReady, UnknownPath)):
                small_plant.complete(chance.choice(gone))
        throw()
        path = chance.choice(game.ready)
        small_plant.complete(path)
        game.complete(path)
        gone.append(path)
    assert sorted(small_plant.ready()) == game.ready
    assert (small_plant.state() == "complete") is (not game.ready)
