"""Random sound procedures of a seed, for walks that compare us with an oracle."""

from __future__ import annotations

import random
from collections.abc import Collection
from itertools import count

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
from tests.support.running import level
from workflows.errors import DefinitionRefused
from workflows.importing import import_procedure

FLAGS = 4
TOO_LARGE = {"flow.too_complex", "level.size", "level.count"}
DEEP = 4
ASKED = "".join(f'<bw:parameter code="b{n}" dataType="boolean"/>' for n in range(FLAGS))


class Drawer:
    """Draws sound procedures out of blocks: sequence, choice, loop back, parallel, inclusive,
    conditional flows, call, drawn inside; without what is named in `left_out`."""

    def __init__(self, seed: int, left_out: Collection[str] = ()) -> None:
        self.random = random.Random(seed)
        self.left_out = left_out
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
            kinds = [self.sequence, self.choice, self.loop, self.inside]
            kinds += [self.single, self.called] if depth < DEEP else []
            kinds += [] if self.loops and "joins in loops" in self.left_out else [self.fork]
            # Who may still come is not certain in a loop, so it is refused there.
            kinds += [] if self.loops else [self.some_of]
            kinds += [] if self.loops or "leaving" in self.left_out else [self.leaving]
        return self.random.choice(kinds)(depth - 1)

    def single(self, depth: int) -> tuple[str, str]:
        name = f"T{next(self.ids)}"
        self.nodes.append(self.task(name))
        return name, name

    def task(self, name: str) -> str:
        """What stands for a step."""
        return task(name)

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


def drawn(seed: int, left_out: Collection[str] = (), drawer: type[Drawer] = Drawer) -> bytes:
    """A procedure of that seed; one that is too large for the profile is drawn anew."""
    while True:
        data = drawer(seed, left_out).procedure().replace(b"TST-1", f"TST-{seed}".encode())
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
