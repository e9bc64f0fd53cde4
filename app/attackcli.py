"""The command `attack`: published manipulations of a copy of the site, and what finds them."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import click

from app.attack import report, running
from core import logs
from core.settings import Settings
from core.types import to_json


@click.command()
@click.option("--to", type=click.Path(path_type=Path), help="folder for the copies, emptied again")
@click.option("--only", metavar="NAME", help="one manipulation instead of all")
@click.option("--json", "as_json", is_flag=True, help="report for machines")
@click.option("--page", type=click.Path(path_type=Path), help="write the documentation page here")
@click.option("--list", "listing", is_flag=True, help="name the manipulations and do nothing")
@click.pass_obj
def attack(
    settings: Settings,
    to: Path | None,
    only: str | None,
    as_json: bool,
    page: Path | None,
    listing: bool,
) -> None:
    """Attack a COPY of the site in every published way and tell what found it, and how fast.

    Exit code 0 when everything went as the threat model says, else 1. The site is only read.
    """
    chosen = running.named(only)
    if listing:
        for each in chosen:
            click.echo(f"{each.name:<50} {each.does}")
        return
    logs.configure(level="CRITICAL")  # what the copies log about being attacked is the report's
    with tempfile.TemporaryDirectory(prefix="batchwright-") as aside:
        say = running.silent if as_json else click.echo
        outcomes = running.attack(settings, to or Path(aside), chosen=chosen, say=say)
    if page is not None:
        page.write_text(report.page(outcomes), encoding="utf-8")
    told = [to_json(report.as_json(outcomes))] if as_json else report.lines(outcomes)
    for line in told:
        click.echo(line)
    sys.exit(0 if report.succeeded(outcomes) else 1)
