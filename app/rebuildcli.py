"""The `rebuild` command: the site made again from its entries, and compared."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from core.settings import Settings


@click.command()
@click.option("--check", "only_check", is_flag=True, help="compare, and keep nothing")
@click.option(
    "--into", "folder", type=click.Path(path_type=Path), help="leave the rebuilt site there"
)
@click.option(
    "--print", "printed", multiple=True, metavar="BATCH", help="print these records only, not all"
)
@click.option("--no-print", is_flag=True, help="compare records by their JSON only")
@click.pass_obj
def rebuild(
    settings: Settings,
    only_check: bool,
    folder: Path | None,
    printed: tuple[str, ...],
    no_print: bool,
) -> None:
    """Make the whole site again from nothing but the entries of its log, and compare.

    Every table row by row, each record by its JSON and by its pages before the seal. The live site
    is only read and may run on. Ends with 1 when something differs; each difference is named.
    """
    if only_check == (folder is not None):
        raise click.UsageError("say either --check or --into FOLDER")
    if printed and no_print:
        raise click.UsageError("--print and --no-print exclude each other")
    from app import rebuilding

    chosen = printed if printed or no_print else None
    if folder is None:
        sys.exit(rebuilding.check(settings, say=click.echo, printed=chosen))
    sys.exit(rebuilding.into(settings, folder, say=click.echo, printed=chosen))
