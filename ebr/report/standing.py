"""Where a record stands, read from its sealed entries: in process, complete, decided.

The disposition of a batch is an entry of the batch's own stream, written in the transaction of the
release; so the snapshot that was released ends with the last entry of that transaction and
everything later followed it (URS-REC-070).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from documents import states
from ebr.models import RunState
from ebr.report.model import Standing
from ebr.report.rows import Rows, SealedEntry

DECIDED_TABLE = "batch"
UNDECIDED = "none"
REJECTED = "rejected"
ENDED = frozenset({RunState.COMPLETE, RunState.STOPPED, RunState.ABORTED})


def of(rows: Rows) -> Standing:
    """The last disposition when there is one, else the state of the run.

    A record without disposition (a cleaning) is final when its run has ended; a batch is not.
    """
    found = _decision(rows)
    if found is not None:
        return found
    ended = rows.run.state in ENDED
    if not rows.run.stream.startswith("batch/"):
        state = states.word(rows.run.state)
        complete = rows.run.state == RunState.COMPLETE
        return Standing(words=state, final=ended, accepted=complete)
    shown = states.word(rows.run.state)
    return Standing(words=f"{shown}, not released" if ended else shown, final=False, accepted=False)


def _decision(rows: Rows) -> Standing | None:
    for entry in reversed(rows.entries):
        disposition = _disposition(entry.data)
        if disposition is None:
            continue
        if disposition == UNDECIDED:
            return None
        last = _last_of_transaction(rows, entry)
        return Standing(
            words=states.word(disposition),
            final=True,
            accepted=disposition != REJECTED,
            decided_by=entry.by,
            decided_at=entry.at,
            reason=entry.data["reason"] or "",
            entry=last.rseq,
            entry_sha256=last.digest,
        )
    return None


def _disposition(data: Mapping[str, Any]) -> str | None:
    for change in data["changes"]:
        before = change["before"]
        if change["table"] == DECIDED_TABLE and before is not None and "disposition" in before:
            return str(change["after"]["disposition"])
    return None


def _last_of_transaction(rows: Rows, decided: SealedEntry) -> SealedEntry:
    """The entries of one transaction share both times to the microsecond and the request."""
    last = decided
    for entry in rows.entries:
        together = entry.data["request"] == decided.data["request"]
        if entry.rseq > last.rseq and together and entry.real_at == decided.real_at:
            last = entry
    return last
