"""The commands `backup`, `backup-key`, `restore` and `drill` (URS-BAK-010 to URS-BAK-040)."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import click

from app.backup import age, drilling, making, plan, restoring
from app.bootstrap import opened
from core.actors import Actor
from core.errors import BrokenPromise
from core.settings import Settings

OPERATOR = Actor.service("backup", trigger="the command line")
FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True)
@click.option("--recipient", required=True, help="who can open it: age1...")
@click.option("--escrow", help="who can open the private keys inside: another age1...")
@click.pass_obj
def backup(settings: Settings, folder: Path, recipient: str, escrow: str | None) -> None:
    """Write one encrypted backup of the whole site, while people work.

    Without --escrow it has no private keys: it verifies everywhere, but no site can go on from it.
    """
    order = making.Order(folder=folder, recipient=recipient, escrow=escrow)
    with opened(settings) as house:
        made = making.back_up(house, settings, order, by=OPERATOR, now=datetime.now(UTC))
    click.echo(f"{made.file}\nsha256 {made.sha256}")
    click.echo(f"{made.size} bytes, log of {made.manifest.log_size} entries")


@click.command()
@click.argument("file", type=FILE)
def backup_key(file: Path) -> None:
    """Make a key for backups: the secret goes into FILE, its recipient is printed.

    Keep FILE away from the site: whoever has it can read every backup.
    """
    secret, recipient = age.new_identity()
    try:
        made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as problem:
        raise BrokenPromise(f"{file} cannot be made: {problem.strerror}") from None
    with os.fdopen(made, "w", encoding="ascii") as written:
        written.write(f"# recipient: {recipient}\n{secret}\n")
    click.echo(recipient)


@click.command()
@click.argument("file", type=FILE)
@click.option("--to", "folder", type=click.Path(path_type=Path), required=True)
@click.option("--identity", type=FILE, required=True, help="file with the key of the backup")
@click.option("--escrow-identity", "escrow", type=FILE, help="file with the key of the escrow")
@click.option("--owner-url", help="empty PostgreSQL database, as the owner of its schema")
@click.option("--database-url", help="the same database, as the role of the application")
def restore(
    file: Path,
    folder: Path,
    identity: Path,
    escrow: Path | None,
    owner_url: str | None,
    database_url: str | None,
) -> None:
    """Restore a backup into a new folder and verify all of it; never over a site."""
    if (owner_url is None) != (database_url is None):
        raise click.UsageError("--owner-url and --database-url belong together")
    server = None
    if owner_url is not None and database_url is not None:
        server = restoring.Server(owner_url=owner_url, url=database_url)
    done = restoring.restore(
        file,
        folder.absolute(),
        plan.identity_of(identity),
        escrow=None if escrow is None else plan.identity_of(escrow),
        database=server,
    )
    click.echo(f"restored the state of {done.manifest.taken_at} into {done.folder}")
    for line in done.report.lines():
        click.echo(line)
    if not done.keys:
        click.echo("without private keys: for reading and verifying, not for work")


@click.command()
@click.option("--identity", type=FILE, required=True, help="file with the key of the backup")
@click.pass_obj
def drill(settings: Settings, identity: Path) -> None:
    """Restore the newest backup beside the site, verify it, and throw it away again.

    What was counted and measured is kept as a report, which a person signs on the page /backups.
    For a site on PostgreSQL, BATCHWRIGHT_DRILL_DATABASE names an empty database.
    """
    plan.identity_of(identity)  # a slip of the keyboard is no failed drill
    now = datetime.now(UTC)
    with opened(settings) as house:
        done = drilling.drill(house, settings, identity, by=OPERATOR, now=now, scheduled=False)
    for line in drilling.lines(done):
        click.echo(line)
