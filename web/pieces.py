"""A page that shows every shared piece in every state, for eyes and for tests (ux.md 4.3b)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from flask import Blueprint, Response

from core.house import moment
from ebr.rules import EvaluatedLimit
from web import desk, filters, identity, limits, states, tables
from web.access import needs
from web.errors import Problem
from web.i18n import gettext as _
from web.stepfields import FieldView
from web.tables import Column
from workflows.step import Limit
from workflows.words import Tier

bp = Blueprint("pieces", __name__)


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the example timeline."""

    at: datetime
    state: str
    text: str
    who: str = ""


@bp.get("/pieces")
@needs("plant.present")
def pieces() -> str | Response:
    """All shared pieces at once, or the example table as CSV."""
    with identity.house().reading() as session:
        now = moment(session).site
    return desk.table_page(
        "pieces_page.html",
        _table(now),
        codes=list(states.SHAPES),
        problem_=Problem(
            status=409,
            title=_("This cannot be done now"),
            fact="MC-2188 expired on 2026-02-28",
            rule="lot.expired",
            resolver="Samuel Okafor (P-107)",
            recorded=_("Nothing was recorded. The attempt is noted in the audit trail."),
        ),
        scales=[_scale("10.05"), _scale("10.31"), _scale("10.90"), _scale(None)],
        fields=[_field("mass", "decimal"), _field("look", "choice"), _field("picture", "photo")],
        tags=[_tag(good=True), _tag(good=False)],
        events=[
            Event(now - timedelta(minutes=40), "complete", "G160 Sample granules", "Anna Kern"),
            Event(now - timedelta(minutes=12), "action", "G170 2.7 %", "Inês Duarte"),
            Event(now - timedelta(minutes=2), "held", "B-2045", "Miriam Vogel"),
            Event(now, "started", "G180 Dry 10 min more"),
        ],
        span=filters.span(timedelta(hours=2, minutes=5)),
        content={
            "record": "B-2045",
            "values": [{"code": "LOD", "text": "1.80", "unit": "%", "verdict": "in"}],
            "revision": 1,
        },
    )


def _limits() -> list[EvaluatedLimit]:
    ends = ((Tier.ALERT, "9.80", "10.20"), (Tier.ACTION, "9.50", "10.50"))
    return [
        EvaluatedLimit(tier=tier, low=Decimal(low), high=Decimal(high), rule=Limit(tier=tier))
        for tier, low, high in ends
    ]


def _scale(value: str | None) -> limits.Scale | None:
    mark = None if value is None else Decimal(value)
    return limits.scale_of(_limits(), Decimal("10.00"), "kg", mark)


def _tag(*, good: bool) -> dict[str, object]:
    words = _("good, %(age)s old", age="1 s") if good else "no connection to the device"
    return {"value": "41.8", "text": filters.number("41.8"), "unit": "°C", "good": good} | {
        "words": words
    }


def _field(code: str, type_: str) -> FieldView:
    return FieldView(
        code=code,
        label={"mass": "Net mass", "look": "Appearance", "picture": "Picture"}[code],
        type=type_,
        unit="kg" if type_ == "decimal" else None,
        required=type_ != "photo",
        critical=type_ == "decimal",
        numeric=type_ == "decimal",
        calculated=False,
        device=False,
        source="",
        tag="",
        take="",
        replicates=1,
        choices=[("clear", "clear"), ("lumps", "lumps")],
        scale=_scale(None) if type_ == "decimal" else None,
        values=["10.31"] if type_ == "decimal" else [],
        reading=[],
        reading_words="",
        not_applicable="",
        staged="",
    )


def _table(now: datetime) -> tables.Table:
    return tables.table(
        "lots",
        _("Example table"),
        [
            Column(key="lot", label=_("Lot")),
            Column(key="quantity", label=_("Quantity"), numeric=True),
            Column(key="state", label=_("State"), kind="state"),
            Column(key="at", label=_("Since"), kind="time"),
        ],
        [
            {"lot": "PA-0411", "quantity": Decimal("36.50"), "state": "released", "at": now},
            {"lot": "PA-0463", "quantity": Decimal("200.00"), "state": "quarantine", "at": now},
            {"lot": "CC-0771", "quantity": Decimal("6.000"), "state": "blocked", "at": now},
        ],
    )
