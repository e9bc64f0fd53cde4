"""Choices: inclusive, event-based, behind a task; links."""

from __future__ import annotations

from tests.support.bpmn import (
    bpmn,
    end,
    event_gateway,
    exclusive,
    flow,
    inclusive,
    link,
    message,
    named,
    task,
    throw,
    timer,
    wait,
)
from tests.support.conformance.making import FLAGS, Model, done, keyed, opened
from tests.support.moving import Move
from tests.support.running import level


def first_of(*, expires: bool) -> Model:
    """Wait for a message or for a quarter of an hour, whatever comes first."""
    happens: Move = ("minutes", 15) if expires else ("message", ("result", None))
    way = "LATE#1" if expires else "GOOD#1"
    return Model(
        bpmn(
            message("msg", "result"),
            level(
                "PROC",
                ["A > G > MSG > GOOD > M > end", "G > TIME > LATE > M"],
                task("A"),
                event_gateway("G"),
                wait("MSG", named("message", "msg")),
                wait("TIME", timer("duration", "PT15M")),
                task("GOOD"),
                task("LATE"),
                exclusive("M"),
            ),
        ),
        [*done("A#1"), happens, *done(way)],
        opened=opened("A#1", way),
    )


SOME_OF = bpmn(
    level(
        "PROC",
        [
            "K > S",
            "A > A2 > J > LAST > end",
            "B > J",
            "C > J",
            flow("S", "A", "K.b0"),
            flow("S", "B", "K.b1"),
            flow("S", "C"),
        ],
        keyed("K", FLAGS),
        inclusive("S", default="S_C"),
        task("A"),
        task("A2"),
        task("B"),
        task("C"),
        inclusive("J"),
        task("LAST"),
    )
)


BOTH = Model(
    SOME_OF,
    done("K#1", "B#1", "A#1", "A2#1", "LAST#1"),
    {"K.b0": True, "K.b1": True},
    opened("K#1", "A#1", "B#1", "A2#1", "LAST#1"),
)


NONE_OF = Model(
    SOME_OF,
    done("K#1", "C#1", "LAST#1"),
    {"K.b0": False, "K.b1": False},
    opened("K#1", "C#1", "LAST#1"),
)


BRANCH_THAT_ENDS = Model(
    bpmn(
        level(
            "PROC",
            [
                "K > S",
                "A > J > LAST > end",
                "B > X > gone",
                "D > J",
                flow("X", "J", "K.b2"),
                flow("S", "A", "K.b0"),
                flow("S", "D", "K.b1"),
                flow("S", "B", "K.b0"),
                flow("S", "gone2"),
            ],
            keyed("K", FLAGS),
            inclusive("S", default="S_gone2"),
            task("A"),
            task("B"),
            task("D"),
            exclusive("X", default="X_gone"),
            inclusive("J"),
            task("LAST"),
            end("gone"),
            end("gone2"),
        )
    ),
    done("K#1", "A#1", "B#1", "LAST#1"),
    {"K.b0": True, "K.b1": False, "K.b2": False},
    opened("K#1", "A#1", "B#1", "LAST#1"),
)


LEAVING = Model(
    bpmn(
        level(
            "PROC",
            [
                "K > A",
                flow("A", "B", "K.b0"),
                flow("A", "C"),
                flow("A", "D", "K.b1"),
                "B > J > LAST > end",
                "C > J",
                "D > J",
            ],
            keyed("K", FLAGS),
            task("A"),
            task("B"),
            task("C"),
            task("D"),
            inclusive("J"),
            task("LAST"),
        )
    ),
    done("K#1", "A#1", "C#1", "D#1", "LAST#1"),
    {"K.b0": False, "K.b1": True},
    opened("K#1", "A#1", "C#1", "D#1", "LAST#1"),
)


LEAVING_BACK = Model(
    bpmn(
        level(
            "PROC",
            [
                "M > A",
                flow("A", "M", "round < 2", max_rounds=1),
                flow("A", "LAST", flow_id="on"),
                "LAST > end",
            ],
            exclusive("M"),
            task("A", default="on"),
            task("LAST"),
        )
    ),
    done("A#1", "A#2"),
    opened=opened("A#1", "A#2"),
    state="held",
)


LINKED = Model(
    bpmn(
        level(
            "PROC",
            ["K > X", flow("X", "A", "K.b0"), "X > B > T2", "A > T1", "C > LAST > end"],
            keyed("K", FLAGS),
            exclusive("X", default="X_B"),
            task("A"),
            task("B"),
            throw("T1", link("on")),
            throw("T2", link("on")),
            wait("C", link("on")),
            throw("MARK"),
            task("LAST"),
        )
        .replace('sourceRef="C" targetRef="LAST"', 'sourceRef="C" targetRef="MARK"')
        .replace("</bpmn:process>", flow("MARK", "LAST") + "</bpmn:process>"),
    ),
    done("K#1", "A#1", "LAST#1"),
    {"K.b0": True},
    opened("K#1", "A#1", "LAST#1"),
)
