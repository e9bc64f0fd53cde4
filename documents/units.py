"""Units as people write them; records keep the UCUM code."""

from __future__ import annotations

from collections.abc import Mapping

SYMBOLS: Mapping[str, str] = {
    "Cel": "°C",
    "uS/cm": "µS/cm",
    "mS/cm": "mS/cm",
    "m3/h": "m³/h",
    "ug/cm2": "µg/cm²",
    "cm2": "cm²",
    "g/mL": "g/mL",
    "N.m": "N·m",
    "um": "µm",
    "[CFU]/g": "CFU/g",
    "[ppm]": "ppm",
    "1": "",
}
"""UCUM codes that people write otherwise; units are never translated. Counts have no unit."""


def symbol(code: str | None) -> str:
    """The unit as people write it; a code that is not listed is its own symbol."""
    return "" if code is None else SYMBOLS.get(code, code)
