"""One move of a run in a process of its own, as after a restart of everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context
from typing import Any, Literal

from engine import commands, queries
from tests.support.running import Plant

Word = Literal[
    "complete", "minutes", "event", "signal", "message", "condition", "over", "hold", "restart"
]
Move = tuple[Word, Any]
"""What happens: a step done, minutes passing, something that is waited for, a hold, a restart.

``condition`` says that one holds, ``over`` that it holds no more.
"""


@dataclass(frozen=True)
class Scene:
    """Where the process finds things: database, values that the host knows, minutes so far."""

    url: str
    values: Mapping[str, Any]
    minutes: int


def make(scene: Scene, move: Move) -> None:
    """Do one move with a plant made for it alone."""
    plant = Plant(scene.url)
    plant.host.values.update(scene.values)
    try:
        plant.clock.move(timedelta(minutes=scene.minutes))
        do(plant, move)
    finally:
        plant.close()


def do(plant: Plant, move: Move) -> None:
    """Do one move."""
    word, what = move
    if word == "complete":
        plant.complete(what)
    elif word == "minutes":
        plant.pass_time(timedelta(minutes=what))
    elif word == "event":
        name, origin = what
        assert plant.do(commands.raise_event, name, origin_path=origin)
    elif word == "signal":
        assert plant.do(commands.signal, what)
    elif word == "message":
        name, correlation = what
        assert plant.do(commands.send_message, name, correlation=correlation)
    elif word == "condition":
        assert meet(plant, what)
    elif word == "over":
        assert plant.do(commands.condition_over, watched(plant, what))
    elif word == "hold":
        plant.do(commands.hold, what, reason="alarm")
    else:
        plant.do(commands.restart, what, reason="alarm cleared")


def meet(plant: Plant, element: str) -> list[str]:
    """The condition of an event holds."""
    found = watched(plant, element)
    told: list[str] = plant.do(commands.condition_met, found, inputs={"K.b0": "true"})
    return told


def watched(plant: Plant, element: str) -> str:
    """What waits for the condition of an event."""
    with plant.house.reading() as session:
        found = next(each for each in queries.watched(session) if each.element == element)
    return found.subscription


def make_elsewhere(scene: Scene, move: Move) -> None:
    """Do one move in a new process; its modules are loaded, but it holds nothing of any run."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["tests.support.moving"])
    process = context.Process(target=make, args=(scene, move))
    process.start()
    process.join(60)
    assert process.exitcode == 0, f"{move} failed in its process ({process.exitcode})"
