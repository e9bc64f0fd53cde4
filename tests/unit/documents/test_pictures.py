"""Photos for paper: upright, of a size that paper needs, or refused."""

from __future__ import annotations

from io import BytesIO

import pytest
from PIL import Image

from documents.pictures import LONGEST_SIDE, printable


def photo(size: tuple[int, int], kind: str = "JPEG", mode: str = "RGB", **more: object) -> bytes:
    out = BytesIO()
    Image.new(mode, size, 200 if mode == "L" else None).save(out, kind, **more)
    return out.getvalue()


def opened(content: bytes | None) -> Image.Image:
    assert content is not None
    return Image.open(BytesIO(content))


def test_a_large_photo_is_made_smaller_and_keeps_its_shape() -> None:
    found = opened(printable(photo((4000, 3000))))
    assert found.size == (LONGEST_SIDE, LONGEST_SIDE * 3 // 4)


def test_a_photo_taken_sideways_stands_upright() -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    assert opened(printable(photo((400, 300), exif=turned))).size == (300, 400)


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "LA", "1"])
def test_every_kind_of_picture_becomes_a_plain_one(mode: str) -> None:
    found = opened(printable(photo((40, 30), "PNG", mode)))
    assert (found.format, found.mode, found.size) == ("JPEG", "RGB", (40, 30))


def test_transparent_parts_lie_on_white() -> None:
    out = BytesIO()
    Image.new("RGBA", (8, 8), (0, 0, 0, 0)).save(out, "PNG")
    assert opened(printable(out.getvalue())).getpixel((4, 4)) == (255, 255, 255)


def test_the_same_photo_gives_the_same_bytes() -> None:
    assert printable(photo((90, 60))) == printable(photo((90, 60)))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no picture",
        photo((40, 30))[:200],
        photo((40, 30), "GIF"),
        photo((9000, 9000), "PNG", "1"),
    ],
    ids=["empty", "text", "cut off", "another kind", "too large"],
)
def test_what_is_no_picture_for_paper_is_refused(content: bytes) -> None:
    assert printable(content) is None
