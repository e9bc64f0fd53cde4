"""Tasks, calls, what is drawn inside, lanes."""

from __future__ import annotations

from tests.support.bpmn import (
    boundary,
    bpmn,
    business_rule,
    call,
    end,
    error,
    exclusive,
    lane,
    lanes,
    multi_instance,
    named,
    parallel,
    service,
    standard_loop,
    step,
    subprocess,
    task,
    timer,
)
from tests.support.conformance.making import FLAGS, Model, done, keyed, opened
from tests.support.running import level

INSIDE = Model(
    bpmn(
        level(
            "PROC",
            "A > SP > LAST > end",
            task("A"),
            subprocess(
                "SP",
                ["SP_start > B > IN > C > SP_end"],
                task("B"),
                subprocess("IN", "IN_start > D > IN_end", task("D"), end("IN_end")),
                task("C"),
                end("SP_end"),
            ),
            task("LAST"),
        )
    ),
    done("A#1", "SP#1/B#1", "SP#1/IN#1/D#1", "SP#1/C#1", "LAST#1"),
    opened=opened("A#1", "SP#1/B#1", "SP#1/IN#1/D#1", "SP#1/C#1", "LAST#1"),
)


ROUNDS_INSIDE = Model(
    bpmn(
        level(
            "PROC",
            "SP > RP > LAST > end",
            subprocess(
                "SP",
                "SP_start > B > SP_end",
                task("B"),
                end("SP_end"),
                loop=multi_instance("2"),
                max_rounds=4,
            ),
            subprocess(
                "RP",
                "RP_start > C > RP_end",
                task("C"),
                end("RP_end"),
                loop=standard_loop("round < 1", maximum=3),
            ),
            task("LAST"),
        )
    ),
    done("SP#1.2/B#1", "SP#1.1/B#1", "RP#1.1/C#1", "LAST#1"),
    opened=opened("SP#1.1/B#1", "SP#1.2/B#1", "RP#1.1/C#1", "LAST#1"),
)


REPEATED_STEPS = Model(
    bpmn(
        level(
            "PROC",
            ["A > B > C > M > LAST > end", "E > FIX > M"],
            task("A", loop=multi_instance("2", completion="A.round > 9"), max_rounds=5),
            task("B", loop=multi_instance("2", sequential=True), max_rounds=5),
            task("C", loop=standard_loop("round < 1", maximum=3)),
            boundary("E", "C", timer("duration", "PT1H")),
            task("FIX"),
            exclusive("M"),
            task("LAST"),
        )
    ),
    [
        *done("A#1.2/A#1", "A#1.1/A#1", "B#1.1/B#1", "B#1.2/B#1"),
        ("minutes", 60),
        *done("FIX#1", "LAST#1"),
    ],
    {"A.round": 1},
    opened(
        "A#1.1/A#1",
        "A#1.2/A#1",
        "B#1.1/B#1",
        "B#1.2/B#1",
        "C#1.1/C#1",
        "FIX#1",
        "LAST#1",
    ),
)
ERROR_INSIDE = Model(
    bpmn(
        error("err", "leak"),
        level(
            "PROC",
            ["SP > M > LAST > end", "E > FIX > M"],
            subprocess(
                "SP",
                ["SP_start > S > A > IN > SP_end", "S > B > SP_end2"],
                parallel("S"),
                task("A"),
                task("B"),
                subprocess("IN", "IN_start > T > IN_bad", task("T"), end("IN_bad", error="err")),
                end("SP_end"),
                end("SP_end2"),
            ),
            boundary("E", "SP", named("error", "err")),
            task("FIX"),
            exclusive("M"),
            task("LAST"),
        ),
    ),
    done("SP#1/A#1", "SP#1/IN#1/T#1", "FIX#1", "LAST#1"),
    opened=opened("SP#1/A#1", "SP#1/B#1", "SP#1/IN#1/T#1", "FIX#1", "LAST#1"),
)


TERMINATED_INSIDE = Model(
    bpmn(
        level(
            "PROC",
            "SP > LAST > end",
            subprocess(
                "SP",
                ["SP_start > S > A > SP_stop", "S > B > SP_end"],
                parallel("S"),
                task("A"),
                task("B"),
                end("SP_stop", terminate=True),
                end("SP_end"),
            ),
            task("LAST"),
        )
    ),
    done("SP#1/A#1", "LAST#1"),
    opened=opened("SP#1/A#1", "SP#1/B#1", "LAST#1"),
)


IN_LANES = Model(
    bpmn(
        level(
            "PROC",
            "A > B > end",
            lanes(lane("L1", "OP", "A"), lane("L2", "QA", "B")),
            task("A", step("A").replace(' role="OP"', "")),
            task("B", step("B", role="QA")),
        )
    ),
    done("A#1", "B#1"),
    opened=opened("A#1", "B#1"),
)


KINDS_OF_TASKS = Model(
    bpmn(
        level(
            "PROC",
            ["A > B > C > R > D > end", "EC > H > He"],
            task("A", tag="manualTask"),
            service("B"),
            call("C", "OP"),
            business_rule("R", "first", ("A.round > 1", "2"), ("true", "1")),
            keyed("D", FLAGS),
            boundary("EC", "D", timer("date", "2026-03-02T07:00:00Z"), interrupting=False),
            task("H"),
            end("He"),
        ),
        level("OP", "Z", task("Z")),
    ),
    [*done("A#1", "B#1", "C#1/Z#1", "R#1"), ("minutes", 60), *done("D#1", "EC#1/H#1")],
    opened=opened("A#1", "B#1", "C#1/Z#1", "R#1", "D#1", "EC#1/H#1"),
)
