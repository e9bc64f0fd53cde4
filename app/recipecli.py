"""The `recipe` commands: check a file without a site, and bring one into a site as its author."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import click

from core.settings import Settings
from workflows.errors import DefinitionRefused, Finding
from workflows.importing import Reading, read_file
from workflows.models import DefinitionVersion

Say = Callable[[str], None]
TERMINAL = "command line"
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def recipe() -> None:
    """Definitions drawn in BPMN."""


@recipe.command("check")
@click.argument("file", type=FILE)
def check_recipe(file: Path) -> None:
    """Check a BPMN file of any tool; lists everything that keeps it from running, and what to draw
    instead. Needs no site."""
    sys.exit(check(file, say=click.echo))


@recipe.command("import")
@click.argument("file", type=FILE)
@click.option("--as", "badge", prompt="badge of the author", help="badge of the author who acts")
@click.option("--code", default="", help="code of a file that has no recipe header")
@click.option("--change", required=True, help="change reference")
@click.option("--reason", required=True, help="why this version is made")
@click.pass_context
def import_recipe(
    context: click.Context, file: Path, badge: str, code: str, change: str, reason: str
) -> None:
    """Store a BPMN file, exactly as it is, as the next draft of its code. A file that does not run
    yet is kept and shown, and cannot be submitted until a better one replaces it."""
    found = _brought(context, file.read_bytes(), badge, code, change, reason)
    click.echo(f"{found['name']} is a draft, file digest {found['digest']}")
    if not found["executable"]:
        click.echo("it is not executable yet: batchwright recipe check lists why")


def _brought(
    context: click.Context, data: bytes, badge: str, code: str, change: str, reason: str
) -> dict[str, Any]:
    from app.bootstrap import opened
    from personnel import queries, sessions
    from workflows import commands

    def told(*arguments: Any, **more: Any) -> dict[str, Any]:
        return _told(commands.import_draft(*arguments, **more))

    settings: Settings = context.find_root().obj
    house = context.with_resource(opened(settings))
    passphrase = click.prompt("passphrase", hide_input=True)
    signed_in = sessions.login(house, badge, passphrase, terminal=TERMINAL)
    context.call_on_close(lambda: sessions.logout(house, signed_in.token))
    with house.reading() as session:
        actor = queries.actor(session, signed_in.badge, role="AUTHOR", terminal=TERMINAL)
    return house.perform(told, data, code=code, change_reference=change, reason=reason, by=actor)


def _told(version: DefinitionVersion) -> dict[str, Any]:
    return {
        "name": version.name,
        "digest": version.file_digest,
        "executable": version.is_executable,
    }


def check(file: Path, *, say: Say) -> int:
    """Check a BPMN file; 0 when it may be reviewed, 1 with every finding."""
    try:
        read = read_file(file.read_bytes())
    except DefinitionRefused as refused:
        return _refused(refused.findings, say)
    if read.imported is None:
        _say_outline(read, say)
        return _refused(read.findings, say)
    header = read.imported.procedure.header
    steps = sum(1 for _ in read.imported.procedure.steps())
    levels = len(read.imported.procedure.levels)
    say(f"{header.code} {header.title}: {levels} levels, {steps} steps")
    say(f"file digest    {read.imported.file_digest}")
    say(f"content digest {read.imported.content_digest}")
    return 0


def _say_outline(read: Reading, say: Say) -> None:
    outline = read.outline
    elements = sum(1 for _ in outline.nodes())
    made = f", made with {outline.tool}" if outline.tool else ""
    say(f"{outline.title or 'untitled'}: {len(outline.parts)} processes, {elements} elements{made}")
    say(f"file digest    {read.file_digest}")


def _refused(findings: Sequence[Finding], say: Say) -> int:
    for line in lines(findings):
        say(line)
    count = len(findings)
    say(f"refused: {count} finding{'s' if count != 1 else ''}")
    return 1


def lines(findings: Sequence[Finding]) -> Iterator[str]:
    """The findings grouped by code and remedy; a caret stands below what is wrong in a text."""

    def kind(finding: Finding) -> tuple[str, str]:
        return finding.code, finding.remedy

    order = {each: number for number, each in reversed(list(enumerate(map(kind, findings))))}
    ordered = sorted(findings, key=lambda finding: order[kind(finding)])
    for (code, remedy), places in groupby(ordered, key=kind):
        yield f"{code}: {remedy}"
        for finding in places:
            place = f"line {finding.line}" if finding.line else "file"
            yield f"    {place}: {finding.element or '-'}: {finding.message}"
            if finding.expression:
                before, at, behind = finding.pointed
                yield f"        {before}{at}{behind}"
                yield f"        {' ' * len(before)}^"
