"""Boundaries told from outside, errors, signals and messages: one host, the most specific only."""

from __future__ import annotations

from datetime import timedelta

import pytest

from audit.streams import Stream
from engine import commands
from engine.errors import Ambiguous, ProblemPersists, RunHeld
from tests.support.bpmn import (
    boundary,
    bpmn,
    call,
    end,
    error,
    message,
    named,
    parallel,
    signal,
    task,
)
from tests.support.running import START, Plant, level


def two_dryers(*boundaries: str, roots: tuple[str, ...] = ()) -> bytes:
    """Two equal operations at once, each with the same kind of boundary at its border."""
    return bpmn(
        *roots,
        level(
            "PROC",
            ["S > CA1 > J", "S > CA2 > J", "J > LAST > end"],
            parallel("S"),
            call("CA1", "OP"),
            call("CA2", "OP"),
            parallel("J"),
            task("LAST"),
            *boundaries,
        ),
        level("OP", "D", task("D")),
    )


def side(name: str, host: str, definition: str, *, interrupting: bool, **mark: str) -> str:
    """A boundary with a handler task and an end of its own."""
    return "\n".join(
        (
            boundary(name, host, definition, interrupting=interrupting, **mark),
            task(f"{name}_H"),
            end(f"{name}_e"),
            f'<bpmn:sequenceFlow id="{name}_1" sourceRef="{name}" targetRef="{name}_H"/>',
            f'<bpmn:sequenceFlow id="{name}_2" sourceRef="{name}_H" targetRef="{name}_e"/>',
        )
    )


def back(name: str, host: str, definition: str, target: str) -> str:
    """An interrupting boundary whose flow leads on to `target`."""
    return "\n".join(
        (
            boundary(name, host, definition),
            f'<bpmn:sequenceFlow id="{name}_1" sourceRef="{name}" targetRef="{target}"/>',
        )
    )


LINK = signal("sig", "link_lost")
SIDES = two_dryers(
    side("E1", "CA1", named("signal", "sig"), interrupting=False),
    side("E2", "CA2", named("signal", "sig"), interrupting=False),
    roots=(LINK,),
)


def test_an_event_goes_to_the_host_around_its_origin_only(plant: Plant) -> None:
    plant.run(SIDES)
    fired = plant.do(commands.raise_event, "link_lost", origin_path="PROC/CA2#1/D#1")
    assert fired == ["E2"]
    assert plant.ready() == ["PROC/CA1#1/D#1", "PROC/CA2#1/D#1", "PROC/E2#1/E2_H#1"]


def test_an_event_without_origin_is_refused_when_two_places_wait(small_plant: Plant) -> None:
    small_plant.run(SIDES)
    with pytest.raises(Ambiguous, match="PROC/CA1#1, PROC/CA2#1"):
        small_plant.do(commands.raise_event, "link_lost")


def test_a_signal_reaches_every_place_of_the_run_and_no_other_run(plant: Plant) -> None:
    other = Stream("batch", "B-2046")
    digest = plant.store(SIDES)
    plant.start(digest)
    plant.start(digest, other)
    assert plant.do(commands.signal, "link_lost") == ["E1", "E2"]
    assert len(plant.ready()) == 4
    assert len(plant.ready(other)) == 2


def test_a_boundary_that_does_not_interrupt_fires_every_time(plant: Plant) -> None:
    plant.run(SIDES)
    for _ in range(3):
        plant.do(commands.raise_event, "E1")
    assert [path for path in plant.ready() if "E1" in path] == [
        f"PROC/E1#{n}/E1_H#1" for n in (1, 2, 3)
    ]


def test_an_event_that_nobody_waits_for_changes_nothing(small_plant: Plant) -> None:
    small_plant.run(SIDES)
    before = small_plant.ready()
    assert small_plant.do(commands.raise_event, "door_open") == []
    assert small_plant.ready() == before


