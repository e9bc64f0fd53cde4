"""One level on SpiffWorkflow: what its own tree got wrong in the trials must be right here."""

from __future__ import annotations

import json

import pytest

from core.errors import BrokenPromise
from engine import spiff
from engine.lowering import DONE, lower
from engine.spiff import Live
from tests.support.bpmn import bpmn, exclusive, flow, parallel, task
from tests.support.running import level
from workflows.importing import import_procedure


def spec_of(text: str) -> object:
    procedure = import_procedure(bpmn(text)).procedure
    return spiff.build(lower(procedure.level("PROC"))[None])


def names(live: Live) -> list[str]:
    return [name for _, name in live.open_places()]


def finish(live: Live, name: str, outcome: str = DONE) -> None:
    number = next(number for number, found in live.open_places() if found == name)
    live.finish(number, outcome)


def reload(spec: object, live: Live) -> Live:
    return Live.load(spec, live.text())


LOOPED_JOIN = level(
    "PROC",
    ["OUT > M", "OUT > Z > IN", "M > S", "S > A > J", "S > B > J", "J > X", "IN > end"],
    parallel("OUT"),
    exclusive("M"),
    parallel("S"),
    task("A"),
    task("B"),
    parallel("J"),
    exclusive("X", default="X_IN"),
    task("Z"),
    parallel("IN"),
    extra=[flow("X", "M", "1 > 2", max_rounds=200), flow("X", "IN")],
)


def test_an_arrival_of_an_earlier_round_does_not_open_a_join_of_this_round() -> None:
    spec = spec_of(LOOPED_JOIN)
    live = reload(spec, Live.begin(spec))
    for first, second in (("A", "B"), ("B", "A"), ("A", "B")):
        finish(live, first)
        live = reload(spec, live)
        assert sorted(names(live)) == sorted([second, "Z"])
        finish(live, second)
        assert sorted(names(live)) == ["X", "Z"]
        finish(live, "X", "X_M")
        live = reload(spec, live)
    finish(live, "A")
    finish(live, "B")
    finish(live, "X", "X_IN")
    assert names(live) == ["Z"]
    finish(live, "Z")
    assert live.is_complete


def test_the_text_does_not_grow_with_rounds() -> None:
    spec = spec_of(LOOPED_JOIN)
    live, sizes = Live.begin(spec), []
    for _ in range(200):
        finish(live, "A")
        finish(live, "B")
        finish(live, "X", "X_M")
        live = reload(spec, live)
        sizes.append(len(json.loads(live.text())["tasks"]))
    assert set(sizes[1:]) == {sizes[1]}


def test_fourteen_joins_in_a_row_are_not_predicted_branch_by_branch() -> None:
    nodes, chain = [], []
    for n in range(14):
        nodes += [parallel(f"S{n}"), task(f"A{n}"), task(f"B{n}"), parallel(f"J{n}")]
        chain += [f"S{n} > A{n} > J{n}", f"S{n} > B{n} > J{n}"]
        chain.append(f"J{n} > S{n + 1}" if n < 13 else "J13 > end")
    spec = spec_of(level("PROC", ["S0", *chain], *nodes))
    live = Live.begin(spec)
    for n in range(14):
        assert len(json.loads(live.text())["tasks"]) < 40
        finish(live, f"A{n}")
        live = reload(spec, live)
        finish(live, f"B{n}")
    assert live.is_complete


def test_equal_moves_give_equal_text() -> None:
    texts = []
    for _ in range(2):
        spec = spec_of(LOOPED_JOIN)
        live = Live.begin(spec)
        finish(live, "A")
        texts.append(reload(spec, live).text())
    assert texts[0] == texts[1]


def test_a_place_that_is_not_open_cannot_be_finished() -> None:
    spec = spec_of(LOOPED_JOIN)
    live = Live.begin(spec)
    number = next(number for number, name in live.open_places() if name == "A")
    live.finish(number, DONE)
    with pytest.raises(BrokenPromise, match="not open"):
        live.finish(number, DONE)


def test_a_level_deeper_than_spiffworkflow_can_see_fails_loudly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from engine.errors import LevelTooDeep

    monkeypatch.setattr(spiff, "DEEPEST", 3)
    with pytest.raises(LevelTooDeep):
        Live.begin(spec_of(LOOPED_JOIN)).text()


def test_a_text_of_another_format_is_not_read() -> None:
    spec = spec_of(LOOPED_JOIN)
    with pytest.raises(BrokenPromise, match="format 0"):
        Live.load(spec, '{"v":0,"next":1,"tasks":[]}')


def test_the_text_holds_places_and_no_value() -> None:
    spec = spec_of(LOOPED_JOIN)
    live = Live.begin(spec)
    finish(live, "A")
    held = json.loads(live.text())
    assert set(held) == {"v", "next", "tasks"}
    for number, above, name, state in held["tasks"]:
        assert isinstance(number, int)
        assert above is None or isinstance(above, int)
        assert isinstance(name, str)
        assert isinstance(state, int)


def test_the_text_says_the_same_with_its_keys_in_another_order() -> None:
    spec = spec_of(LOOPED_JOIN)
    live = Live.begin(spec)
    finish(live, "A")
    text = live.text()
    other = json.dumps(json.loads(text), sort_keys=True)
    assert Live.load(spec, other).text() == Live.load(spec, text).text()
