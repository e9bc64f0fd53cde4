"""The small graphs that SpiffWorkflow runs."""

from __future__ import annotations

from dataclasses import replace

import pytest

from engine.errors import NotExecutable
from engine.lowering import DONE, JOINED, Edge, PlaceKind, lower
from tests.support.bpmn import (
    boundary,
    bpmn,
    end,
    event_gateway,
    exclusive,
    flow,
    inclusive,
    parallel,
    task,
    timer,
    wait,
)
from tests.support.running import level
from workflows.importing import import_procedure
from workflows.model import Flow, Level

BESIDE = level(
    "PROC",
    ["A > end", "EV > B > He"],
    task("A"),
    boundary("EV", "A", timer("cycle", "R/PT15M"), interrupting=False),
    task("B"),
    end("He"),
)


def read(text: str) -> Level:
    return import_procedure(bpmn(text)).procedure.level("PROC")


def test_a_handler_beside_its_host_is_a_graph_of_its_own() -> None:
    graphs = lower(read(BESIDE))
    assert set(graphs) == {None, "EV"}
    assert {place.node for place in graphs[None].places} == {"PROC_start", "A", "PROC_end", None}
    assert {place.node for place in graphs["EV"].places} == {"EV", "B", "He", None}
    assert graphs["EV"].entry == "n:EV"


def test_an_interrupting_boundary_is_one_of_the_outcomes_of_its_host() -> None:
    text = level(
        "PROC",
        ["A > M > end"],
        task("A"),
        boundary("EV", "A", timer("duration", "PT15M")),
        exclusive("M"),
        extra=[flow("EV", "M")],
    )
    graph = lower(read(text))[None]
    leaving = {edge for edge in graph.edges if edge.source == "c:A"}
    assert leaving == {Edge("c:A", "n:M", DONE), Edge("c:A", "n:EV", "EV")}


def test_every_flow_into_a_join_has_a_place_of_its_own() -> None:
    text = level(
        "PROC",
        ["S > A > J", "S > B > J", "J > end"],
        parallel("S"),
        task("A"),
        task("B"),
        parallel("J"),
    )
    graph = lower(read(text))[None]
    assert {edge.source for edge in graph.edges if edge.target == "n:J"} == {"f:A_J", "f:B_J"}


def test_what_waits_is_a_waiting_place_and_a_choice_stands_behind_it() -> None:
    kinds = {place.name: place.kind for place in lower(read(BESIDE))[None].places}
    assert (kinds["n:A"], kinds["c:A"]) == (PlaceKind.WAIT, PlaceKind.CHOICE)
    assert kinds["n:PROC_start"] is PlaceKind.PASS


def test_a_handler_that_runs_into_the_main_flow_is_not_executed() -> None:
    drawn = read(BESIDE)
    wrong = [f for f in drawn.flows if f.source != "B"]
    merged = replace(drawn, flows=(*wrong, Flow(id="f", source="B", target="A")))
    with pytest.raises(NotExecutable, match="the handler of EV runs into A"):
        lower(merged)


def test_the_events_behind_a_gateway_are_its_outcomes_and_wait_no_more() -> None:
    text = level(
        "PROC",
        ["G > T1 > M > A > end", "G > T2 > M"],
        event_gateway("G"),
        wait("T1", timer("duration", "PT1H")),
        wait("T2", timer("date", "2026-03-02T07:00:00Z")),
        exclusive("M"),
        task("A"),
    )
    graph = lower(read(text))[None]
    kinds = {place.name: place.kind for place in graph.places}
    leaving = {edge for edge in graph.edges if edge.source == "c:G"}
    assert leaving == {Edge("c:G", "n:T1", "T1"), Edge("c:G", "n:T2", "T2")}
    assert (kinds["n:G"], kinds["n:T1"]) == (PlaceKind.WAIT, PlaceKind.PASS)


def test_an_inclusive_choice_takes_several_ways_and_its_join_lets_one_arrival_go_on() -> None:
    text = level(
        "PROC",
        ["A > S > C > J > end", flow("S", "B", "A.round < 3"), "B > J"],
        task("A"),
        inclusive("S", default="S_C"),
        task("B"),
        task("C"),
        inclusive("J"),
    )
    graph = lower(read(text))[None]
    kinds = {place.name: place.kind for place in graph.places}
    assert kinds["c:S"] is PlaceKind.SEVERAL
    leaving = {edge for edge in graph.edges if edge.source == "c:J"}
    assert leaving == {Edge("c:J", "n:PROC_end", DONE), Edge("c:J", "e:J", JOINED)}
    assert "e:J" in graph.ends
