"""Runs kept as files: what a version did with a recipe, for later versions to do again.

``python -m tests.support.keptruns SITE RECORD NAME`` keeps a run of a site that lies on SQLite.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select

from app import rehearsing
from audit.streams import Stream
from engine import replay
from engine.models import Run
from engine.replay import RecordedAct, State
from workflows.models import DefinitionFile

FOLDER = Path(__file__).parents[1] / "fixtures" / "runs"


@dataclass(frozen=True, slots=True)
class KeptRun:
    """The definition as it was stored, the acts of the stream, the state that they led to."""

    record: Stream
    body: str
    acts: list[RecordedAct]
    state: State

    def known(self, state: State) -> State:
        """Of a state only the columns that the version knew that kept this one."""
        columns = {table: set(rows[0]) if rows else set() for table, rows in self.state.items()}
        return {
            table: [{name: row[name] for name in row if name in columns[table]} for row in rows]
            for table, rows in state.items()
            if table in columns
        }


def keep(url: str, record: Stream, name: str) -> Path:
    """Write the run of a record at that database to a file."""
    with rehearsing.opened(url) as house, house.reading() as session:
        run = session.scalars(select(Run).where(Run.record == str(record))).one()
        wanted = DefinitionFile.file_digest == run.procedure
        kept: dict[str, Any] = {
            "record": str(record),
            "body": session.scalars(select(DefinitionFile).where(wanted)).one().body,
            "acts": [
                {"at": act.at.isoformat(), "facts": list(act.facts)}
                for act in replay.recorded_acts(session, record)
            ],
            "state": replay.state_of(session, record),
        }
    file = FOLDER / f"{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return file


def read(file: Path) -> KeptRun:
    """A run as it was kept."""
    kept = json.loads(file.read_text(encoding="utf-8"))
    acts = [RecordedAct(datetime.fromisoformat(a["at"]), a["facts"]) for a in kept["acts"]]
    return KeptRun(Stream.parse(kept["record"]), kept["body"], acts, kept["state"])


if __name__ == "__main__":
    place, record, name = sys.argv[1:]
    written = keep(f"sqlite:///{Path(place).absolute() / 'site.db'}", Stream.parse(record), name)
    sys.stdout.write(f"{written.name}\n")
