"""Entries and their chains: changed, dropped, swapped, spliced, with and without new hashes."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta
from typing import Any

from app.attack.forging import (
    Data,
    add_entry,
    change,
    entries_of,
    one,
    order_of_log,
    rechain,
    relog,
    write_entry,
)
from app.attack.model import Catalogue, Detector, Family, Means, NotHere
from app.attack.scene import Scene, act
from audit import verifier
from audit.sequencer import sequence_pending
from audit.streams import SITE
from core.actors import Actor

ENTRIES = Catalogue(Family.ENTRIES, Means.DATABASE)
LIAR = Actor.service("stores", trigger="a statement of SQL")
EVERY_KEY = (Means.DATABASE, Means.SERVER)


@ENTRIES.found_by(Detector.CHAIN)
def entry_edited(scene: Scene) -> None:
    """One byte of a sealed entry is changed."""
    with scene.behind() as database:
        row_id, data = _middle(database, scene.loot.record)
        payload = verifier.canonical_bytes({**data, "action": data["action"] + "x"})
        change(database, "UPDATE entry SET payload=? WHERE id=?", payload, row_id)


@ENTRIES.found_by(Detector.CHAIN, Detector.LOG)
def entry_edited_with_its_leaf(scene: Scene) -> None:
    """An entry is changed, its own hash and columns with it."""
    with scene.behind() as database:
        row_id, data = _middle(database, scene.loot.record)
        write_entry(database, row_id, {**data, "request": "another"})


@ENTRIES.found_by(Detector.LOG)
def entry_and_row_edited_chain_recomputed(scene: Scene) -> None:
    """A row and its entry are changed alike and the chain of the record is computed anew."""
    with scene.behind() as database:
        _rewrite(scene, database)


@ENTRIES.found_by(Detector.CHECKPOINT, Detector.OUTSIDE)
def entry_and_row_edited_log_recomputed(scene: Scene) -> None:
    """The same, and the whole log is computed anew; the log key is not at hand."""
    with scene.behind() as database:
        _rewrite(scene, database)
        relog(database, order_of_log(database))


@ENTRIES.found_by(Detector.OUTSIDE, means=EVERY_KEY)
def entry_and_row_edited_log_signed_anew(scene: Scene) -> None:
    """The same, and every checkpoint in the database is signed anew with the stolen log key."""
    with scene.behind() as database:
        _rewrite(scene, database)
        relog(database, order_of_log(database), scene.keys)


@ENTRIES.found_by(Detector.SIGNATURE, Detector.OUTSIDE, means=EVERY_KEY)
def signed_entry_edited_all_signed_anew(scene: Scene) -> None:
    """What a person signed is changed; chain, log and checkpoints are made anew with all keys
    of the server."""
    with scene.behind() as database:
        row_id, data = _signed(database, scene.loot.record)
        data["signed"][0]["content"]["object"] = "something else"
        write_entry(database, row_id, data)
        rechain(database, scene.loot.record)
        relog(database, order_of_log(database), scene.keys)


@ENTRIES.found_by(Detector.SIGNATURE, Detector.OUTSIDE, means=EVERY_KEY)
def two_entries_swapped_all_signed_anew(scene: Scene) -> None:
    """Two entries before a signature change places; everything is computed and signed anew."""
    with scene.behind() as database:
        entries = entries_of(database, scene.loot.record)
        at = _before_a_signature(entries)
        entries[at], entries[at + 1] = entries[at + 1], entries[at]
        rechain(database, scene.loot.record, entries)
        relog(database, _in_order(database), scene.keys)


@ENTRIES.found_by(Detector.CHAIN)
def two_entries_swapped(scene: Scene) -> None:
    """The payloads of two neighbouring entries change places."""
    with scene.behind() as database:
        entries = entries_of(database, scene.loot.record)
        at = len(entries) // 2
        (first, one_), (second, two) = entries[at], entries[at + 1]
        for row_id, data in ((first, two), (second, one_)):
            payload = verifier.canonical_bytes(data)
            change(database, "UPDATE entry SET payload=?, leaf=? WHERE id=?",
                   payload, verifier.leaf_hash(payload), row_id)  # fmt: skip


@ENTRIES.found_by(Detector.CHAIN, Detector.LOG)
def middle_entry_dropped(scene: Scene) -> None:
    """An entry in the middle of a record is deleted."""
    with scene.behind() as database:
        row_id, _ = _middle(database, scene.loot.record)
        change(database, "DELETE FROM entry WHERE id=?", row_id)


@ENTRIES.found_by(Detector.OUTSIDE, Detector.SIGNATURE, means=EVERY_KEY)
def middle_entry_dropped_all_signed_anew(scene: Scene) -> None:
    """An entry in the middle disappears; numbers, chain, log and checkpoints are made anew."""
    with scene.behind() as database:
        entries = entries_of(database, scene.loot.record)
        gone, _ = entries.pop(_before_a_signature(entries))
        order = [each for each in order_of_log(database) if each != gone]
        database.execute("DELETE FROM entry WHERE id=?", [gone])
        rechain(database, scene.loot.record, entries)
        relog(database, order, scene.keys)


@ENTRIES.found_by(Detector.CHAIN, Detector.LOG)
def entry_of_another_record_spliced_in(scene: Scene) -> None:
    """An entry of another record takes the place of one of this record."""
    with scene.behind() as database:
        row_id, data = _middle(database, scene.loot.record)
        other = one(
            database, "SELECT payload, leaf FROM entry WHERE rec <> ? ORDER BY id", data["rec"]
        )
        change(database, "UPDATE entry SET payload=?, leaf=? WHERE id=?", *other, row_id)


@ENTRIES.found_by(Detector.LOG, Detector.SIGNATURE)
def two_records_spliced(scene: Scene) -> None:
    """The end of another record is hung on this one, rewritten and chained as its own."""
    with scene.behind() as database:
        other = one(
            database,
            'SELECT rec FROM entry WHERE rec <> ? AND instr(payload, \'"table":"signature"\')'
            " GROUP BY rec ORDER BY count(*) DESC",
            scene.loot.record,
        )[0]
        moved = [each for each in entries_of(database, other) if each[1]["signed"]][-1:]
        rest = [each for each in entries_of(database, other) if each not in moved]
        database.execute("UPDATE entry SET rseq = 999999 WHERE id=?", [moved[0][0]])
        rechain(database, other, rest)
        rechain(database, scene.loot.record, [*entries_of(database, scene.loot.record), *moved])


@ENTRIES.found_by(Detector.CHAIN)
def head_of_a_stream_set_back(scene: Scene) -> None:
    """A record claims to end before its last entry, so that the next one takes its place."""
    with scene.behind() as database:
        change(database, "UPDATE stream_head SET rseq = rseq - 1 WHERE rec=?", scene.loot.record)


@ENTRIES.found_by(Detector.OUTSIDE, means=(*EVERY_KEY, Means.PERSON))
def back_dated_entry_with_every_key(scene: Scene) -> None:
    """An entry of the past is inserted with its row; chain, log and checkpoints are made anew with
    every key of the server, and what follows bears no signature."""
    with scene.behind() as database:
        entries = entries_of(database, str(SITE))
        template = entries[-1][1]
        past = {**template, "action": "attempt.refused", "changes": [], "request": "back-dated"}
        new = add_entry(database, {**past, "rseq": len(entries) + 1})
        at = len(entries) // 2
        entries.insert(at, (new, past))
        rechain(database, str(SITE), entries)
        relog(database, _in_order(database), scene.keys)


@ENTRIES.found_by(Detector.TIMES, means=(Means.CLOCK,))
def clock_set_back_before_an_entry(scene: Scene) -> None:
    """The clock of the machine is set back, the application started, and an entry is made."""
    with scene.house(later=timedelta(days=-2)) as house:
        act(house, "old times", by=LIAR)
        sequence_pending(house, scene.keys)


@ENTRIES.by_design(
    "the time of an entry is the server's word within the stretch between two checkpoints, which is"
    " a second or two on a site at work; its place in the log is not",
    means=(Means.CLOCK, Means.SERVER),
)
def entry_dated_a_second_early(scene: Scene) -> None:
    """The clock of the machine is set back by a second, and an entry is made."""
    with scene.house(later=timedelta(seconds=-1)) as house:
        act(house, "a second ago", by=LIAR)
        sequence_pending(house, scene.keys)


def _rewrite(scene: Scene, database: sqlite3.Connection) -> None:
    """A row that stands in an entry after the last signature of its record is changed, both
    alike; the chain of that record is computed anew."""
    row_id, data = _loose_entry(database)
    table = next(row for row in data["changes"] if row["table"] == "equipment")
    name = "Dryer with another name"
    table["after"]["name"] = name
    change(
        database,
        "UPDATE equipment SET name=? WHERE id=?", name, table["id"].replace("-", ""),
    )  # fmt: skip
    write_entry(database, row_id, data)
    rechain(database, data["rec"])


def _loose_entry(database: sqlite3.Connection) -> tuple[str, Data]:
    """The newest entry of a unit that no signature of its stream follows."""
    rows = database.execute(
        'SELECT id, payload FROM entry WHERE instr(payload, \'"table":"equipment"\')'
        " ORDER BY id DESC"
    )
    seen: set[str] = set()
    for row_id, payload in rows:
        data: Data = json.loads(payload)
        ids = {row["id"] for row in data["changes"] if row["table"] == "equipment"}
        if ids - seen and not _signed_after(database, data):
            return row_id, data
        seen |= ids
    raise NotHere("every entry about equipment stands before a signature")


def _signed_after(database: sqlite3.Connection, data: Data) -> bool:
    later = entries_of(database, data["rec"])[data["rseq"] - 1 :]
    return any(entry["signed"] for _, entry in later)


def _middle(database: sqlite3.Connection, rec: str) -> tuple[str, Data]:
    entries = entries_of(database, rec)
    return entries[len(entries) // 2]


def _signed(database: sqlite3.Connection, rec: str) -> tuple[str, Data]:
    return next(each for each in entries_of(database, rec) if each[1]["signed"])


def _before_a_signature(entries: list[tuple[str, Any]]) -> int:
    """Where two unsigned entries stand that a signature follows."""
    last = max(at for at, (_, data) in enumerate(entries) if data["signed"])
    for at in range(last - 2, -1, -1):
        if not entries[at][1]["signed"] and not entries[at + 1][1]["signed"]:
            return at
    raise NotHere("no two unsigned entries stand before a signature")


def _in_order(database: sqlite3.Connection) -> list[str]:
    """The order of the log, entries of one record in the order of their numbers."""
    by_record: dict[str, list[str]] = {}
    for row_id, rec in database.execute("SELECT id, rec FROM entry ORDER BY rec, rseq"):
        by_record.setdefault(rec, []).append(row_id)
    where = dict(database.execute("SELECT id, rec FROM entry").fetchall())
    logged = order_of_log(database)
    more = [each for each in where if each not in set(logged)]
    waiting = {rec: iter(ids) for rec, ids in by_record.items()}
    return [next(waiting[where[each]]) for each in [*logged, *more]]
