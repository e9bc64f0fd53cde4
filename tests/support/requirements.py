"""The known requirement ids, read from docs/reference/requirements.md."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "requirements.md"
ROW = re.compile(r"^\| (URS-[A-Z]+-\d{3}) \| ([HML]) \|", re.MULTILINE)


@lru_cache(maxsize=1)
def known_requirements() -> dict[str, str]:
    """Risk (H, M or L) of each requirement by its id."""
    return dict(ROW.findall(PAGE.read_text(encoding="utf-8")))
