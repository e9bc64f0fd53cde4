"""The page of figures, docs/explanation/performance.md, from var/bench.json.

    .venv/bin/python -m tests.bench.figures

A figure that no run has given yet is left out; nothing is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "var" / "bench.json"
PAGE = ROOT / "docs" / "explanation" / "performance.md"


@dataclass(frozen=True)
class Figure:
    """One figure of the page: its name in the file, what it is, and what it should be."""

    name: str
    means: str
    aim: str = ""
    decimals: int = 1


@dataclass(frozen=True)
class Group:
    """One group of `make bench`, and how it measures."""

    name: str
    how: str
    figures: tuple[Figure, ...]


def _sizes(stem: str, means: str, decimals: int = 1) -> tuple[Figure, ...]:
    steps = {"n10": "10", "n1000": "1,000", "n3000": "3,000"}
    return tuple(
        Figure(f"{stem}_{size}", f"{means}, recipe of {count} steps", decimals=decimals)
        for size, count in steps.items()
    )


def _page(name: str, means: str) -> tuple[Figure, ...]:
    return (
        Figure(f"page_ms_{name}", f"{means}, ms"),
        Figure(f"page_sql_statements_{name}", f"{means}, SQL statements", decimals=0),
    )


GROUPS = (
    Group(
        "engine",
        "One unsigned entry step with five values: one command in a new session, on SQLite with"
        " durable settings; only definitions are cached. The three sizes take turns, and the two"
        " large runs stand in their middle. The floor sends exactly the statements and bytes of one"
        " such step again, through SQLAlchemy Core with the same settings, to a copy of the file"
        " taken just before it. Stock SpiffWorkflow loads the whole workflow, completes a task and"
        " saves it whole, without any database. So does the package bpmn-engine, which keeps no"
        " record and no trail; it writes its state to a file that is flushed.",
        (
            *_sizes("step_ms", "A step, ms"),
            *_sizes("border_step_ms", "A step that ends its operation, ms"),
            Figure("step_flat_ratio", "3,000 steps over 10 steps", "at most 1.25", 2),
            *_sizes("step_sql_statements", "SQL statements of a step", 0),
            *_sizes("step_sql_rows", "Rows written by a step", 0),
            *_sizes("step_sql_bytes", "Bytes written by a step", 0),
            Figure("step_floor_ms", "The floor of a step, ms"),
            Figure("step_over_floor", "A step over its floor", "at most 3", 2),
            Figure("naive_spiff_ms_n1000", "Stock SpiffWorkflow at 1,000 steps, ms"),
            Figure("naive_over_ours_n1000", "That over ours", "at least 20"),
            Figure(
                "engine_cpu_ms_per_step_n10",
                "CPU of a step in the engine, before its rows are written; 10 steps, ms",
                "at most 1",
                2,
            ),
            Figure(
                "engine_cpu_ms_per_step_n5000",
                "The same; 5,000 steps in operations of 25, ms",
                "at most 1",
                2,
            ),
            Figure(
                "engine_flush_cpu_ms_per_step_n10", "CPU of writing these rows, 10 steps, ms", "", 2
            ),
            Figure("engine_flush_cpu_ms_per_step_n5000", "The same, 5,000 steps, ms", "", 2),
            Figure("parallel_200_children_ms_per_step", "A step of 200 side by side, ms"),
            Figure(
                "loop_2000_rounds_flat_ratio",
                "A loop of 2,000 rounds: its last over its first hundred",
                "at most 1.25",
                2,
            ),
            Figure("cold_step_ms_n1000", "A step that has to read 1,000 steps first, ms"),
            Figure(
                "open_instances_10000_start_s",
                "First look at a site with 10,000 open instances, s",
                "at most 10",
                2,
            ),
            Figure("timers_fired_per_s", "Timers fired per second"),
            Figure(
                "peer_bpmn_engine_step_ms_n1000",
                "The package bpmn-engine at 1,000 steps, in memory, its state made durable, ms",
            ),
            Figure("peer_bpmn_engine_restart_ms_n1000", "The same from its stored state, ms"),
            Figure("peer_bpmn_engine_state_kib_n1000", "Its state, KiB", decimals=0),
            Figure("peer_bpmn_engine_over_ours_n1000", "From stored state, over ours"),
            Figure(
                "expression_refuse_64k_ms_max", "The slowest refusal of 64 KiB, ms", "at most 50"
            ),
            Figure("expression_refuse_2000_ms_max", "The same of 2,000 characters, ms", decimals=2),
            Figure("recipe_check_ms_n3000", "A recipe of 3,000 steps read and checked, ms"),
        ),
    ),
    Group(
        "store",
        "A transaction with one row; then eight writers (four threads of each of two processes)"
        " that perform steps of batches of their own on one SQLite file. There is one writer at a"
        " time, so in a full queue a step lasts at least as long as eight steps of one writer"
        " alone; what it takes over that is given beside.",
        (
            Figure("sqlite_commit_ms", "A durable transaction on SQLite, ms", decimals=2),
            Figure("postgres_commit_ms", "The same on PostgreSQL, ms", decimals=2),
            Figure("writers_1_median_ms", "A step with one writer, ms"),
            Figure("writers_8_median_ms", "A step with eight writers, waiting included, ms"),
            Figure("writers_8_p99_ms", "The 99th percentile of that, ms"),
            Figure("writers_8_over_queue", "Median over eight steps of one writer", decimals=2),
            Figure("writers_8_p99_over_queue", "99th percentile over the same", decimals=2),
            Figure("writers_8_steps_per_s", "Steps per second of the eight together"),
        ),
    ),
    Group(
        "web",
        "Each page is asked for 15 times in turns, through the application itself, signed in as"
        " who uses it, on a copy of the demonstration history of `make history` (on a past of two"
        " batches where none was made: the first figure tells). No network, no browser.",
        (
            Figure("web_site_batches", "Batches of the site", decimals=0),
            Figure("web_site_steps", "Steps of the site", decimals=0),
            Figure("web_site_entries", "Entries of the site", decimals=0),
            *_page("work", "Work queue"),
            *_page("batches", "Batch register"),
            *_page("batch", "A batch at work, its steps"),
            *_page("step", "A step that waits"),
            *_page("reviews", "Batches to review"),
            *_page("review", "Review by exception"),
            *_page("release", "Release decision, the whole record verified"),
            *_page("record", "A record, timeline"),
            *_page("values", "All its values"),
            *_page("trends", "All its trends, every point in a table"),
            *_page("trail", "Its audit trail"),
            *_page("exceptions", "Exceptions of all batches"),
            *_page("deviations", "Deviations"),
            *_page("materials", "Lots and stock"),
            *_page("equipment", "Equipment board"),
            *_page("live", "One poll of live values"),
        ),
    ),
    Group(
        "documents",
        "The verifier checks bytes, canonical form, sequence and chain of 20,000 entries in one"
        " process; then the whole bundle of the played demonstration batch with its signatures and"
        " proofs. `demo_s` is the whole batch over real OPC UA and Modbus, set-up of its site,"
        " signatures, release, PDF, bundle and verification included."
        " Its printed record is made twice more, as when a copy is issued.",
        (
            Figure("verify_entries_per_s_1proc", "Entries verified per second", "60,000", 0),
            Figure("verify_entry_bytes", "Bytes of such an entry", "about 500", 0),
            Figure("verify_entries_per_s_signed", "Entries of the demonstration per second", "", 0),
            Figure("demo_entry_bytes", "Bytes of such an entry", decimals=0),
            Figure("demo_entries", "Entries of the demonstration batch", decimals=0),
            Figure("demo_s", "The whole demonstration, s", "under 90"),
            Figure("pdf_pages", "Pages of its printed record", decimals=0),
            Figure("pdf_s", "That record read, laid out and sealed, s"),
            Figure("pdf_pages_per_s", "Pages per second"),
        ),
    ),
    Group(
        "equipment",
        "The historian alone: samples as the gateway writes them, and one trend read back.",
        (
            Figure("historian_sweep_ms", "One sweep of 82 tags stored, ms", decimals=2),
            Figure("historian_samples_per_s", "Samples stored per second", decimals=0),
            Figure("historian_read_ms", "One hour of one tag read back, ms", decimals=2),
        ),
    ),
    Group(
        "evidence",
        "Each part in a process of its own. The append: a signed step against the same with a"
        " double of the trail's inserts, rounds interleaved; the images of the rows, which both"
        " need, apart. The search and the verifications: a site of a million generated entries on"
        " SQLite, the slowest of eight questions by its median. The bundle: a record of 1,000 steps"
        " signed twice. The PDF: a made-up record of that many pages; memory is that of all"
        " processes together, sampled. The backup: encrypted, with its manifest, of 100 MB.",
        (
            Figure("append_overhead_ratio", "A signed step over one without its entry", "1.25", 2),
            Figure("append_derivation_ms", "Images of its rows, ms", decimals=2),
            Figure(
                "verify_entries_per_s_2proc",
                "Entries verified by two processes, a second",
                decimals=0,
            ),
            Figure("verify_2proc_speed_up", "Over one process", "at least 1.8", 2),
            Figure(
                "machine_2proc_speed_up", "What two processes that share nothing gain here", "", 2
            ),
            Figure(
                "verify_incremental_ms_1000_new_of_1M",
                "1,000 new entries and a sample of a million verified, ms",
                decimals=0,
            ),
            Figure("audit_search_ms_1M", "A page of the slowest question, ms", "at most 300"),
            Figure("audit_search_ms_1M_median", "A page of a question, ms"),
            Figure("audit_search_made_s_1M", "The search made anew, s"),
            Figure("bundle_1000_steps_s", "A bundle written, s", decimals=2),
            Figure("bundle_verify_1000_steps_s", "A bundle verified, s", decimals=2),
            Figure("pdf_300_pages_s", "300 pages, s"),
            Figure("pdf_2000_pages_s", "2,000 pages, s"),
            Figure("pdf_2000_pages_peak_mib", "All processes at most, MiB", "at most 600", 0),
            Figure("backup_100mb_s", "A backup of 100 MB, s", decimals=2),
            Figure("backup_100mb_drill_s", "A drill that restores and verifies it, s", decimals=2),
            Figure("backup_100mb_growth_mib", "Memory that both take, MiB", decimals=0),
        ),
    ),
)


def page(known: Mapping[str, object]) -> str:
    """The page in Markdown."""
    return "\n".join(_lines(known)) + "\n"


def _lines(known: Mapping[str, object]) -> Iterator[str]:
    yield "# Figures and how they were measured"
    yield ""
    yield "Written by `python -m tests.bench.figures` from what `make bench` left in"
    yield f"`var/bench.json`, last at {known.get('at')} on commit {known.get('commit')}."
    yield "Milliseconds belong to that machine and moment (two shared cores); ratios are made in"
    yield "one run and say more. No test asserts a time."
    for group in GROUPS:
        found = [figure for figure in group.figures if figure.name in known]
        if found:
            yield from ("", f"## `make bench G={group.name}`", "", group.how, "")
            yield from ("| Figure | Name | Measured | Aim |", "| --- | --- | ---: | --- |")
            yield from (_row(figure, known[figure.name]) for figure in found)


def _row(figure: Figure, value: object) -> str:
    shown = f"{value:,.{figure.decimals}f}" if isinstance(value, int | float) else str(value)
    return f"| {figure.means} | `{figure.name}` | {shown} | {figure.aim} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(page(json.loads(RESULTS.read_text())))


if __name__ == "__main__":
    main()
