"""What the machines remember over a restart of the host: model states in one JSON file.

Machines stand still while the host is off. The file is replaced as a whole, so that a reader finds
the old or the new one. A file of another form is refused, never half used.
"""

from __future__ import annotations

import json
import os
from enum import IntEnum
from pathlib import Path
from typing import Any

from hardware.simulators.cell import Cell
from hardware.simulators.models.unit import Unit

FORM = 1
Plain = dict[str, Any]


class MemoryUnreadable(ValueError):
    """The state file is no state of this cell; remove it to begin with empty machines."""


def remember(cell: Cell) -> Plain:
    """The kept attributes of every unit."""
    units = {
        code: {path: _get(unit, path) for path in unit.kept} for code, unit in cell.units.items()
    }
    return {"form": FORM, "units": units}


def recall(cell: Cell, memory: object) -> None:
    """Give every unit its kept attributes back; raises MemoryUnreadable, changing nothing.

    A unit that the file does not know came with a newer version: it begins empty.
    """
    if not isinstance(memory, dict) or memory.get("form") != FORM:
        raise MemoryUnreadable(f"the state file is not of form {FORM}")
    try:
        known = {code: unit for code, unit in cell.units.items() if code in memory["units"]}
        wanted = {(code, path) for code, unit in known.items() for path in unit.kept}
        found = {(code, path) for code, kept in memory["units"].items() for path in kept}
        found |= {(code, "") for code in memory["units"] if code not in cell.units}
        if found != wanted:
            raise MemoryUnreadable("the state file belongs to another cell")
        values = {
            (code, path): _fitting(_get(cell.units[code], path), memory["units"][code][path])
            for code, path in wanted
        }
    except (AttributeError, KeyError, TypeError) as error:
        raise MemoryUnreadable(f"the state file is damaged: {error}") from error
    for (code, path), value in values.items():
        _set(cell.units[code], path, value)


def save(cell: Cell, path: Path) -> None:
    """Write the memory of the cell."""
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(remember(cell), sort_keys=True))
    os.replace(draft, path)


def load(cell: Cell, path: Path) -> None:
    """Read the memory of the cell if there is one; raises MemoryUnreadable."""
    if not path.exists():
        return
    try:
        memory = json.loads(path.read_text())
    except ValueError as error:
        raise MemoryUnreadable(f"the state file is no JSON: {error}") from error
    recall(cell, memory)


def _get(unit: Unit, path: str) -> Any:
    value: Any = unit
    for name in path.split("."):
        value = getattr(value, name)
    return dict(value) if isinstance(value, dict) else value


def _set(unit: Unit, path: str, value: Any) -> None:
    target: Any = unit
    *owners, last = path.split(".")
    for name in owners:
        target = getattr(target, name)
    setattr(target, last, value)


def _fitting(present: Any, value: Any) -> Any:
    """The remembered value in the type of the present one; raises MemoryUnreadable."""
    if isinstance(present, dict) and isinstance(value, dict) and set(value) == set(present):
        return {key: _fitting(present[key], value[key]) for key in present}
    if isinstance(present, IntEnum) and value in list(type(present)):
        return type(present)(value)
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if (isinstance(present, float) or present is None) and (number or value is None):
        return None if value is None and present is None else float(value)
    if type(present) is type(value) and not isinstance(present, dict):
        return value
    raise MemoryUnreadable(f"the state file holds {value!r} in the place of {present!r}")
