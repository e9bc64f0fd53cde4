"""Events at steps, of every kind, interrupting and not."""

from __future__ import annotations

from tests.support.bpmn import (
    boundary,
    bpmn,
    conditional,
    end,
    named,
    task,
    timer,
)
from tests.support.conformance.making import DATE, FLAGS, ROOTS, Model, done, keyed, opened
from tests.support.running import level

HANDLED = ("T", "U", "V", "W", "X", "Y")


BESIDE_A_STEP = Model(
    bpmn(
        *ROOTS,
        level(
            "PROC",
            ["K > A > end", *(f"E{n} > {n} > E{n}e" for n in HANDLED)],
            keyed("K", FLAGS),
            task("A"),
            boundary("ET", "A", DATE, interrupting=False),
            boundary("EU", "A", timer("duration", "PT1H"), interrupting=False),
            boundary("EV", "A", timer("cycle", "R/PT45M"), interrupting=False),
            boundary("EW", "A", named("message", "msg"), interrupting=False),
            boundary("EX", "A", named("signal", "sig"), interrupting=False),
            boundary("EY", "A", conditional("K.b0"), interrupting=False, sustained="PT1M"),
            *(task(name) for name in HANDLED),
            *(end(f"E{name}e") for name in HANDLED),
        ),
    ),
    [
        *done("K#1"),
        ("minutes", 60),
        ("message", ("call", None)),
        ("signal", "spill"),
        ("condition", "EY"),
        ("minutes", 30),
        *done("A#1"),
        *done(*(f"E{n}#1/{n}#1" for n in HANDLED), "EV#2/V#1"),
    ],
    opened=opened(
        "K#1", "A#1", *(f"E{n}#1/{n}#1" for n in ("T", "V", "U", "W", "X", "Y")), "EV#2/V#1"
    ),
)


INTERRUPTED_STEPS = Model(
    bpmn(
        *ROOTS,
        level(
            "PROC",
            [
                "K > A > gone1",
                "EA > B > gone2",
                "EB > C > gone3",
                "EC > D > gone4",
                "ED > E > gone5",
                "EE > LAST > end",
            ],
            keyed("K", FLAGS),
            *(task(name) for name in "ABCDE"),
            *(end(f"gone{n}") for n in range(1, 6)),
            boundary("EA", "A", DATE),
            boundary("EB", "B", timer("duration", "PT1H")),
            boundary("EC", "C", named("message", "msg")),
            boundary("ED", "D", named("signal", "sig")),
            boundary("EE", "E", conditional("K.b0")),
            task("LAST"),
        ),
    ),
    [
        *done("K#1"),
        ("minutes", 30),
        ("minutes", 60),
        ("message", ("call", None)),
        ("signal", "spill"),
        ("condition", "EE"),
        *done("LAST#1"),
    ],
    opened=opened("K#1", "A#1", "B#1", "C#1", "D#1", "E#1", "LAST#1"),
)
