"""Write docs/explanation/reliability.md from what the runs of the fault programme told.

    .venv/bin/python -m tests.faults.table

The figures come from `var/faults.json`, where each test leaves its own (see
`tests.support.faultreport`). A fault that was not run is told as such; nothing is written by hand.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.support.faultreport import ROOT, SERVER, Told, read

PAGE = ROOT / "docs" / "explanation" / "reliability.md"
FAULTS = {
    "kills": "`kill -9` of web server, worker, gateway and machines at random moments while batches"
    " are made over HTTP",
    "power": "power cut under SQLite at a random write: unsynced sectors are there or not",
    "postgres": "`kill -9` of PostgreSQL with all its processes while steps are committed",
    "trail": "the database fails at a random statement of the audit trail while a step is"
    " committed",
    "space-limit": "web server and worker may not write to files any more",
    "space-disk": "the same with a disk that is full to the last byte (a small file system)",
    "races-sqlite": "fifty completions of one step by two people in two processes, SQLite",
    "races-postgresql": "the same on PostgreSQL",
    "lines-cut": "line to a machine cut",
    "lines-half-open": "machine stands still, its sockets stay open",
    "lines-frozen": "machine answers with its last value for ever",
    "clock-back": "clock set back by two hours, both databases",
    "clock-forward": "clock set forward by a hundred days, both databases",
    "clock-set": "clock of the machine set under all processes (libfaketime): hours forward and"
    " back, and creeping, while a batch is made over HTTP",
    "clock-summer": "the same in a GMP site, through the change of summer time",
    "sleep": "a laptop asleep for an hour in the middle of a batch",
    "way-on": "every refusal of the demonstration batch, walked to the act that resolved it",
    "way-on-all": "every place of the product that refuses: whom it names",
}
SAME = "that of the row above"
HEAD = """# Reliability: what was broken on purpose, and what was left

Generated from the runs by `python -m tests.faults.table`. Promise 1 of the [design](design.md)
says: nothing acknowledged is ever lost, nothing unacknowledged ever shows. This page tells how
that was tried.

One checker asks the same questions after every fault: is each acknowledged act in the record
(*lost*), is anything there twice, also work that a step spawned (*doubled*), is a step torn, a
chain or signature invalid, a job left over, a gap not recorded, a value invented (*broken*). A
*control* breaks one rule on purpose and must be found by the same checker; a programme whose
controls pass unnoticed proves nothing.

| Fault | Runs | Lost | Doubled | Broken | Control: what was broken, and how it was found |
| --- | ---: | ---: | ---: | ---: | --- |
"""
TAIL = """
## What a person sees

- A server that was killed is waited for, and the same form is sent again: its key makes it one
  act.
- A full, a read-only and a failing disk, and a database that does not answer, are told apart in
  words with who can help. Records can be read meanwhile, and work goes on as soon as there is room,
  without a restart.
- Who comes second at a step is refused with the rule; nothing is recorded twice.
- A jump of the machine's clock by more than two seconds, at once or little by little, is an entry
  of the site (`clock.stepped`) with both times; so is the loss of its time server
  (`clock.unsynchronised`). Each opens an incident for the quality unit, a deviation that names the
  clock. Records that run then, or start before it is closed, carry a minor exception; work goes on.
- Order comes from sequence numbers. Sessions, locks of accounts, jobs, the log and the leases of
  lines count steady time (`core/steady.py`), which nobody can set and which goes on while the
  machine sleeps: none becomes longer or shorter.
- Timers of a recipe, hold times and the lengths of gaps count the clock of the site, as the record
  shows it. A clock that is set during one makes it longer or shorter; the mark in the record says
  so. A role that was granted, or a certificate that began, after the time to which the clock was
  set back does not count until that time has come again.
- While gateway or machine stand still there is a gap with both ends; a step that waited for their
  values has it as an exception by its length.

## How to repeat it

`make test T=tests/faults` runs the programme in its short form, `make test-nightly
T=tests/faults` the long one (300 kills, 2,000 power cuts, 100 kills of the database); `make
test-postgres T=tests/faults` puts the sites on PostgreSQL. Kills fall
in a fixed order from a seed; their exact moments depend on the machine. The power cut is a layer
over SQLite's own file access that records writes and syncs; the files are rebuilt for each cut
and opened by SQLite as after a real one.

## What was not tried

A power cut below PostgreSQL (its processes were killed, its files kept what the kernel had),
broken memory, a disk that lies about syncs, several hosts. A virtual machine that its host pauses
sees only its clock jump: that is an incident, and no gap.
"""


def rows(everything: dict[str, Told]) -> Iterator[str]:
    """One line of the table per fault, in the order of `FAULTS`."""
    for fault, words in _faults(everything):
        told = everything.get(fault, {})
        if "runs" not in told:
            yield f"| `{fault}`: {words} | not run | | | | |"
            continue
        numbers = " | ".join(str(told[name]) for name in ("runs", "lost", "doubled", "broken"))
        yield f"| `{fault}`: {words} | {numbers} | {_controls(told) or SAME} |"


def _faults(everything: dict[str, Told]) -> Iterator[tuple[str, str]]:
    """Names and words; what also ran with the site on PostgreSQL has a line of its own for it."""
    for fault, words in FAULTS.items():
        yield fault, words
        if (other := f"{fault}{SERVER}") in everything and other not in FAULTS:
            yield other, "the same with the site on PostgreSQL"


def _controls(told: Told) -> str:
    return "; ".join(f"{broken}: {caught}" for broken, caught in told.get("controls", {}).items())


def notes(everything: dict[str, Told]) -> Iterator[str]:
    """What a run told beside its numbers, with commit and day."""
    for fault, _ in _faults(everything):
        told = everything.get(fault, {})
        if told.get("note"):
            yield f"- `{fault}`: {told['note']} ({told['commit']}, {told['at']})"


def page(everything: dict[str, Told]) -> str:
    """The whole page."""
    table = "\n".join(rows(everything))
    told = "\n".join(notes(everything))
    return f"{HEAD}{table}\n\n## The runs behind the table\n\n{told}\n{TAIL}"


if __name__ == "__main__":
    PAGE.write_text(page(read()), encoding="utf-8")
    sys.stdout.write(f"{PAGE.relative_to(ROOT)} is written\n")
