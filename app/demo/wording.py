"""What the recipe of the running batch says about a step."""

from __future__ import annotations

from app.demo.stage import Stage
from ebr import queries
from workflows import queries as definitions
from workflows.step import Step


def spec(stage: Stage, key: str) -> Step:
    """The step of the pinned version."""
    with stage.house.reading() as session:
        run = queries.run_of(session, stage.record)
        return definitions.load(session, run.file_digest).step(key)
