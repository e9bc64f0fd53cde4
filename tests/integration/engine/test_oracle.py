"""Random procedures walked at random: the engine opens what the token game opens, nothing else."""

from __future__ import annotations

import random
from collections import Counter
from itertools import count

import pytest

from audit.streams import Stream
from engine.errors import TaskNotReady, UnknownPath
from tests.support.bpmn import (
    bpmn,
    call,
    end,
    exclusive,
    flow,
    inclusive,
    parallel,
    step,
    subprocess,
    task,
)
from tests.support.running import Plant, level
from tests.support.tokengame import TokenGame
from workflows.errors import DefinitionRefused
from workflows.importing import import_procedure
from workflows.model import InclusiveGateway, Level

FLAGS = 4
LONGEST = 40
TOO_LARGE = {"flow.too_complex", "level.size", "level.count"}
DEEP = 4
ASKED = "".join(f'<bw:parameter code="b{n}" dataType="boolean"/>' for n in range(FLAGS))


class Drawer:
    """Draws sound procedures out of blocks: sequence, choice, loop back, parallel, inclusive,
    conditional flows, call, drawn inside."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.ids = count(1)
        self.levels: list[str] = []
        self.loops = 0

    def procedure(self) -> bytes:
        entry = self.level("PROC", depth=DEEP, first=task("K", step("K", ASKED, kind="entry")))
        return bpmn(entry, *self.levels)

    def level(self, name: str, depth: int, first: str | None = None) -> str:
        outside, self.loops = self.loops, 0
        self.nodes: list[str] = [first] if first else []
        self.flows: list[str] = []
        start, end = self.block(depth)
        nodes, flows = self.nodes, self.flows
        self.loops = outside
        chain = f"K > {start}" if first else start
        return level(name, [chain, f"{end} > end"], *nodes, extra=flows)

    def block(self, depth: int) -> tuple[str, str]:
        kinds = [self.single, self.called]
        if depth:
            kinds = [self.sequence, self.choice, self.loop, self.fork, self.inside]
            kinds += [self.single, self.called] if depth < DEEP else []
            # Who may still come is not certain in a loop, so it is refused there.
            kinds += [] if self.loops else [self.some_of, self.leaving]
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
        self.loops += 1
        a, az = self.block(depth)
        self.loops -= 1
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

    def some_of(self, depth: int) -> tuple[str, str]:
        split, join = f"S{next(self.ids)}", f"N{next(self.ids)}"
        self.branches(split, join, depth)
        self.nodes.append(inclusive(split, default=f"{split}_0"))
        return split, join

    def leaving(self, depth: int) -> tuple[str, str]:
        first, join = f"T{next(self.ids)}", f"N{next(self.ids)}"
        self.branches(first, join, depth)
        self.nodes.append(task(first, default=f"{first}_0"))
        return first, join

    def branches(self, split: str, join: str, depth: int) -> None:
        for number in range(self.random.randint(2, 3)):
            a, az = self.block(depth)
            condition = self.flag() if number else None
            self.flows += [flow(split, a, condition, flow_id=f"{split}_{number}"), flow(az, join)]
        self.nodes.append(inclusive(join))

    def inside(self, depth: int) -> tuple[str, str]:
        name = f"SP{next(self.ids)}"
        outside = self.nodes, self.flows, self.loops
        self.nodes, self.flows, self.loops = [], [], 0
        a, az = self.block(depth)
        chains = [f"{name}_start > {a}", f"{az} > {name}_end", *self.flows]
        drawn = subprocess(name, chains, *self.nodes, end(f"{name}_end"))
        self.nodes, self.flows, self.loops = outside
        self.nodes.append(drawn)
        return name, name

    def flag(self) -> str:
        return f"K.b{self.random.randrange(FLAGS)}"


def drawn(seed: int) -> bytes:
    """A procedure of that seed; one that is too large for the profile is drawn anew."""
    while True:
        data = Drawer(seed).procedure().replace(b"TST-1", f"TST-{seed}".encode())
        found = set(refusals(data))
        if not found:
            return data
        if not found <= TOO_LARGE:
            raise AssertionError(f"seed {seed} is refused: {found}")
        seed += 100_000


def refusals(data: bytes) -> list[str]:
    try:
        import_procedure(data)
    except DefinitionRefused as refused:
        return [finding.code for finding in refused.findings]
    return []


def walk(plant: Plant, seed: int) -> None:
    """Go at random through the procedure of a seed, engine and token game side by side."""
    chance = random.Random(seed)
    data, record = drawn(seed), Stream("batch", f"B-{seed}")
    values = plant.host.values

    def throw() -> None:
        values.update({f"K.b{n}": chance.random() < 0.45 for n in range(FLAGS)})

    def decide(path: str, inside: Level, gateway: str, counts: Counter[str]) -> list[str]:
        leaving = inside.outgoing(gateway)
        met = [f.id for f in leaving if f.condition and values[f.condition]]
        default = [f.id for f in leaving if f.condition is None]
        several = isinstance(inside.node(gateway), InclusiveGateway)
        return (met if several else met[:1]) or default

    throw()
    plant.run(data, record)
    game = TokenGame(import_procedure(data).procedure, decide)
    gone: list[str] = []
    while game.ready and len(gone) < LONGEST:
        assert sorted(plant.ready(record)) == game.ready, f"seed {seed} after {gone}"
        if gone:
            with pytest.raises((TaskNotReady, UnknownPath)):
                plant.complete(chance.choice(gone), record=record)
        throw()
        path = chance.choice(game.ready)
        plant.complete(path, record=record)
        game.complete(path)
        gone.append(path)
    assert sorted(plant.ready(record)) == game.ready, f"seed {seed} after {gone}"
    assert (plant.state(record) == "complete") is (not game.ready), f"seed {seed}"


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
