"""Build hook: what is shipped is whole, and says what it is.

A wheel or source package without the browser assets is refused; an editable install works without
them, because set-up installs the project before it builds them. A wheel gets the manifest of its
files and dependencies, by which an installation compares itself at its start (URS-VAL-050).
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

MANIFEST = "release.json"


class Shipping(BuildHookInterface[Any]):
    """Looks for the assets, and writes the manifest of a wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Refuse to build when `web/static/dist` was not built before."""
        root = Path(self.root)
        manifest = root / "web" / "static" / "dist" / "manifest.json"
        if version == "editable":
            return
        if not manifest.is_file():
            raise FileNotFoundError(f"{manifest} is missing: run `make assets` first")
        if self.target_name == "wheel":
            build_data["force_include"][str(self._written(root))] = f"core/{MANIFEST}"

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:
        """What was written for the wheel is inside it now."""
        (Path(self.directory) / MANIFEST).unlink(missing_ok=True)

    def _written(self, root: Path) -> Path:
        described = _release().described(
            root, self.metadata.version, (root / "requirements" / "app.txt").read_text("utf-8")
        )
        file = Path(self.directory) / MANIFEST
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(described.as_json(), encoding="utf-8")
        return file


def _release() -> Any:
    """`core.release`, which needs nothing that is not in Python; the project is not installed."""
    place = Path(__file__).parents[1] / "core" / "release.py"
    spec = importlib.util.spec_from_file_location("batchwright_release", place)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(place)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its classes look themselves up there
    spec.loader.exec_module(module)
    return module
