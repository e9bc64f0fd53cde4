"""Settings of one installation: a folder of its own and the database it uses.

Everything of a site lies under `home` (git-ignored ``var/site`` by default). Values come from the
environment (``BATCHWRIGHT_HOME``, ``BATCHWRIGHT_DATABASE_URL``, ``BATCHWRIGHT_OWNER_URL``,
``BATCHWRIGHT_LOG_LEVEL``, ``BATCHWRIGHT_LOG_WITNESS``, ``BATCHWRIGHT_ANCHOR_FILE``,
``BATCHWRIGHT_TIME_AUTHORITY``, and ``BATCHWRIGHT_BACKUP_...`` as docs/how-to says); no setting can
switch the audit trail off, because there is none.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where things are. `owner_url` is the schema owner's, used by migrations only."""

    home: Path
    database_url: str
    owner_url: str
    log_level: str = "INFO"
    log_witness: str = ""
    """Address and public key of a log witness (``URL KEY``), several parted by commas."""
    anchor_file: str = ""
    """An append-only file on another volume that keeps every checkpoint."""
    time_authority: str = ""
    """Address and root certificate file of a time-stamp authority (``URL FILE``)."""

    backup_folder: str = ""
    """Where the worker puts backups; empty for no schedule."""
    backup_recipients: str = ""
    """Who can open them, and who their private keys (``age1... age1...``)."""
    backup_plan: str = ""
    """How often and how long they are kept (``app.backup.plan``)."""
    drill_identity: str = ""
    """File with the key that opens backups, for drills that the worker makes by itself."""
    drill_database: str = ""
    """For drills of a site on PostgreSQL: an empty database (``OWNER-URL URL``)."""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the environment; the default is an SQLite database in ``var/site``."""
        home = Path(environment.get("BATCHWRIGHT_HOME", "var/site")).absolute()
        url = environment.get("BATCHWRIGHT_DATABASE_URL", f"sqlite:///{home / 'site.db'}")
        return cls(
            home=home,
            database_url=url,
            owner_url=environment.get("BATCHWRIGHT_OWNER_URL", url),
            log_level=environment.get("BATCHWRIGHT_LOG_LEVEL", "INFO"),
            log_witness=environment.get("BATCHWRIGHT_LOG_WITNESS", ""),
            anchor_file=environment.get("BATCHWRIGHT_ANCHOR_FILE", ""),
            time_authority=environment.get("BATCHWRIGHT_TIME_AUTHORITY", ""),
            backup_folder=environment.get("BATCHWRIGHT_BACKUP_FOLDER", ""),
            backup_recipients=environment.get("BATCHWRIGHT_BACKUP_RECIPIENTS", ""),
            backup_plan=environment.get("BATCHWRIGHT_BACKUP_PLAN", ""),
            drill_identity=environment.get("BATCHWRIGHT_DRILL_IDENTITY", ""),
            drill_database=environment.get("BATCHWRIGHT_DRILL_DATABASE", ""),
        )

    @property
    def clock_path(self) -> Path:
        """What the processes of this machine know together of its clock."""
        return self.home / "clock.json"

    @property
    def historian_path(self) -> Path:
        """Gateway samples and current tag values, apart from the site database."""
        return self.home / "historian.db"

    @property
    def attachments(self) -> Path:
        """Attachments by digest, outside any web root."""
        return self.home / "attachments"

    @property
    def keys(self) -> Path:
        """Keys of the log, the seal and the exports; mode 0700, never in the database."""
        return self.home / "keys"

    @property
    def pki(self) -> Path:
        """Certificates for machine links: own, trusted and rejected."""
        return self.home / "pki"
