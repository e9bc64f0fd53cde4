"""The `anchors` commands: the key that a log witness needs, and how the anchors stand."""

from __future__ import annotations

import click

from app.bootstrap import opened
from audit import anchors as standings
from audit import checkpoints
from core.clock import show as shown
from core.house import moment
from core.settings import Settings


@click.group()
def anchors() -> None:
    """What vouches for this site's log outside: witness, file, time stamps."""


@anchors.command()
@click.pass_obj
def key(settings: Settings) -> None:
    """Print the public key of the log: a log witness needs it (log-witness trust KEY)."""
    with opened(settings) as house:
        click.echo(house.services["site_keys"].log.vkey)


@anchors.command()
@click.pass_context
def show(context: click.Context) -> None:
    """How each anchor stands; ends with 1 when one is silent or the log is late."""
    with opened(context.obj) as house, house.reading() as session:
        newest = checkpoints.latest(session)
        click.echo(f"newest checkpoint: size {newest.size if newest else 0}")
        found, late = standings.standing(session), standings.log_is_late(session)
        zone = moment(session).zone
    for at in found:
        when = "never" if at.succeeded_at is None else shown(at.succeeded_at, zone)
        silent = " SILENT" if at.silent else ""
        click.echo(f"{at.kind} {at.name}: size {at.size}, last {when}{silent}")
        if at.problem:
            click.echo(f"    {at.problem}")
    if late:
        click.echo("the log is LATE: entries wait longer than 5 s for their place")
    if late or any(at.silent for at in found):
        context.exit(1)
