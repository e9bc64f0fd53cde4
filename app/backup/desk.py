"""What the page of backups asks: the service ``backups`` of the house (URS-BAK-010)."""

from __future__ import annotations

from pathlib import Path

from app.backup.plan import Scheduled
from app.backup.rules import Plan
from core.errors import BrokenPromise
from core.settings import Settings


class Desk:
    """The schedule as the settings have it, and where its files are."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def plan(self) -> Plan | None:
        """The plan that is carried out, None where nothing is scheduled or it cannot be read."""
        try:
            planned = Scheduled.of(self._settings)
        except BrokenPromise:
            return None
        return None if planned is None else planned.plan

    def problem(self) -> str:
        """What is wrong with the settings of the schedule, empty where nothing is."""
        try:
            Scheduled.of(self._settings)
        except BrokenPromise as problem:
            return str(problem)
        return ""

    @staticmethod
    def is_kept(folder: str, file: str) -> bool:
        """Whether the file of a backup lies where it was put."""
        return (Path(folder) / file).is_file()
