"""Pictures for the story, as a camera would give them: drawn, and saying that they are."""

from __future__ import annotations

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

SIZE = (480, 320)
MESH = 16
GROUND, STEEL, WIRE, INK = "#d9dee1", "#aab4bb", "#6f7a83", "#14191d"


def picture(name: str) -> bytes:
    """A sieve with a line of text below, as PNG; the same name gives the same bytes."""
    image = Image.new("RGB", SIZE, GROUND)
    pen = ImageDraw.Draw(image)
    width, height = SIZE
    middle, radius = (width // 2, height // 2 - 20), 115
    left, top = middle[0] - radius, middle[1] - radius
    right, bottom = middle[0] + radius, middle[1] + radius
    for x in range(left, right, MESH):
        pen.line((x, top, x, bottom), fill=WIRE)
    for y in range(top, bottom, MESH):
        pen.line((left, y, right, y), fill=WIRE)
    # A wide ring hides the wires outside the frame.
    pen.ellipse((left - 60, top - 60, right + 60, bottom + 60), outline=GROUND, width=60)
    pen.ellipse((left, top, right, bottom), outline=STEEL, width=12)
    pen.rectangle((0, height - 34, width, height), fill="#ffffff")
    pen.text(
        (12, height - 28),
        f"Demonstration picture: {name}",
        fill=INK,
        font=ImageFont.load_default(18),
    )
    out = BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()
