"""What the page of the installation asks of the composition: database, keys, room (W23)."""

from __future__ import annotations

import shutil
from collections.abc import Sequence

from app import rotating, schema
from app.rotating import Line
from core.errors import BatchwrightError
from core.house import House
from core.settings import Settings


class Installation:
    """The service ``installation`` of a house."""

    def __init__(self, house: House, settings: Settings) -> None:
        self._house, self._settings = house, settings

    def database(self) -> tuple[str, str]:
        """The kind of database, and what it does not hold of its promises; empty when all hold."""
        database = self._house.database
        try:
            database.check_promises()
            schema.check(database)
        except BatchwrightError as problem:
            return database.dialect, str(problem)
        return database.dialect, ""

    def keys(self) -> Sequence[Line]:
        """Every key of the site, public parts alone."""
        return rotating.listed(self._house, self._settings)

    def free_bytes(self) -> int:
        """Room on the disk that holds the site."""
        return shutil.disk_usage(self._settings.home).free
