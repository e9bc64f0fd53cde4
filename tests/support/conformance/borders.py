"""The same boundary at several borders at once; handlers that outlive what they stood at."""

from __future__ import annotations

from tests.support.bpmn import (
    boundary,
    bpmn,
    end,
    error,
    escalation,
    exclusive,
    multi_instance,
    named,
    parallel,
    signal,
    subprocess,
    task,
    throw,
    timer,
)
from tests.support.conformance.making import Model, done, opened
from tests.support.running import level


def failing(name: str) -> tuple[str, ...]:
    """A subprocess that ends in an error, with a boundary for just that and one for any error."""
    return (
        subprocess(name, f"{name}_start > {name}A > {name}_bad", task(f"{name}A"), bad(name)),
        boundary(f"{name}E", name, named("error", "err")),
        boundary(f"{name}Any", name, named("error", None)),
        task(f"{name}FIX"),
        task(f"{name}OTHER"),
        exclusive(f"{name}M"),
    )


def bad(name: str) -> str:
    """An error end."""
    return end(f"{name}_bad", error="err")


def ways(name: str) -> list[str]:
    """From the split to the join, by the way of the error."""
    return [
        f"S > {name} > {name}M > J",
        f"{name}E > {name}FIX > {name}M",
        f"{name}Any > {name}OTHER > {name}M",
    ]


SAME_ERRORS = Model(
    bpmn(
        error("err", "leak"),
        level(
            "PROC",
            [*ways("P"), *ways("Q"), *ways("R"), "J > LAST > end"],
            parallel("S"),
            *failing("P"),
            *failing("Q"),
            *failing("R"),
            parallel("J"),
            task("LAST"),
        ),
    ),
    done("Q#1/QA#1", "P#1/PA#1", "PFIX#1", "R#1/RA#1", "RFIX#1", "QFIX#1", "LAST#1"),
    opened=opened("P#1/PA#1", "Q#1/QA#1", "R#1/RA#1", "QFIX#1", "PFIX#1", "RFIX#1", "LAST#1"),
)


def slow(name: str) -> str:
    """An escalation thrown in a subprocess."""
    return throw(f"{name}X", named("escalation", "esc"))


SAME_SIGNALS = Model(
    bpmn(
        signal("sig", "spill"),
        escalation("esc", "slow"),
        level(
            "PROC",
            [
                "S > P > MP > J",
                "S > Q > MQ > J",
                "PI > MP",
                "QI > MQ",
                "PB > PH > PHe",
                "QB > QH > QHe",
                "J > LAST > end",
            ],
            parallel("S"),
            subprocess(
                "P",
                "P_start > PA > PX > PC > P_end",
                task("PA"),
                slow("P"),
                task("PC"),
                end("P_end"),
            ),
            subprocess(
                "Q",
                "Q_start > QA > QX > QC > Q_end",
                task("QA"),
                slow("Q"),
                task("QC"),
                end("Q_end"),
            ),
            boundary("PI", "P", named("signal", "sig")),
            boundary("QI", "Q", named("signal", "sig")),
            boundary("PB", "P", named("escalation", "esc"), interrupting=False),
            boundary("QB", "Q", named("escalation", "esc"), interrupting=False),
            task("PH"),
            end("PHe"),
            task("QH"),
            end("QHe"),
            exclusive("MP"),
            exclusive("MQ"),
            parallel("J"),
            task("LAST"),
        ),
    ),
    [*done("Q#1/QA#1"), ("signal", "spill"), *done("QB#1/QH#1", "LAST#1")],
    opened=opened("P#1/PA#1", "Q#1/QA#1", "QB#1/QH#1", "Q#1/QC#1", "LAST#1"),
)


OUTLIVED = Model(
    bpmn(
        level(
            "PROC",
            ["SP > LAST > end", "E > H > G > Ee"],
            subprocess(
                "SP",
                "SP_start > A > SP_end",
                task("A"),
                end("SP_end"),
                loop=multi_instance("2", sequential=True),
                max_rounds=2,
            ),
            boundary("E", "SP", timer("cycle", "R/PT15M"), interrupting=False),
            task("H"),
            task("G"),
            end("Ee"),
            task("LAST"),
        ),
    ),
    [
        ("minutes", 15),
        *done("SP#1.1/A#1"),
        ("minutes", 15),
        ("minutes", 15),
        *done("E#2/H#1", "SP#1.2/A#1"),
        ("minutes", 60),
        *done("LAST#1", "E#3/H#1", "E#1/H#1", "E#2/G#1", "E#1/G#1", "E#3/G#1"),
    ],
    opened=opened(
        "SP#1.1/A#1",
        "E#1/H#1",
        "SP#1.2/A#1",
        "E#2/H#1",
        "E#3/H#1",
        "E#2/G#1",
        "LAST#1",
        "E#3/G#1",
        "E#1/G#1",
    ),
)
