"""Photos for paper: turned upright, made no larger than paper needs, readable or refused.

The file itself stays in the record and in the bundle, byte for byte; what is printed is a copy of
it, and its digest stands beside it.
"""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

LONGEST_SIDE = 1200
"""Pixels: about 360 to the inch at the width in which photos are printed."""
MOST_PIXELS = 60_000_000
QUALITY = 85
KINDS = ("image/png", "image/jpeg")


def printable(photo: bytes) -> bytes | None:
    """The photo as a JPEG for print, the same bytes every time; None when it cannot be read."""
    try:
        with Image.open(BytesIO(photo), formats=("PNG", "JPEG")) as found:
            if found.width * found.height > MOST_PIXELS:
                return None
            return _drawn(found)
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None


def _drawn(found: Image.Image) -> bytes:
    upright = ImageOps.exif_transpose(found).convert("RGBA")
    # PDF/A allows transparency, but a photo has none to say: it lies on white.
    plain = Image.new("RGB", upright.size, "white")
    plain.paste(upright, mask=upright.getchannel("A"))
    plain.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    out = BytesIO()
    plain.save(out, "JPEG", quality=QUALITY)
    return out.getvalue()
