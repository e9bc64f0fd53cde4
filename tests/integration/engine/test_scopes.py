"""What is thrown, who catches it, and what takes the place of a level."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from audit.streams import Stream
from engine import commands, detours, queries
from engine.errors import ProblemPersists
from engine.replay import RecordedHost, recorded_acts, replay
from engine.routes import CauseKind, Mark
from tests.support.bpmn import (
    boundary,
    bpmn,
    call,
    end,
    error,
    escalation,
    event_gateway,
    exclusive,
    flow,
    inclusive,
    message,
    named,
    parallel,
    signal,
    start,
    step,
    subprocess,
    task,
    throw,
    timer,
    wait,
)
from tests.support.conformance.gateways import BOTH, SOME_OF, first_of
from tests.support.conformance.making import CHOICE
from tests.support.conformance.messages import TALKING
from tests.support.conformance.scopes import TAKEN_OVER, event_inside
from tests.support.places import site_url
from tests.support.running import BATCH, Plant, install, level

OTHER = Stream("batch", "B-2046")


def facts(plant: Plant, name: str) -> list[str]:
    return [fact["path"] for fact in plant.journal() if fact["fact"] == name]


# Throwing


@pytest.mark.urs("URS-EXE-050")
def test_a_message_whose_correlation_is_too_long_to_be_kept_holds_the_run(
    small_plant: Plant,
) -> None:
    small_plant.host.values["K.lot"] = "L" * 201
    small_plant.run(TALKING.data)
    small_plant.complete("PROC/K#1")
    (problem,) = small_plant.host.problems
    assert problem.fact == "SEND: its correlation is longer than 200 characters"
    small_plant.host.values["K.lot"] = "L" * 200
    small_plant.do(commands.restart, reason="the lot is named shorter")
    assert small_plant.state() == "running"


@pytest.mark.urs("URS-EXE-050")
def test_a_message_whose_correlation_is_not_known_holds_the_run(small_plant: Plant) -> None:
    small_plant.run(TALKING.data)
    small_plant.complete("PROC/K#1")
    assert [problem.kind for problem in small_plant.host.problems] == ["value_unknown"]
    with pytest.raises(ProblemPersists, match=r"K\.lot"):
        small_plant.do(commands.restart, reason="try again")
    small_plant.host.values["K.lot"] = "L1"
    small_plant.do(commands.restart, reason="the lot is known")
    assert small_plant.ready() == ["PROC/X#1", "PROC/Y#1"]


def test_a_message_of_another_correlation_goes_by(small_plant: Plant) -> None:
    small_plant.host.values["K.lot"] = "L1"
    small_plant.run(
        bpmn(
            message("msg", "sample_ready"),
            level(
                "PROC",
                "K > MSG > Y > end",
                task("K", step("K", CHOICE, kind="entry")),
                wait("MSG", named("message", "msg"), correlation="K.lot"),
                task("Y"),
            ),
        )
    )
    small_plant.complete("PROC/K#1")
    send = commands.send_message
    assert small_plant.do(send, "sample_ready", correlation="L2") == []
    assert small_plant.ready() == []
    assert small_plant.do(send, "sample_ready", correlation="L1") == ["MSG"]
    assert small_plant.ready() == ["PROC/Y#1"]


def test_an_escalation_that_nobody_catches_is_noted_and_changes_nothing(
    small_plant: Plant,
) -> None:
    small_plant.run(
        bpmn(
            escalation("esc", "slow"),
            level("PROC", "X > A > end", throw("X", named("escalation", "esc")), task("A")),
        )
    )
    assert facts(small_plant, "escalation.thrown") == ["PROC/X#1"]
    assert small_plant.ready() == ["PROC/A#1"]


def two_plants(**mark: str) -> bytes:
    """A run that throws a signal behind its first step, and waits for it beside that."""
    return bpmn(
        signal("sig", "power_lost"),
        level(
            "PROC",
            ["A > X > B > end", "E > H > He"],
            task("A"),
            throw("X", named("signal", "sig"), **mark),
            task("B"),
            boundary("E", "A", named("signal", "sig"), interrupting=False, plantWide="true"),
            task("H"),
            end("He"),
        ),
    )


@pytest.mark.urs("URS-EXE-010")
def test_a_plant_wide_signal_reaches_every_run_that_waits(plant: Plant) -> None:
    digest = plant.store(two_plants(plantWide="true"))
    plant.start(digest)
    plant.start(digest, OTHER)
    plant.complete("PROC/A#1")
    assert plant.ready(OTHER) == ["PROC/A#1"]
    plant.pass_time(timedelta(0))
    assert plant.ready(OTHER) == ["PROC/A#1", "PROC/E#1/H#1"]
    assert plant.ready() == ["PROC/B#1"]


@pytest.mark.urs("URS-EXE-090")
def test_a_signal_from_another_run_is_built_again_from_the_journal(
    small_plant: Plant, tmp_path: Path
) -> None:
    data = two_plants(plantWide="true")
    digest = small_plant.store(data)
    small_plant.start(digest)
    small_plant.start(digest, OTHER)
    small_plant.complete("PROC/A#1")
    small_plant.pass_time(timedelta(0))
    with small_plant.house.reading() as session:
        acts = recorded_acts(session, OTHER)
    install(site_url(tmp_path / "again.db"))
    again = Plant(site_url(tmp_path / "again.db"))
    again.house.services["engine_host"] = RecordedHost()
    again.store(data)
    replay(again.house, OTHER, acts)
    assert again.ready(OTHER) == small_plant.ready(OTHER)
    assert again.journal(OTHER) == small_plant.journal(OTHER)
    again.close()


def test_a_signal_of_one_run_stays_in_it(small_plant: Plant) -> None:
    digest = small_plant.store(two_plants())
    small_plant.start(digest)
    small_plant.start(digest, OTHER)
    small_plant.complete("PROC/A#1")
    small_plant.pass_time(timedelta(0))
    assert small_plant.ready(OTHER) == ["PROC/A#1"]


# Catching


@pytest.mark.urs("URS-EXE-010")
def test_behind_an_event_based_gateway_only_the_first_event_counts(small_plant: Plant) -> None:
    small_plant.run(first_of(expires=False).data)
    small_plant.complete("PROC/A#1")
    assert small_plant.do(commands.send_message, "result") == ["MSG"]
    assert small_plant.pass_time(timedelta(hours=1)) == 0
    assert small_plant.ready() == ["PROC/GOOD#1"]
    assert small_plant.do(commands.send_message, "result") == []


def test_a_message_that_was_kept_decides_at_an_event_based_gateway(small_plant: Plant) -> None:
    small_plant.run(first_of(expires=False).data)
    small_plant.do(commands.send_message, "result")
    small_plant.complete("PROC/A#1")
    assert small_plant.ready() == ["PROC/GOOD#1"]


def test_what_waits_inside_a_cancelled_level_waits_no_more(small_plant: Plant) -> None:
    small_plant.run(
        bpmn(
            signal("sig", "spill"),
            message("msg", "result"),
            level(
                "PROC",
                ["SP > gone", "E > LAST > end"],
                subprocess(
                    "SP",
                    ["SP_start > G > MSG > M > B > SP_end", "G > TIME > M"],
                    event_gateway("G"),
                    wait("MSG", named("message", "msg")),
                    wait("TIME", timer("duration", "PT1H")),
                    exclusive("M"),
                    task("B"),
                    end("SP_end"),
                ),
                boundary("E", "SP", named("signal", "sig")),
                end("gone"),
                task("LAST"),
            ),
        )
    )
    assert small_plant.do(commands.signal, "spill") == ["E"]
    assert small_plant.do(commands.send_message, "result") == []
    assert small_plant.pass_time(timedelta(hours=2)) == 0
    assert small_plant.ready() == ["PROC/LAST#1"]


# Event subprocesses


@pytest.mark.urs("URS-EXE-010")
def test_two_events_at_one_moment_take_a_level_over_once(small_plant: Plant) -> None:
    small_plant.run(
        bpmn(
            level(
                "PROC",
                "A > end",
                task("A"),
                event_inside("F", timer("date", "2026-03-02T07:00:00Z"), interrupting=True),
                event_inside("G", timer("duration", "PT1H"), interrupting=True),
            )
        )
    )
    small_plant.pass_time(timedelta(hours=1))
    assert small_plant.ready() == ["PROC/F#1/F_H#1"]
    small_plant.complete("PROC/F#1/F_H#1")
    assert small_plant.state() == "complete"


ERROR_AGAIN = bpmn(
    error("err", "leak"),
    level(
        "PROC",
        ["CA > gone", "E > LAST > end"],
        call("CA", "OP"),
        end("gone"),
        boundary("E", "CA", named("error", "err")),
        task("LAST"),
    ),
    level(
        "OP",
        ["S > A > bad", "S > B > end"],
        parallel("S"),
        task("A"),
        task("B"),
        end("bad", error="err"),
        subprocess(
            "ESP",
            "ESP_start > H > again",
            task("H"),
            end("again", error="err"),
            begins=start("ESP_start", named("error", "err")),
        ),
    ),
)


@pytest.mark.urs("URS-EXE-010")
def test_an_error_out_of_an_event_subprocess_is_not_caught_by_itself(small_plant: Plant) -> None:
    small_plant.run(ERROR_AGAIN)
    small_plant.complete("PROC/CA#1/A#1")
    assert small_plant.ready() == ["PROC/CA#1/ESP#1/H#1"]
    small_plant.complete("PROC/CA#1/ESP#1/H#1")
    assert small_plant.ready() == ["PROC/LAST#1"]


def test_an_error_raised_at_a_step_is_caught_inside_its_level_first(small_plant: Plant) -> None:
    small_plant.run(ERROR_AGAIN)
    raised = small_plant.do(commands.raise_error, "leak", origin_path="PROC/CA#1/B#1")
    assert raised == ["ESP"]
    assert small_plant.ready() == ["PROC/CA#1/ESP#1/H#1"]


@pytest.mark.urs("URS-EXE-080")
def test_an_event_subprocess_that_is_stopped_ends_its_level(small_plant: Plant) -> None:
    small_plant.run(TAKEN_OVER.data)
    small_plant.do(commands.signal, "spill")
    small_plant.do(commands.stop, "PROC/OP#1/ESP#1", reason="nothing to clean")
    assert small_plant.ready() == ["PROC/LAST#1"]


@pytest.mark.urs("URS-EXE-030")
def test_the_way_of_a_level_says_what_took_it_over(small_plant: Plant) -> None:
    small_plant.run(TAKEN_OVER.data)
    assert marks(small_plant, "PROC/OP#1")["ESP"] is Mark.TO_COME
    small_plant.do(commands.signal, "spill")
    assert marks(small_plant, "PROC/OP#1")["ESP"] is Mark.ACTIVE
    assert marks(small_plant, "PROC/OP#1")["A"] is Mark.CANCELLED
    small_plant.complete("PROC/OP#1/ESP#1/H#1", "PROC/LAST#1")
    assert marks(small_plant, "PROC/OP#1")["ESP"] is Mark.DONE


@pytest.mark.urs("URS-EXE-030")
def test_steps_whose_event_never_happened_say_so(small_plant: Plant) -> None:
    small_plant.run(TAKEN_OVER.data)
    small_plant.complete("PROC/OP#1/A#1", "PROC/OP#1/B#1", "PROC/LAST#1")
    with small_plant.house.reading() as session:
        found = queries.not_executed(session, BATCH)
    assert [(each.step.key, each.cause.kind, each.cause.element) for each in found] == [
        ("H", CauseKind.EVENT, "ESP")
    ]


def marks(plant: Plant, path: str) -> dict[str, Mark]:
    with plant.house.reading() as session:
        walk = next(walk for walk in queries.route(session, BATCH) if walk.path == path)
    return {element.id: element.mark for element in walk.elements}


# Inclusive choices


@pytest.mark.urs("URS-EXE-050")
def test_an_inclusive_choice_with_a_missing_value_holds_and_asks_again(small_plant: Plant) -> None:
    small_plant.host.values["K.b0"] = True
    small_plant.run(SOME_OF)
    small_plant.complete("PROC/K#1")
    assert (small_plant.state(), small_plant.ready()) == ("held", [])
    small_plant.host.values["K.b1"] = True
    small_plant.do(commands.restart, reason="the value is there")
    assert small_plant.ready() == ["PROC/A#1", "PROC/B#1"]


@pytest.mark.urs("URS-DEV-020")
def test_people_may_choose_one_way_where_an_inclusive_choice_is_held(small_plant: Plant) -> None:
    small_plant.run(SOME_OF)
    small_plant.complete("PROC/K#1")
    with small_plant.house.reading() as session:
        held = detours.blockages(session, BATCH, at=small_plant.clock.now())
    assert [way.name for way in held[0].ways] == ["S_A", "S_B", "S_C"]
    small_plant.do(detours.take, "PROC/S#1", "S_B")
    small_plant.do(commands.restart, reason="as decided")
    small_plant.complete("PROC/B#1", "PROC/LAST#1")
    assert small_plant.state() == "complete"


@pytest.mark.urs("URS-EXE-030")
def test_an_inclusive_join_waits_for_the_last_branch(small_plant: Plant) -> None:
    small_plant.host.values.update(BOTH.values)
    small_plant.run(SOME_OF)
    small_plant.complete("PROC/K#1", "PROC/B#1", "PROC/A#1")
    assert small_plant.ready() == ["PROC/A2#1"]
    assert facts(small_plant, "join.complete") == []
    small_plant.complete("PROC/A2#1")
    assert facts(small_plant, "join.complete") == ["PROC/J#1"]
    assert marks(small_plant, "PROC")["C"] is Mark.NOT_TAKEN


def test_a_branch_that_is_interrupted_away_frees_the_inclusive_join(small_plant: Plant) -> None:
    small_plant.host.values["K.b0"] = True
    small_plant.run(
        bpmn(
            signal("sig", "skip"),
            level(
                "PROC",
                [
                    "K > S",
                    flow("S", "A", "K.b0"),
                    flow("S", "B"),
                    "A > J > LAST > end",
                    "B > J",
                    "E > gone",
                    flow("S", "C", "K.b0"),
                    "C > J",
                ],
                task("K", step("K", '<bw:parameter code="b0" dataType="boolean"/>', kind="entry")),
                inclusive("S", default="S_B"),
                task("A"),
                task("B"),
                task("C"),
                boundary("E", "C", named("signal", "sig")),
                end("gone"),
                inclusive("J"),
                task("LAST"),
            ),
        )
    )
    small_plant.complete("PROC/K#1", "PROC/A#1")
    assert small_plant.ready() == ["PROC/C#1"]
    small_plant.do(commands.signal, "skip")
    assert small_plant.ready() == ["PROC/LAST#1"]
