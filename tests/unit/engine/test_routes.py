"""What was done, is open, was not taken, and because of what (URS-EXE-030)."""

from __future__ import annotations

import pytest

from engine.routes import Mark, Walked, elements
from tests.support.bpmn import boundary, bpmn, exclusive, flow, step, task, timer
from tests.support.running import level
from workflows.importing import import_procedure

GO = '<bw:parameter code="go" dataType="boolean"/>'
DRAWN = (
    import_procedure(
        bpmn(
            level(
                "PROC",
                ["A > X", "B > C > M", "M > D > end"],
                task("A", step("A", GO, kind="entry")),
                exclusive("X", default="X_M"),
                task("B"),
                task("C"),
                exclusive("M"),
                task("D"),
                boundary("EV", "D", timer("duration", "PT5M")),
                exclusive("Q", default="Q_e1"),
                '<bpmn:endEvent id="e1"/>',
                '<bpmn:endEvent id="e2"/>',
                extra=[
                    flow("X", "B", "A.go"),
                    flow("X", "M"),
                    flow("EV", "Q"),
                    flow("Q", "e1"),
                    flow("Q", "e2", "A.go"),
                ],
            )
        )
    )
).procedure.level("PROC")


def marks(
    counts: dict[str, int], active: str = "", cancelled: str = "", *, ended: bool = False
) -> dict[str, tuple[Mark, str]]:
    walked = Walked(
        counts=counts,
        active=frozenset(active.split()),
        cancelled=frozenset(cancelled.split()),
        open=not ended,
    )
    return {e.id: (e.mark, str(e.cause or "")) for e in elements(DRAWN, walked)}


def test_at_the_beginning_everything_is_to_come() -> None:
    found = marks({"PROC_start": 1, "A": 1}, "A")
    assert found["A"] == (Mark.ACTIVE, "")
    assert {found[name][0] for name in ("X", "B", "D", "EV", "e2")} == {Mark.TO_COME}


@pytest.mark.urs("URS-EXE-030")
def test_a_way_not_taken_names_its_gateway_through_several_steps() -> None:
    walked = {"PROC_start": 1, "A": 1, "X": 1, "X_M": 1, "M": 1, "D": 1}
    found = marks(walked, "D")
    assert found["B"] == found["C"] == (Mark.NOT_TAKEN, "gateway X")
    assert found["EV"] == (Mark.TO_COME, "")


def test_an_event_that_did_not_happen_is_the_cause_of_what_follows_it() -> None:
    walked = {"PROC_start": 1, "A": 1, "X": 1, "X_M": 1, "M": 1, "D": 1, "PROC_end": 1}
    found = marks(walked, ended=True)
    assert found["Q"] == found["EV"] == (Mark.NOT_TAKEN, "event EV")


def test_what_comes_after_something_cancelled_names_it() -> None:
    walked = {"PROC_start": 1, "A": 1, "X": 1, "X_M": 1, "M": 1, "D": 1, "EV": 1, "Q": 1, "e1": 1}
    found = marks(walked | {"Q_e1": 1}, cancelled="D", ended=True)
    assert found["D"] == (Mark.CANCELLED, "")
    assert found["PROC_end"] == (Mark.NOT_TAKEN, "interrupted D")
    assert found["e2"] == (Mark.NOT_TAKEN, "gateway Q")
