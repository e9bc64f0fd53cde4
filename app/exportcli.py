"""The `export` command: evidence bundles for auditors (URS-REC-070, URS-REP-040)."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from app import exporting
from app.exporting import Asked
from core.settings import Settings
from ebr.bundle import Options

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@click.argument("batches", nargs=-1)
@click.option("--to", "folder", type=click.Path(path_type=Path), default=Path("."))
@click.option("--from-day", "first", type=DAY, help="records that began on this day or later")
@click.option("--to-day", "last", type=DAY, help="records that began on this day or earlier")
@click.option("--trends", is_flag=True, help="the raw samples behind each trend, too")
@click.option("--no-attachments", is_flag=True, help="leave out the files of the records")
@click.pass_obj
def export(
    settings: Settings,
    batches: tuple[str, ...],
    folder: Path,
    first: datetime | None,
    last: datetime | None,
    trends: bool,
    no_attachments: bool,
) -> None:
    """Write the evidence bundle of a batch, and the keys that its reader needs to trust.

    Several batches, or those of a time, become one package, which is verified in one call. Broken
    off and called again, it goes on where it stopped.
    """
    if not batches and first is None and last is None:
        raise click.UsageError("name a batch, or the days on which records began")
    asked = Asked(
        numbers=batches,
        first=None if first is None else first.date(),
        last=None if last is None else last.date(),
    )
    options = Options(attachments=not no_attachments, trends=trends)
    made = exporting.export(settings, asked, folder, options, click.echo)
    for line in made.lines():
        click.echo(line)
