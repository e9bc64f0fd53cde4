"""For developers: write the next migration from the difference between models and migrations.

``python -m app.revising "what changes"`` upgrades an empty database to the newest migration, lets
Alembic compare it with the models, and writes a file to be read and mended by hand.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from alembic import command

from app import schema
from core.db import Database


def revise(message: str) -> None:
    """Write the next migration."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'empty.db'}"
        schema.upgrade(url, triggers=False)
        database = Database(url)
        with database.writer.begin() as connection:
            config = schema.config()
            config.attributes["connection"] = connection
            command.revision(config, message, autogenerate=True)
        database.close()


if __name__ == "__main__":
    revise(" ".join(sys.argv[1:]))
