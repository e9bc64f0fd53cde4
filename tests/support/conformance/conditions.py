"""Conditions of the record that are waited for: in the flow, at a level, again and again."""

from __future__ import annotations

from tests.support.bpmn import (
    boundary,
    bpmn,
    call,
    conditional,
    end,
    event_gateway,
    exclusive,
    parallel,
    start,
    subprocess,
    task,
    timer,
    wait,
)
from tests.support.conformance.making import FLAGS, Model, done, keyed, opened
from tests.support.running import level

IN_THE_FLOW = Model(
    bpmn(
        level(
            "PROC",
            ["K > S > A > J > LAST > end", "S > C > B > J"],
            keyed("K", FLAGS),
            parallel("S"),
            task("A"),
            wait("C", conditional("K.b0 and A.round > 0"), sustained="PT1M"),
            task("B"),
            parallel("J"),
            task("LAST"),
        ),
    ),
    [*done("K#1", "A#1"), ("condition", "C"), *done("B#1", "LAST#1")],
    opened=opened("K#1", "A#1", "B#1", "LAST#1"),
)


def first_to_hold(*, expires: bool) -> Model:
    """What happens first counts: the condition, or the end of the time it is given."""
    way: tuple[str, ...] = ("Y#1",) if expires else ("X#1",)
    return Model(
        bpmn(
            level(
                "PROC",
                ["K > E > C > X > M > LAST > end", "E > T > Y > M"],
                keyed("K", FLAGS),
                event_gateway("E"),
                wait("C", conditional("K.b0")),
                wait("T", timer("duration", "PT30M")),
                task("X"),
                task("Y"),
                exclusive("M"),
                task("LAST"),
            ),
        ),
        [*done("K#1"), ("minutes", 30) if expires else ("condition", "C"), *done(*way, "LAST#1")],
        opened=opened("K#1", *way, "LAST#1"),
    )


AT_LEVELS = Model(
    bpmn(
        level(
            "PROC",
            ["K > CA > SP > gone", "EB > H > He", "EI > LAST > end"],
            keyed("K", FLAGS),
            call("CA", "OP"),
            boundary("EB", "CA", conditional("K.b0"), interrupting=False),
            task("H"),
            end("He"),
            subprocess("SP", "SP_start > B > SP_end", task("B"), end("SP_end")),
            boundary("EI", "SP", conditional("K.b1")),
            end("gone"),
            task("LAST"),
        ),
        level("OP", "A", task("A")),
    ),
    [
        *done("K#1"),
        ("condition", "EB"),
        *done("CA#1/A#1", "EB#1/H#1"),
        ("condition", "EI"),
        *done("LAST#1"),
    ],
    opened=opened("K#1", "CA#1/A#1", "EB#1/H#1", "SP#1/B#1", "LAST#1"),
)


AGAIN = Model(
    bpmn(
        level(
            "PROC",
            ["K > A > end", "E > H > He"],
            keyed("K", FLAGS),
            task("A"),
            boundary("E", "A", conditional("K.b0"), interrupting=False),
            task("H"),
            end("He"),
            subprocess(
                "ESP",
                "ESP_start > B > ESP_end",
                task("B"),
                end("ESP_end"),
                begins=start("ESP_start", conditional("K.b1"), interrupting=False),
            ),
        ),
    ),
    [
        *done("K#1"),
        ("condition", "E"),
        ("condition", "ESP"),
        ("over", "E"),
        ("condition", "E"),
        ("over", "ESP"),
        ("condition", "ESP"),
        *done("A#1", "E#1/H#1", "E#2/H#1", "ESP#2/B#1", "ESP#1/B#1"),
    ],
    opened=opened("K#1", "A#1", "E#1/H#1", "ESP#1/B#1", "E#2/H#1", "ESP#2/B#1"),
)
