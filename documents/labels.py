"""Labels: one per page for a label printer (100 x 70 mm), or a sheet of them on A4.

A label shows in words what its code carries, so that it can be typed when no scanner works. The
data come from the record, never typed for the label (URS-MAT-040, URS-MAT-080); counting prints
and reprints is the caller's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from documents import codes, gs1
from documents.environment import day, render_html, stamp
from documents.errors import CodeNotPrintable
from documents.fonts import FontSet
from documents.rendering import render_pdf
from documents.views import Fact


class Stock(StrEnum):
    """What the labels are printed on."""

    SINGLE = "single"
    """One label of 100 x 70 mm per page."""

    SHEET = "sheet"
    """A4 with two columns of four labels to cut."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """One label: kind and headline, the facts below, and its code with the text under it.

    `code` is ready SVG of `codes`; `code_text` is what a person types instead of scanning;
    `emphasis` is a short line in a border of its own, such as a portion or a status.
    """

    kind: str
    headline: str
    detail: str
    code: Markup
    code_text: str
    facts: Sequence[Fact] = ()
    emphasis: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether there is room for a large code beside few words."""
        return len(self.facts) <= 2 and not self.emphasis


@dataclass(frozen=True, slots=True, kw_only=True)
class DispensedContainer:
    """A weighed portion for one batch; weights in kilograms as read from the scale."""

    sscc: str
    item_code: str
    item_name: str
    lot: str
    net_kg: Decimal
    tare_kg: Decimal
    gross_kg: Decimal
    batch: str
    operation: str
    number: int
    of: int
    weighed_by: str
    weighed_at: datetime
    use_before: datetime
    portion: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoodsContainer:
    """A drum of a received lot; the code carries the SSCC, the words carry the lot."""

    sscc: str
    item_code: str
    item_name: str
    lot: str
    net_kg: Decimal
    number: int
    of: int
    expiry: date
    status: str


def dispensed_label(container: DispensedContainer, *, zone: str) -> Label:
    """Label of a dispensed container; refused when the three weights do not add up."""
    if container.net_kg + container.tare_kg != container.gross_kg:
        raise CodeNotPrintable(
            f"net and tare of {container.sscc} do not add up to its gross weight"
        )
    return Label(
        kind="Dispensed material",
        headline=container.item_name,
        detail=f"Item {container.item_code} · Lot {container.lot}",
        emphasis=container.portion,
        code=_sscc_code(container.sscc),
        code_text=gs1.sscc_elements(container.sscc),
        facts=(
            Fact(label="Net", value=f"{container.net_kg:f} kg"),
            Fact(label="Tare · gross", value=f"{container.tare_kg:f} · {container.gross_kg:f} kg"),
            Fact(label="Batch", value=f"{container.batch} · {container.operation}"),
            Fact(label="Container", value=f"{container.number} of {container.of}"),
            Fact(label="Weighed by", value=container.weighed_by),
            Fact(label="Weighed at", value=stamp(container.weighed_at, zone)),
            Fact(label="Use before", value=stamp(container.use_before, zone)),
        ),
    )


def goods_label(container: GoodsContainer) -> Label:
    """Label of a drum in stock."""
    return Label(
        kind="Material in stock",
        headline=container.item_name,
        detail=f"Item {container.item_code} · Lot {container.lot}",
        emphasis=container.status,
        code=_sscc_code(container.sscc),
        code_text=gs1.sscc_elements(container.sscc),
        facts=(
            Fact(label="Net", value=f"{container.net_kg:f} kg"),
            Fact(label="Container", value=f"{container.number} of {container.of}"),
            Fact(label="Expiry", value=day(container.expiry)),
        ),
    )


def lot_label(
    *, gtin: str, item_code: str, item_name: str, lot: str, expiry: date | None = None
) -> Label:
    """Label of a lot as a whole, with GTIN, lot and expiry in the code."""
    elements = gs1.goods_elements(gtin, lot=lot, expiry=expiry)
    facts = (Fact(label="Expiry", value=day(expiry)),) if expiry else ()
    return Label(
        kind="Lot",
        headline=item_name,
        detail=f"Item {item_code} · Lot {lot}",
        code=codes.datamatrix_svg(elements, label=f"GS1 DataMatrix of lot {lot}"),
        code_text=elements,
        facts=facts,
    )


def plain_label(
    *, kind: str, code: str, headline: str, detail: str = "", facts: Sequence[Fact] = ()
) -> Label:
    """Label with a QR code of a plain identifier: badge, equipment, room, bin."""
    if gs1.parse_scan(code).is_gs1:
        raise CodeNotPrintable(f"{code} would be read as a GS1 code")
    svg = codes.qr_svg(code, label=f"QR code {code}")
    return Label(
        kind=kind, headline=headline, detail=detail, code=svg, code_text=code, facts=tuple(facts)
    )


def labels_pdf(
    labels: Sequence[Label],
    *,
    environment: Environment,
    fonts: FontSet,
    stock: Stock,
    title: str,
    language: str,
    site_name: str,
    site_mode: str,
    created: datetime,
) -> bytes:
    """All labels as one PDF, in the given order."""
    if not labels:
        raise CodeNotPrintable("there is no label to print")
    data: Mapping[str, Any] = {
        "labels": labels,
        "stock": stock.value,
        "title": title,
        "language": language,
        "site_name": site_name,
        "mark": "" if site_mode == "GMP" else site_mode,
    }
    html = render_html(environment, "documents/labels.html", data)
    return render_pdf(html, title=title, language=language, created=created, fonts=fonts)


def _sscc_code(sscc: str) -> Markup:
    return codes.datamatrix_svg(gs1.sscc_elements(sscc), label=f"GS1 DataMatrix of {sscc}")
