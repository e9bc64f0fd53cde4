"""The `keys` commands: which keys the site has, and their rotation by two people."""

from __future__ import annotations

import click

from app import rotating
from app.bootstrap import opened
from app.rotating import CONFIRM, CONFIRMED, DECIDE, DECIDED, Second
from core.actors import Actor
from core.house import House
from core.settings import Settings
from personnel import permissions, queries, signing
from personnel.signing import Confirmation

TERMINAL = "command line"


@click.group()
def keys() -> None:
    """Keys of the site: what there is, and exchanging one for a new one."""


@keys.command("list")
@click.pass_obj
def list_keys(settings: Settings) -> None:
    """Every key in use, those that wait to take over, and former ones that still verify."""
    with opened(settings) as house:
        for line in rotating.listed(house, settings):
            since = f"{line.since:%Y-%m-%d %H:%M %Z}" if line.since else "the site was made"
            click.echo(f"{line.kind:7} {line.state:10} {line.name}  ({line.signs}; since {since})")
    click.echo(f"a key is exchanged by two people: {DECIDE} and {CONFIRM}")


@keys.command()
@click.argument("kind")
@click.argument("reason")
@click.option("--as", "badge", prompt="badge of the quality unit, who decides")
@click.option("--second", prompt="badge of the second person, who confirms")
@click.pass_obj
def rotate(settings: Settings, kind: str, reason: str, badge: str, second: str) -> None:
    """Exchange the key of a KIND (log, export, seal, web) for a new one, also while batches run.

    Two people sign; what was signed before stays valid. Hand out a new trust.json afterwards.
    """
    with opened(settings) as house:
        chosen = rotating.kind_of(kind)
        change = rotating.prepared(house, settings, chosen, reason)
        click.echo(f"old {change.old}\nnew {change.new}")
        with house.reading() as session:
            done = rotating.announced(session, chosen, change.new)
        if not done:
            _signed(house, change, badge, second)
        rotating.carry_out(house, settings, chosen)
        click.echo(f"the {kind} key was rotated")


def _signed(house: House, change: rotating.Change, badge: str, second: str) -> None:
    first = _actor(house, badge, DECIDE)
    other = Second(actor=_actor(house, second, CONFIRM))
    shown = house.rehearse(rotating.announce, change, other, by=first, rehearsal=True)
    digest = shown.digest()
    given = _confirmed(house, first, digest, DECIDED)
    other = Second(
        actor=other.actor, confirmation=_confirmed(house, other.actor, digest, CONFIRMED)
    )
    house.perform(rotating.announce, change, other, by=first, signed_by=given)


def _actor(house: House, badge: str, permission: str) -> Actor:
    """The person in a role that holds the permission. Raises NotPermitted."""
    with house.reading() as session:
        nobody = queries.actor(session, badge, role="", terminal=TERMINAL)
        role = permissions.require(session, nobody, permission)
        return queries.actor(session, badge, role=role, terminal=TERMINAL)


def _confirmed(house: House, who: Actor, digest: str, meaning: str) -> Confirmation:
    passphrase = click.prompt(f"passphrase of {who.name} ({who.id})", hide_input=True)
    return signing.confirm(
        house, badge=who.id, passphrase=passphrase, digest=digest, meaning=meaning,
        terminal=TERMINAL,
    )  # fmt: skip
