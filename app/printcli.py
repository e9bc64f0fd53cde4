"""The `print` command: any registered kind of document as a file, without a browser."""

from __future__ import annotations

from pathlib import Path

import click

from app.bootstrap import opened, require_site
from core.actors import Actor
from core.settings import Settings
from ebr import issuing, printables
from ebr.bundle import put
from ebr.report.models import RECORD_KIND

PRINTER = Actor.service("print", trigger="command line")


@click.command(name="print")
@click.argument("kind", required=False)
@click.argument("subject", nargs=-1)
@click.option("--to", "folder", type=click.Path(path_type=Path), default=Path("."))
@click.pass_obj
def print(settings: Settings, kind: str | None, subject: tuple[str, ...], folder: Path) -> None:
    """Issue a sealed document and write its file; without a kind, list the kinds.

    The subject is told as NAME=VALUE: record=B-2041, day=2026-03-02, unit=GRA-01
    since=2026-03-01 until=2026-03-31, code=REC-0017 number=1.
    """
    require_site(settings)
    told = _subject(subject)
    with opened(settings) as house:
        if kind is None:
            for name in sorted({RECORD_KIND, *house.services[printables.KINDS]}):
                click.echo(name)
            return
        with house.reading() as session:
            issuing.kind_of(house.services, kind).require(session, told, by=PRINTER)
        made = issuing.issue_document(house, kind, told, by=PRINTER)
        with house.reading() as session:
            found = issuing.document(session, made)
            name, data = found.name, issuing.current_file(session, made)
    click.echo(put(folder, name, data))


def _subject(words: tuple[str, ...]) -> dict[str, str]:
    pairs = [word.partition("=") for word in words]
    if not all(name and sign and text for name, sign, text in pairs):
        raise click.UsageError("what the document is about is told as NAME=VALUE")
    return {name: text for name, _sign, text in pairs}
