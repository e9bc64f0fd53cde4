"""The schedule of an installation, read from its settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from app.backup import age
from app.backup.making import Order
from app.backup.restoring import Server
from app.backup.rules import Plan, read_plan
from core.errors import BrokenPromise
from core.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheduled:
    """What the worker backs up to, for whom, how often, and whether it drills by itself."""

    order: Order
    plan: Plan
    identity: Path | None
    """File with the key of the backups; None where a person makes the drills."""

    @classmethod
    def of(cls, settings: Settings) -> Scheduled | None:
        """Read the settings; None without a folder. BrokenPromise naming what is not as it must be.

        Whether the folder is there is found by each backup: a volume may come and go.
        """
        if not settings.backup_folder.strip():
            return None
        words = settings.backup_recipients.split()
        if not 1 <= len(words) <= 2:
            raise BrokenPromise("the recipients of the backups are one or two keys age1...")
        folder = Path(settings.backup_folder.strip())
        if not folder.is_absolute():
            raise BrokenPromise(f"the folder for backups {folder} is no whole path")
        escrow = words[1] if len(words) == 2 else None
        identity = (
            Path(settings.drill_identity.strip()) if settings.drill_identity.strip() else None
        )
        return cls(
            order=Order(folder=folder, recipient=words[0], escrow=escrow, plan=plan_of(settings)),
            plan=plan_of(settings),
            identity=identity,
        )


def plan_of(settings: Settings) -> Plan:
    """The plan of the settings, or its defaults; BrokenPromise naming the word that is wrong."""
    try:
        return read_plan(settings.backup_plan)
    except ValueError as problem:
        raise BrokenPromise(f"the plan of the backups cannot be read: {problem}") from None


def server_of(settings: Settings) -> Server | None:
    """The database for drills of a site on PostgreSQL; it must not be the one of the site."""
    words = settings.drill_database.split()
    if not words:
        return None
    if len(words) != 2:
        raise BrokenPromise("the database for drills is named by two addresses: OWNER-URL URL")
    if {settings.owner_url, settings.database_url} & set(words):
        raise BrokenPromise("a drill never goes into the database of the site itself")
    return Server(owner_url=words[0], url=words[1])


def identity_of(path: Path) -> age.Identity:
    """The key in a file; BrokenPromise when there is none."""
    try:
        return age.identity_key(path.read_text(encoding="ascii"))
    except (OSError, ValueError) as problem:
        raise BrokenPromise(f"{path} cannot be used as a key: {problem}") from None
