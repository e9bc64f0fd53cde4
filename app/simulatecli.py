"""The `simulate` commands: play the plant of a demonstration site; every act is audited."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import click

from app import cell, clock
from app.bootstrap import opened
from app.presenting import present
from core.actors import Actor
from core.settings import Settings

PRESENTER = Actor.service("presenter", trigger="command line")


@click.group()
def simulate() -> None:
    """Play the plant of a demonstration site: scales, machines, lines, the clock."""


def _play(settings: Settings, act: str, **arguments: Any) -> None:
    with opened(settings) as house:
        click.echo(present(house, cell.known(settings), act, arguments, by=PRESENTER))


def _command(name: str, help_: str, *parameters: Callable[[Any], Any]) -> None:
    @click.pass_obj
    def play(settings: Settings, /, **arguments: Any) -> None:
        _play(settings, name, **{k: v for k, v in arguments.items() if v is not None})

    play.__doc__ = help_
    wrapped: Any = play
    for parameter in reversed(parameters):
        wrapped = parameter(wrapped)
    simulate.command(name)(wrapped)


_command(
    "place",
    "Put a container of a gross mass (kg) on a scale.",
    click.argument("scale"),
    click.argument("mass", type=float),
    click.option("--label", default=""),
)
_command("remove", "Take everything off a scale.", click.argument("scale"))
_command("tare", "Press the tare key of a scale.", click.argument("scale"))
_command(
    "start",
    "Start a machine that has no command tag: a blender with its preset, a press in a mode.",
    click.argument("unit"),
    click.option("--revolutions", type=int, help="preset of a blender"),
    click.option("--speed", type=float, help="speed of a blender, /min"),
    click.option("--mode", type=click.Choice(["setup", "production"]), help="mode of a press"),
)
_command("stop", "Stop a machine that has no command tag.", click.argument("unit"))
_command(
    "charge",
    "Tell the model what was put into a unit (kg).",
    click.argument("unit"),
    click.argument("material"),
    click.argument("mass", type=float),
)
_command(
    "cut",
    "Cut the line of a device for some seconds of site time.",
    click.argument("device"),
    click.option("--seconds", type=float),
)
_command("freeze", "Freeze the values of a device.", click.argument("device"))
_command("restore", "Let a device speak again.", click.argument("device"))
_command(
    "set",
    "Set a quantity of a model, for a story.",
    click.argument("unit"),
    click.argument("quantity"),
    click.argument("value", type=float),
)


@simulate.command()
@click.pass_obj
def state(settings: Settings) -> None:
    """Show the state of the whole cell."""
    with cell.known(settings).client() as client:
        click.echo(json.dumps(client.state(), indent=1, ensure_ascii=False))


@simulate.command()
@click.argument("minutes", type=float)
@click.pass_obj
def advance(settings: Settings, minutes: float) -> None:
    """Move the site's clock forward; trends get their points."""
    with opened(settings) as house:
        to = clock.site_now(house) + timedelta(minutes=minutes)
        reached = clock.advance(house, settings, to, reason="command line", by=PRESENTER)
    click.echo(f"site time {reached.reached:%Y-%m-%d %H:%M:%S} UTC after {reached.steps} steps")
