"""The `user` commands: accounts and roles, done by an administrator who proves to be one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import click

from app.bootstrap import opened
from core.actors import Actor
from core.clock import local, show
from core.house import House, moment
from core.settings import Settings
from personnel import commands, credentials, invitations, queries, sessions
from personnel.queries import AccessLine
from personnel.rules import LONGEST_INVITATION, WHOLE_SITE, product_scope

TERMINAL = "command line"


@click.group()
@click.option("--as", "badge", help="badge of the administrator who acts")
@click.pass_context
def user(context: click.Context, badge: str | None) -> None:
    """People and their accounts."""
    context.meta["badge"] = badge


@user.command("list")
@click.option(
    "--at",
    "day",
    type=click.DateTime(formats=["%Y-%m-%d"]),
    help="as of noon of that day, site time; now if not given",
)
@click.pass_obj
def list_people(settings: Settings, day: datetime | None) -> None:
    """Everybody with roles, as of now or of a day."""
    with opened(settings) as house, house.reading() as session:
        now = moment(session)
        at = now.site
        if day is not None:
            at = day.replace(hour=12, tzinfo=ZoneInfo(now.zone)).astimezone(UTC)
        for line in queries.access_report(session, at):
            click.echo(_line(line, now.zone))


def _line(line: AccessLine, zone: str) -> str:
    until = f" until {show(line.until, zone)}" if line.until else ""
    scope = f" for {line.scope}" if line.scope != WHOLE_SITE else ""
    since = f"since {local(line.starts_at, zone):%Y-%m-%d}"
    return f"{line.badge:8} {line.name:24} {line.role:10} {since}{until}{scope}"


@user.command()
@click.argument("badge")
@click.argument("name")
@click.pass_context
def add(context: click.Context, badge: str, name: str) -> None:
    """Add a person; a role and a first secret come after."""
    house, by = _administrator(context)
    house.perform(commands.add_person, badge, name, natural_key=f"N-{badge}", by=by)
    click.echo(f"{badge} {name} was added")


@user.command("request-role")
@click.argument("badge")
@click.argument("role")
@click.argument("reason")
@click.option("--product", help="limit an inspector to the records of one product")
@click.pass_context
def request_role(
    context: click.Context, badge: str, role: str, reason: str, product: str | None
) -> None:
    """Ask that a person gets a role; another administrator grants it."""
    house, by = _administrator(context)
    scope = product_scope(product) if product else WHOLE_SITE
    asked = house.perform(commands.request_role, badge, role, reason=reason, scope=scope, by=by)
    click.echo(f"request {asked}: another administrator runs user grant-role {asked}")


@user.command("grant-role")
@click.argument("request", type=click.UUID)
@click.pass_context
def grant_role(context: click.Context, request: UUID) -> None:
    """Grant a role that another administrator asked for."""
    house, by = _administrator(context)
    house.perform(commands.grant_role, request, by=by)
    click.echo("granted")


@user.command()
@click.argument("badge")
@click.argument("reason")
@click.option("--days", type=click.IntRange(1, LONGEST_INVITATION.days), default=7)
@click.pass_context
def invite(context: click.Context, badge: str, reason: str, days: int) -> None:
    """Open a prepared account for some days and issue its single-use secret.

    The role was asked for by another administrator (user request-role).
    """
    house, by = _administrator(context)
    made = house.perform(
        invitations.invite, badge, lasting=timedelta(days=days), reason=reason, by=by
    )
    with house.reading() as session:
        until = show(made.until, moment(session).zone)
    click.echo(f"{made.badge} reads as {made.role} for {made.scope} until {until}")
    click.echo(f"single-use secret for {made.badge}, 30 minutes: {made.secret}")


@user.command()
@click.argument("badge")
@click.argument("reason")
@click.pass_context
def reset(context: click.Context, badge: str, reason: str) -> None:
    """Issue a single-use secret with which the person sets a new passphrase."""
    house, by = _administrator(context)
    secret = house.perform(credentials.issue_secret, badge, reason=reason, by=by)
    click.echo(f"single-use secret for {badge}, 30 minutes: {secret}")


@user.command()
@click.argument("badge")
@click.argument("reason")
@click.pass_context
def unlock(context: click.Context, badge: str, reason: str) -> None:
    """Unlock an account after too many wrong passphrases."""
    house, by = _administrator(context)
    house.perform(credentials.unlock_account, badge, reason=reason, by=by)
    click.echo(f"{badge} is unlocked")


@user.command()
@click.argument("badge")
@click.argument("reason")
@click.pass_context
def deactivate(context: click.Context, badge: str, reason: str) -> None:
    """Deactivate an account at once; its name stays in every record."""
    house, by = _administrator(context)
    house.perform(commands.deactivate_person, badge, reason=reason, by=by)
    click.echo(f"{badge} is deactivated")


def _administrator(context: click.Context) -> tuple[House, Actor]:
    settings: Settings = context.obj
    badge = context.meta["badge"] or click.prompt("badge of the administrator")
    house = context.with_resource(opened(settings))
    passphrase = click.prompt("passphrase", hide_input=True)
    signed_in = sessions.login(house, badge, passphrase, terminal=TERMINAL)
    with house.reading() as session:
        actor = queries.actor(session, signed_in.badge, role="ADMIN", terminal=TERMINAL)
    context.call_on_close(lambda: sessions.logout(house, signed_in.token))
    return house, actor