HOT = bpmn(
    signal("hot", "too_hot"),
    level(
        "PROC",
        ["CA > M > LAST > end"],
        call("CA", "OP"),
        '<bpmn:exclusiveGateway id="M"/>',
        task("LAST"),
        back("EV_HOT", "CA", named("signal", "hot"), "M"),
    ),
    level(
        "OP",
        ["D1 > D2 > end", "T > TH > Te"],
        task("D1"),
        task("D2"),
        boundary(
            "T",
            "D1",
            '<bpmn:timerEventDefinition><bpmn:timeDuration xsi:type="bpmn:tFormalExpression">'
            "PT5M</bpmn:timeDuration></bpmn:timerEventDefinition>",
            interrupting=False,
        ),
        task("TH"),
        end("Te"),
    ),
)


def test_an_interrupting_boundary_cancels_everything_below_its_host(plant: Plant) -> None:
    plant.run(HOT)
    plant.pass_time(timedelta(minutes=5))
    assert plant.ready() == ["PROC/CA#1/D1#1", "PROC/CA#1/T#1/TH#1"]
    assert plant.do(commands.signal, "too_hot") == ["EV_HOT"]
    assert plant.ready() == ["PROC/LAST#1"]
    cancelled = [path for word, path in plant.host.told if word == "cancelled"]
    assert cancelled == ["PROC/CA#1/D1#1", "PROC/CA#1/T#1/TH#1"]
    assert plant.pass_time(timedelta(hours=1)) == 0
    assert plant.do(commands.signal, "too_hot") == []


ERR = error("err", "end_point_missed")


def failing(*boundaries: str) -> bytes:
    """An operation whose only way ends in an error, beside a branch that is still open."""
    return bpmn(
        ERR,
        error("err2", "other"),
        level(
            "PROC",
            ["CA > M > LAST > end"],
            call("CA", "OP"),
            '<bpmn:exclusiveGateway id="M"/>',
            task("LAST"),
            *boundaries,
        ),
        level(
            "OP",
            ["S > A > bad", "S > B > end"],
            parallel("S"),
            task("A"),
            task("B"),
            end("bad", error="err"),
        ),
    )


def test_an_error_is_caught_once_by_the_specific_boundary(plant: Plant) -> None:
    catch_all = side("ALL", "CA", named("error", None), interrupting=True)
    plant.run(failing(catch_all, back("OWN", "CA", named("error", "err"), "M")))
    plant.complete("PROC/CA#1/A#1")
    assert plant.ready() == ["PROC/LAST#1"]
    assert [event.element for event in plant.host.events] == ["OWN"]
    plant.complete("PROC/LAST#1")
    assert plant.state() == "complete"


def test_an_error_of_another_code_goes_to_the_boundary_that_catches_all(plant: Plant) -> None:
    other = side("OTHER", "CA", named("error", "err2"), interrupting=True)
    plant.run(failing(other, back("ALL", "CA", named("error", None), "M")))
    plant.complete("PROC/CA#1/A#1")
    assert plant.ready() == ["PROC/LAST#1"]


def test_an_uncaught_error_holds_the_run_and_never_completes_it(plant: Plant) -> None:
    plant.run(failing(back("OTHER", "CA", named("error", "err2"), "M")))
    plant.complete("PROC/CA#1/A#1")
    assert plant.state() == "held"
    assert [p.kind for p in plant.host.problems] == ["error_uncaught"]
    with pytest.raises(RunHeld):
        plant.complete("PROC/CA#1/B#1")
    with pytest.raises(ProblemPersists):
        plant.do(commands.restart, reason="try again")
    plant.do(commands.abort, reason="end point missed")
    assert (plant.state(), plant.ready()) == ("aborted", [])


def test_an_error_raised_at_a_step_finds_the_boundary_of_the_level_above(plant: Plant) -> None:
    plant.run(failing(back("OWN", "CA", named("error", "err"), "M")))
    raised = plant.do(commands.raise_error, "end_point_missed", origin_path="PROC/CA#1/B#1")
    assert raised == ["OWN"]
    assert plant.ready() == ["PROC/LAST#1"]


