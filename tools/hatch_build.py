"""Build hook: a wheel or source package without the browser assets is refused.

An editable install works without them, because set-up installs the project before it builds them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class AssetsMustBeThere(BuildHookInterface[Any]):
    """Looks for the manifest that the asset build writes last."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Refuse to build when `web/static/dist` was not built before."""
        manifest = Path(self.root) / "web" / "static" / "dist" / "manifest.json"
        if version != "editable" and not manifest.is_file():
            raise FileNotFoundError(f"{manifest} is missing: run `make assets` first")
