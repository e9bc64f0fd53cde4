"""An example record page by page, and the fonts that the browser assets bring."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import exp
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment

from documents.charts import LimitLine, Point, Series, trend_chart
from documents.environment import make_environment
from documents.fonts import FontSet, load_fonts
from documents.views import CorrectionView, Face, Fact, LimitTier, SignatureView, State

AT = datetime(2026, 10, 22, 9, 30, tzinfo=UTC)
ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Row:
    """One recorded parameter of the example."""

    name: str
    limits: tuple[LimitTier, ...]
    value: str
    unit: str
    state: State
    word: str
    origin: str
    at: datetime = AT


@pytest.fixture(scope="session")
def fonts() -> FontSet:
    """The fonts that the set-up builds; a missing one is a broken set-up, not a skipped test."""
    return load_fonts(ROOT / "web" / "static" / "dist" / "fonts")


@pytest.fixture(scope="session")
def environment() -> Environment:
    return make_environment()


@pytest.fixture(scope="session")
def example_html(environment: Environment) -> Callable[..., str]:
    """The example as HTML; keyword arguments replace parts of the face or of the data."""
    template = environment.from_string((Path(__file__).parent / "example.html").read_text())

    def build(*, lines: int = 14, comments: tuple[str, ...] = (), **changes: Any) -> str:
        return template.render(
            **_data(), face=_face(**changes), line_count=lines, comments=comments or COMMENTS
        )

    return build


COMMENTS = (
    "Temperatur ≤ 48 °C, Filterdruckdifferenz 1 950 Pa, Partikel 250 µm bis 1 000 µm; "
    "Wirbelschichttrocknungsanlagenfilterdruckdifferenzüberwachungsprotokoll geprüft.",
    "Signed by Tomasz Wójcik, Inês Duarte and Dr. Hélène Brandt; Ω = 12 kΩ, Δp ≥ 10 Pa, α-lactose.",
)


def _face(**changes: Any) -> Face:
    values: dict[str, Any] = {
        "title": "Batch record",
        "subject": "Batch B-2045",
        "version": "Record version 812",
        "site_name": "Demo Plant North",
        "site_mode": "DEMONSTRATION",
        "zone": "Europe/Berlin",
        "language": "en",
        "generated_at": AT,
        "generated_by": "Samuel Okafor (P-107)",
        "software": "Batchwright 0.1.0",
        "template": "record 3",
        "content_digest": "4f8a1c20d37be95f" * 4,
        "checkpoint": "size 18 204, root 9c1f7ae2…, 2026-10-22 11:29:58 +02:00",
        "state": (State.DONE, "released for packaging"),
        "time_simulated": True,
        "facts": (
            Fact(label="Product", value="Paracetamol 500 mg tablets"),
            Fact(label="Recipe", value="REC-0017 version 3 (effective)"),
            Fact(label="Batch size", value="100.000 kg = 160,000 tablets"),
            Fact(label="Order", value="PO-2045"),
            Fact(label="Started", value="2026-10-21 06:02:11 +02:00"),
            Fact(label="Completed", value="2026-10-21 15:48:40 +02:00"),
            Fact(label="Expiry", value="2029-10-31"),
            Fact(label="Disposition", value="Released for packaging"),
            Fact(label="Signed acts", value="102"),
        ),
    }
    return Face(**{**values, **changes})


def _data() -> dict[str, Any]:
    return {
        "intro": "Wet granulation of one batch from dispensing to bulk tablets. Four exceptions "
        "were raised and decided, one value was corrected, no item is open.",
        "instruction": "Dry at an inlet temperature of 60 Cel until the product has held 40.0 Cel "
        "for two minutes, for at least 30 min. Watch the filter pressure drop.",
        "summary": [
            Fact(label="Exceptions", value="4 (1 information, 2 minor, 1 major), all decided"),
            Fact(label="Corrections", value="1"),
            Fact(label="Tablet yield", value="97.57 %"),
            Fact(label="Accountability", value="99.96 %"),
        ],
        "rows": _rows(),
        "lod": (
            LimitTier(tier="Target", text="1.80"),
            LimitTier(tier="Alert", text="1.2–2.2"),
            LimitTier(tier="Action", text="1.0–2.5 %"),
        ),
        "trend": trend_chart(
            [drying()], unit="Cel", zone="Europe/Berlin", decimals=1, limits=LIMITS
        ),
        "change": CorrectionView(
            old="1.98 %",
            new="1.88 %",
            reason="Typing error; the printout of MOI-01 says 1.88 %",
            by="Inês Duarte (P-106)",
            at=AT,
        ),
        "signatures": [
            _signature("Inês Duarte", "P-106", "QC", "performed"),
            _signature("Paul Roth", "P-102", "OP", "verified"),
            _signature("Paul Roth", "P-102", "OP", "verified", superseded=True),
        ],
        "states": [(state, state.css.replace("-", " ")) for state in State],
    }


def _rows() -> list[Row]:
    temperature = (
        LimitTier(tier="Target", text="60.0"),
        LimitTier(tier="Alert", text="57–63"),
        LimitTier(tier="Action", text="55–65 Cel"),
    )
    product = (LimitTier(tier="Alert", text="≤ 46"), LimitTier(tier="Action", text="≤ 48 Cel"))
    filter_drop = (
        LimitTier(tier="Alert", text="≤ 2000"),
        LimitTier(tier="Action", text="≤ 2500 Pa"),
    )
    tag = "FBD-01, OPC UA, good"
    return [
        Row("Inlet air *", temperature, "60.2", "Cel", State.DONE, "within", tag),
        Row("Product *", product, "46.3", "Cel", State.NEAR_LIMIT, "alert", tag),
        Row("Filter drop", filter_drop, "2610", "Pa", State.OUT_OF_LIMIT, "action", tag),
        Row("Exhaust", (), "–", "Cel", State.NO_GOOD_VALUE, "link lost", tag),
    ]


def _signature(
    name: str, user: str, role: str, meaning: str, *, superseded: bool = False
) -> SignatureView:
    return SignatureView(
        printed_name=name,
        user_id=user,
        role=role,
        meaning=meaning,
        signed_at=AT,
        superseded=superseded,
        note="Value corrected afterwards; signed again below." if superseded else "",
    )


LIMITS = [
    LimitLine(tier="action", value=Decimal("48"), label="Action 48"),
    LimitLine(tier="alert", value=Decimal("46"), label="Alert 46"),
    LimitLine(tier="target", value=Decimal("40"), label="End point 40"),
]


def drying() -> Series:
    """55 minutes of product temperature every 5 s, with a gap of 40 s and one doubtful stretch."""
    points = []
    for second in range(0, 3300, 5):
        if 1800 < second < 1840:
            continue
        plateau = 28 + 18 / (1 + exp(-(second - 2300) / 240)) - 6 * exp(-second / 200)
        value = Decimal(f"{plateau:.1f}")
        points.append(Point(AT + timedelta(seconds=second), value, good=not 900 < second < 930))
    return Series(name="TI102 product", points=points, longest_step=timedelta(seconds=10))