def test_an_uncaught_error_raised_at_a_step_holds_the_run(small_plant: Plant) -> None:
    small_plant.run(failing(back("OTHER", "CA", named("error", "err2"), "M")))
    small_plant.do(commands.raise_error, "unheard_of", origin_path="PROC/CA#1/B#1")
    assert small_plant.state() == "held"


MAIL = bpmn(
    message("msg", "sample_result"),
    level(
        "PROC",
        ["A > B > end", "MB > H > He"],
        task("A"),
        task("B"),
        boundary("MB", "B", named("message", "msg"), interrupting=False),
        task("H"),
        end("He"),
    ),
)


def test_a_message_that_comes_early_is_kept_and_taken_once(plant: Plant) -> None:
    plant.run(MAIL)
    assert plant.do(commands.send_message, "sample_result") == []
    plant.complete("PROC/A#1")
    assert plant.ready() == ["PROC/B#1", "PROC/MB#1/H#1"]
    assert plant.do(commands.send_message, "sample_result") == ["MB"]
    assert plant.ready() == ["PROC/B#1", "PROC/MB#1/H#1", "PROC/MB#2/H#1"]


def test_a_kept_message_expires(small_plant: Plant) -> None:
    small_plant.run(MAIL)
    small_plant.do(commands.send_message, "sample_result", expires_at=START + timedelta(minutes=5))
    small_plant.pass_time(timedelta(minutes=5))
    small_plant.complete("PROC/A#1")
    assert small_plant.ready() == ["PROC/B#1"]


def test_a_message_with_another_correlation_is_not_taken(small_plant: Plant) -> None:
    small_plant.run(MAIL)
    small_plant.complete("PROC/A#1")
    assert small_plant.do(commands.send_message, "sample_result", correlation="S-1") == []
    assert small_plant.ready() == ["PROC/B#1"]


def test_a_terminating_end_cancels_the_other_branches_of_its_level_only(plant: Plant) -> None:
    plant.run(
        bpmn(
            level(
                "PROC",
                ["S > CA1 > J", "S > X1 > J", "J > LAST > end"],
                parallel("S"),
                call("CA1", "OP"),
                task("X1"),
                parallel("J"),
                task("LAST"),
            ),
            level(
                "OP",
                ["P > A > stop", "P > B > end"],
                parallel("P"),
                task("A"),
                task("B"),
                end("stop", terminate=True),
            ),
        )
    )
    plant.complete("PROC/CA1#1/A#1")
    assert plant.ready() == ["PROC/X1#1"]
    assert ("cancelled", "PROC/CA1#1/B#1") in plant.host.told
    assert ("completed", "PROC/CA1#1") in plant.host.told
    plant.complete("PROC/X1#1", "PROC/LAST#1")
    assert plant.state() == "complete"


def test_an_event_in_a_held_run_is_refused(small_plant: Plant) -> None:
    small_plant.run(SIDES)
    small_plant.do(commands.hold, reason="alarm")
    with pytest.raises(RunHeld):
        small_plant.do(commands.raise_event, "E1")


def test_a_plant_wide_signal_names_every_run_that_waits_for_it(small_plant: Plant) -> None:
    wide = two_dryers(
        side("E1", "CA1", named("signal", "sig"), interrupting=False, plantWide="true"),
        roots=(signal("sig", "power_lost"),),
    )
    digest = small_plant.store(wide)
    small_plant.start(digest)
    small_plant.start(digest, Stream("batch", "B-2046"))
    with small_plant.house.reading() as session:
        found = commands.runs_waiting_plant_wide(session, "power_lost")
        assert commands.runs_waiting_plant_wide(session, "link_lost") == []
    assert found == ["batch/B-2045", "batch/B-2046"]
