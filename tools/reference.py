"""Write the generated pages of docs/reference again: commands, vocabulary, BPMN profile.

    .venv/bin/python -m tools.reference

Tests compare the pages with what this gives, so a changed option or state word is seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from pathlib import Path

import click

from app.cli import main as command_line
from documents import states
from ebr.models import ExceptionState, Grade, RunState, StepState
from ebr.report import words
from engine.rules import CommandState
from hardware.words import Cleaning, LinkState, Quality, WriteState
from inventory.models import ContainerState, LotStatus
from inventory.models import TaskState as StockTaskState
from maintenance.models import EntryState, OrderState
from production.models import Disposition
from quality.models import Custody, DeviationState, ReviewState
from tools import profile_page
from workflows.expressions import page as expressions_page
from workflows.rules import VersionState
from workflows.words import Severity, Tier

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "reference"
WIDTH = 88
COMMANDS_HEAD = """# Command line

Generated from the commands by `python -m tools.reference`; a test compares it.

`batchwright` lies in `.venv/bin` after `make run`. It works on the site in `var/site`, or on the
one that `--home` or the settings below name.

| Exit code | Means |
| --- | --- |
| 0 | done |
| 1 | a promise does not hold or a check failed; the line says which |
| 2 | wrong use: an unknown command or option |
| 3 | refused by a rule: the line names the rule, the missing fact and who can resolve it |

| Setting in the environment | Means | Otherwise |
| --- | --- | --- |
| `BATCHWRIGHT_HOME` | folder of the site: keys, attachments, certificates, logs | `var/site` |
| `BATCHWRIGHT_DATABASE_URL` | database as the application uses it | `site.db` in that folder |
| `BATCHWRIGHT_OWNER_URL` | database as the owner of the schema, for migrations | the same |
| `BATCHWRIGHT_LOG_LEVEL` | how much is logged | `INFO` |
"""
WORDS_HEAD = """# Vocabulary of states

Generated from the code by `python -m tools.reference`; a test compares it.

*Code* is what the database, the JSON of the record and the audit trail hold, and never changes.
*Shown* is the one sign and word for it, on the screens (translated there), in the PDF and in the
JSON that people read; the list is `documents.states.SHAPES`. `–` means no sign and no word of its
own: the code itself is shown, underscores as spaces. A sign always has a word beside it.
"""


class Vocabulary:
    """One table of the vocabulary: an enum, with words of its own where it is no state."""

    def __init__(
        self, title: str, kind: type[Enum], words: Mapping[str, str] | None = None
    ) -> None:
        self.title = title
        self.kind = kind
        self.words = words or {}

    def lines(self) -> Iterator[str]:
        """The table in Markdown."""
        yield f"\n## {self.title}\n"
        yield f"`{self.kind.__module__}.{self.kind.__name__}`: {first_line(self.kind)}\n"
        yield "| Code | Shown |"
        yield "| --- | --- |"
        for member in self.kind:
            code = str(member.value)
            yield f"| `{code}` | {self._shown(code)} |"

    def _shown(self, code: str) -> str:
        if code in self.words:
            return self.words[code]
        if code not in states.SHAPES:
            return "–"
        shape, word = states.shown(code)
        return f"{shape.sign} {word}"


TABLES = (
    Vocabulary("Steps", StepState),
    Vocabulary("Batches and other runs", RunState),
    Vocabulary("Levels of a run in the engine (ISA-88)", CommandState),
    Vocabulary("Disposition of a batch", Disposition),
    Vocabulary("Limits", Tier),
    Vocabulary("Where a value comes from", Grade, words.GRADES),
    Vocabulary("Quality of a value from a device", Quality),
    Vocabulary("Exceptions", ExceptionState),
    Vocabulary("Severity", Severity),
    Vocabulary("Deviations", DeviationState),
    Vocabulary("Reviews", ReviewState),
    Vocabulary("Samples", Custody),
    Vocabulary("Lots", LotStatus),
    Vocabulary("Containers", ContainerState),
    Vocabulary("Stock tasks", StockTaskState),
    Vocabulary("Maintenance orders", OrderState),
    Vocabulary("Signed entries of maintenance", EntryState),
    Vocabulary("Cleaning status of a unit", Cleaning),
    Vocabulary("Links to devices", LinkState),
    Vocabulary("Writes to devices", WriteState),
    Vocabulary("Versions of a definition", VersionState),
)


def first_line(thing: type) -> str:
    """The first line of a docstring."""
    return (thing.__doc__ or "").strip().splitlines()[0]


def vocabulary() -> str:
    """The page of state words."""
    return "\n".join([WORDS_HEAD.rstrip(), *(line for each in TABLES for line in each.lines())]) + (
        "\n"
    )


def commands() -> str:
    """The page of the command line: the help of every command."""
    blocks = [f"\n## {name}\n\n```text\n{text}\n```" for name, text in helps()]
    return COMMANDS_HEAD.rstrip() + "\n" + "\n".join(blocks) + "\n"


def helps() -> Iterator[tuple[str, str]]:
    """Name and help of every command, the group first."""
    yield from _helps(command_line, None, "batchwright")


def _helps(
    command: click.Command, parent: click.Context | None, name: str
) -> Iterator[tuple[str, str]]:
    settings = {**command.context_settings, "terminal_width": WIDTH, "max_content_width": WIDTH}
    own = name.rpartition(" ")[2]
    with click.Context(command, info_name=own, parent=parent, **settings) as context:
        yield name, "\n".join(line.rstrip() for line in command.get_help(context).splitlines())
        if isinstance(command, click.Group):
            for child in command.list_commands(context):
                found = command.get_command(context, child)
                if found is not None and not found.hidden:
                    yield from _helps(found, context, f"{name} {child}")


PAGES = {
    "bpmn-profile.md": profile_page.page,
    "cli.md": commands,
    "expressions.md": expressions_page.page,
    "vocabulary.md": vocabulary,
}


def main() -> None:
    """Write the pages."""
    for name, make in PAGES.items():
        (FOLDER / name).write_text(make(), encoding="utf-8")
        print(FOLDER / name)


if __name__ == "__main__":
    main()
