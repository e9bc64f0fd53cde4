"""Writes the XSD, the descriptor and the page: `python -m workflows.schema.generate`.

The files are committed; a test compares them with the definition.
"""

from __future__ import annotations

from pathlib import Path

from workflows.schema.moddle import descriptor_text
from workflows.schema.page import page_text
from workflows.schema.xsd import xsd_text

HERE = Path(__file__).parent
XSD = HERE / "recipe.xsd"
DESCRIPTOR = HERE / "recipe.json"
PAGE = HERE.parent.parent / "docs" / "reference" / "recipe-schema.md"


def generated() -> dict[Path, str]:
    """What the files must hold."""
    return {XSD: xsd_text(), DESCRIPTOR: descriptor_text(), PAGE: page_text()}


def main() -> None:
    """Write all files."""
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
