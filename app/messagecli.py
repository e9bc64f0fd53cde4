"""The `message` commands: what a batch waits for, and passing on what came from outside."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import click

from app.bootstrap import opened
from core.actors import Actor
from core.clock import show
from core.errors import Refusal
from core.house import House, moment
from core.settings import Settings
from ebr import queries as records
from ebr.commands import messages
from ebr.commands.messages import Effect, FromOutside
from engine import commands as engine
from engine import listening
from personnel import queries as people
from personnel import sessions

TERMINAL = "command line"
ROLE = "SU"
BADGE = click.option("--as", "badge", prompt="badge of the supervisor", help="who passes it on")
SENDER = click.option("--sender", required=True, help="person or system outside that sent it")
VALUES = click.option("--value", "values", multiple=True, help="what it said, as NAME=TEXT")


@click.group()
def message() -> None:
    """Messages and signals from outside to a batch."""


@message.command()
@click.argument("batch")
@click.pass_context
def waiting(context: click.Context, batch: str) -> None:
    """List the messages and signals that a batch waits for now."""
    house = _house(context)
    with house.reading() as session:
        run = records.run_of(session, batch)
        now = moment(session)
        found = listening.listening(session, run.stream, at=now.site)
        for place in found:
            wanted = f" for {place.correlation or '(not known yet)'}" if place.correlated else ""
            since = show(place.since, now.zone)
            click.echo(f"{place.form} {place.name}{wanted}, at {place.at}, since {since}")
    if not found:
        click.echo(f"{batch} waits for nothing from outside")


@message.command()
@click.argument("batch")
@click.argument("name")
@BADGE
@SENDER
@click.option("--for", "correlation", help="what it is for: a lot, a sample")
@VALUES
@click.option("--keep", help="keep it that long if nothing waits yet, such as PT8H")
@click.pass_context
def send(
    context: click.Context,
    batch: str,
    name: str,
    badge: str,
    sender: str,
    correlation: str | None,
    values: Sequence[str],
    keep: str | None,
) -> None:
    """Pass on a message: one event of the batch that waits for it takes it."""
    house, by = _supervisor(context, badge)
    sent = FromOutside(
        record=_stream(house, batch),
        name=name,
        sender=sender,
        correlation=correlation,
        payload=_payload(values),
        keep=keep,
    )
    _do(house, messages.send_message, sent, by)


@message.command()
@click.argument("name")
@click.option("--batch", help="only this batch; all of the site that wait plant-wide if not given")
@BADGE
@SENDER
@VALUES
@click.pass_context
def signal(
    context: click.Context,
    name: str,
    batch: str | None,
    badge: str,
    sender: str,
    values: Sequence[str],
) -> None:
    """Pass on a signal: everything that waits for it goes on, in each batch by itself.

    A batch that refuses it is told and keeps no other from it.
    """
    house, by = _supervisor(context, badge)
    sent = FromOutside(record="", name=name, sender=sender, payload=_payload(values))
    reached = [_stream(house, batch)] if batch else _waiting(house, name)
    if not reached:
        click.echo(f"no batch of the site waits for {name}")
    taken = [_took(house, replace(sent, record=stream), by) for stream in reached]
    if not all(taken):
        context.exit(3)


def _waiting(house: House, name: str) -> list[str]:
    with house.reading() as session:
        return engine.runs_waiting_plant_wide(session, name)


def _took(house: House, sent: FromOutside, by: Actor) -> bool:
    try:
        _do(house, messages.send_signal, sent, by)
    except Refusal as refusal:
        click.echo(f"refused: {refusal}", err=True)
        return False
    return True


def _do(house: House, command: Callable[..., Effect], sent: FromOutside, by: Actor) -> None:
    effect = house.perform(command, sent, by=by, record=sent.record)
    with house.reading() as session:
        zone = moment(session).zone
    number = sent.record.partition("/")[2]
    if effect.kept_until is not None:
        click.echo(f"{number}: nobody waits yet, kept until {show(effect.kept_until, zone)}")
        return
    opened_steps = f", opened {', '.join(effect.opened)}" if effect.opened else ""
    click.echo(f"{number}: released {', '.join(effect.released)}{opened_steps}")


def _payload(values: Sequence[str]) -> dict[str, str]:
    found = dict(value.partition("=")[::2] for value in values)
    if len(found) != len(values) or not all("=" in value for value in values):
        raise click.BadParameter("each value is NAME=TEXT, each name once", param_hint="--value")
    return found


def _stream(house: House, batch: str) -> str:
    with house.reading() as session:
        return records.run_of(session, batch).stream


def _house(context: click.Context) -> House:
    settings: Settings = context.find_root().obj
    return context.with_resource(opened(settings))


def _supervisor(context: click.Context, badge: str) -> tuple[House, Actor]:
    house = _house(context)
    passphrase = click.prompt("passphrase", hide_input=True)
    signed_in = sessions.login(house, badge, passphrase, terminal=TERMINAL)
    context.call_on_close(lambda: sessions.logout(house, signed_in.token))
    with house.reading() as session:
        actor = people.actor(session, signed_in.badge, role=ROLE, terminal=TERMINAL)
    return house, actor
