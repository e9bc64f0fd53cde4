"""Two-dimensional codes as inline SVG: GS1 DataMatrix for goods, QR for everything else."""

from __future__ import annotations

from collections.abc import Iterable

import segno
import zint
from markupsafe import Markup, escape

from documents.errors import CodeNotPrintable


def datamatrix_svg(elements: str, *, label: str) -> Markup:
    """GS1 DataMatrix of a bracketed element string such as ``(01)...(10)...``.

    `label` is the alternative text. The quiet zone of one module is part of the picture.
    """
    symbol = zint.Symbol()
    symbol.symbology = zint.Symbology.DATAMATRIX
    symbol.input_mode = zint.InputMode.GS1 | zint.InputMode.GS1PARENS
    # A wrong check digit is only a warning otherwise, and the code would be printed.
    symbol.warn_level = zint.WarningLevel.FAIL_ALL
    symbol.option_3 = zint.DataMatrixOptions.SQUARE
    try:
        symbol.encode(elements)
    except (RuntimeError, ValueError) as error:
        raise CodeNotPrintable(f"{elements}: {error}") from error
    symbol.buffer_vector()
    vector = symbol.vector
    if vector is None:
        raise CodeNotPrintable(f"{elements}: nothing was drawn")
    module = min(rect.height for rect in vector.rectangles)
    dark = (
        (r.x / module, r.y / module, r.width / module, r.height / module) for r in vector.rectangles
    )
    return _svg(dark, round(vector.width / module), quiet=2, label=label)


def qr_svg(text: str, *, label: str) -> Markup:
    """QR code, error correction M, of any text; the quiet zone of four modules is included."""
    try:
        code = segno.make_qr(text, error="m", boost_error=False)
    except (segno.encoder.DataOverflowError, ValueError) as error:
        raise CodeNotPrintable(f"{text[:40]}: {error}") from error
    rows = [list(map(bool, row)) for row in code.matrix]
    return _svg(_bars(rows), len(rows), quiet=4, label=label)


def _bars(rows: list[list[bool]]) -> Iterable[tuple[float, float, float, float]]:
    """Dark runs of each row as rectangles of one module height."""
    for y, row in enumerate(rows):
        x = 0
        while x < len(row):
            width = next((i for i, dark in enumerate(row[x:]) if not dark), len(row) - x)
            if width:
                yield x, y, width, 1
            x += width or 1


def _svg(
    dark: Iterable[tuple[float, float, float, float]], size: int, *, quiet: int, label: str
) -> Markup:
    path = "".join(
        f"M{x + quiet:g} {y + quiet:g}h{width:g}v{height:g}h{-width:g}z"
        for x, y, width, height in dark
    )
    whole = size + 2 * quiet
    return Markup(  # noqa: S704 - the label is escaped
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {whole} {whole}"'
        f' role="img" shape-rendering="crispEdges"><title>{escape(label)}</title>'
        f'<path d="M0 0h{whole}v{whole}h-{whole}z" fill="#fff"/><path d="{path}"/></svg>'
    )
