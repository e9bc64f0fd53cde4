"""A small whole PDF file, as somebody attaches one."""

from __future__ import annotations

from io import BytesIO

import pikepdf
from pikepdf import Stream


def small_pdf(text: str) -> bytes:
    """One page that says `text`, the same bytes each time."""
    out = BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        made.pages[0].Contents = Stream(made, f"% {text}".encode())
        made.save(out, deterministic_id=True)
    return out.getvalue()
