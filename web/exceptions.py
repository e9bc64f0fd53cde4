"""Exceptions over all batches: what comes back, where, how often, how grave (URS-DEV-040).

Counts lead to the exceptions behind them; every view has an address, both tables leave as CSV, and
the chart has the same numbers as a table beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session

from production import queries as batches
from quality import trending
from quality.trending import SEVERITIES, Case, Month, Tally
from web import filters, identity, scoping, states, tables
from web.access import needs
from web.i18n import gettext as _
from web.sentences import REPORTED, said
from web.signing import Page
from web.tables import Column
from workflows import queries as definitions

bp = Blueprint("exceptions", __name__)
HEIGHT, WIDTH, GAP = 150, 44, 14
"""Pixels of the chart: its highest bar, and breadth and distance of the bars."""
LONGEST = 24
"""Months that the chart shows; the table has all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the address asks for; an empty word narrows nothing."""

    by: str
    what: str
    product: str
    severity: str
    state: str
    month: str


@dataclass(frozen=True, slots=True)
class Piece:
    """One severity of one bar."""

    severity: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One month of the chart."""

    month: Month
    x: int
    top: float
    pieces: Sequence[Piece]


@bp.get("/exceptions")
@needs("record.read")
def overview() -> Page:
    """Counts by type, step, unit or product, by month, and the exceptions behind them."""
    asked = _asked()
    with identity.house().reading() as session:
        products = {
            batch.number: batch.product_name
            for batch in batches.batches(session)
            if scoping.reaches(batch.product_code)
        }
        every = [
            replace(case, step=_step(session, case))
            for case in trending.cases(session)
            if case.batch in products
        ]
    narrowed = [case for case in every if _fits(case, asked, products)]
    named = _names(products)[asked.by][1]
    chosen = [case for case in narrowed if not asked.what or asked.what in named(case)]
    counts = _counts(asked, trending.tallies(narrowed, named))
    listed = tables.table("cases", _("Exceptions"), _case_columns(), [*map(_row, chosen)])
    for table in (counts, listed):
        if tables.wants_csv(table):
            return tables.as_csv(table)
    months = trending.months(chosen, filters.zone())
    return render_template(
        "quality/exceptions.html",
        asked=asked,
        ways=[(code, label) for code, (label, _named) in _names(products).items()],
        products=sorted(set(products.values())),
        months=months,
        all_months=[month.name for month in reversed(trending.months(every, filters.zone()))],
        bars=_bars(months[-LONGEST:]),
        width=len(months[-LONGEST:]) * (WIDTH + GAP) + GAP,
        height=HEIGHT,
        severities=SEVERITIES,
        counts=counts,
        listed=listed,
        said=_label(asked.by, asked.what),
        batches=len({case.batch for case in chosen}),
        undecided=sum(case.state == "open" for case in chosen),
    )


def _step(session: Session, case: Case) -> str:
    """The step with its name in the recipe of that batch."""
    if not case.step:
        return ""
    return f"{case.step} {definitions.load(session, case.digest).step(case.step).name}"


def _asked() -> Asked:
    given = {name: request.args.get(name, "").strip() for name in Asked.__dataclass_fields__}
    given["by"] = given["by"] if given["by"] in ("type", "step", "unit", "product") else "type"
    return Asked(**given)


def _names(products: dict[str, str]) -> dict[str, tuple[str, Callable[[Case], Sequence[str]]]]:
    """The ways to count: its word, and what a case counts under."""
    return {
        "type": (_("Type"), lambda case: (case.type,)),
        "step": (_("Step"), lambda case: (case.step,) if case.step else ()),
        "unit": (_("Unit"), lambda case: case.units),
        "product": (_("Product"), lambda case: (products[case.batch],)),
    }


def _fits(case: Case, asked: Asked, products: dict[str, str]) -> bool:
    pairs = (
        (asked.product, products[case.batch]),
        (asked.severity, case.severity),
        (asked.state, case.state),
        (asked.month, trending.month_of(case, filters.zone()) if asked.month else ""),
    )
    return all(wanted in ("", found) for wanted, found in pairs)


def _label(by: str, what: str) -> str:
    return states.words_of(what) if by == "type" else what


def _counts(asked: Asked, found: Sequence[Tally]) -> tables.Table:
    columns = [
        Column(key="what", label=_names({})[asked.by][0], link="address"),
        *(Column(key=each, label=states.word(each), numeric=True) for each in SEVERITIES),
        Column(key="total", label=_("Total"), numeric=True),
        Column(key="batches", label=_("Batches"), numeric=True),
        Column(key="undecided", label=_("Undecided"), numeric=True),
        Column(key="last", label=_("Last"), kind="time"),
    ]
    return tables.table("counts", _("Counts"), columns, [_count_row(asked.by, t) for t in found])


def _count_row(by: str, tally: Tally) -> dict[str, Any]:
    return {
        "what": _label(by, tally.what),
        "address": url_for(".overview", by=by, what=tally.what),
        **tally.by_severity,
        "total": tally.total,
        "batches": tally.records,
        "undecided": tally.undecided,
        "last": tally.last,
    }


def _case_columns() -> list[Column]:
    return [
        Column(key="batch", label=_("Batch"), link="batch_address"),
        Column(key="severity", label=_("Severity"), kind="state"),
        Column(key="type", label=_("Type"), link="address"),
        Column(key="text", label=_("What")),
        Column(key="step", label=_("Step")),
        Column(key="state", label=_("State"), kind="state"),
        Column(key="deviation", label=_("Deviation"), link="deviation_address"),
        Column(key="at", label=_("Raised"), kind="time"),
    ]


def _row(case: Case) -> dict[str, Any]:
    record = url_for("record.exceptions", number=case.batch)
    deviation = case.deviation if scoping.opens("quality.deviation") else ""
    return {
        "batch": case.batch,
        "batch_address": url_for("record.timeline", number=case.batch),
        "address": f"{record}#exception-{case.number}",
        "severity": case.severity,
        "type": states.words_of(case.type),
        "text": case.text if case.type == REPORTED else said(case.text),
        "step": case.step,
        "state": case.state,
        "deviation": deviation,
        "deviation_address": url_for("quality.deviation", number=deviation) if deviation else "",
        "at": case.raised_at,
    }


def _bars(shown: Sequence[Month]) -> list[Bar]:
    """The months as stacked bars, the gravest at the foot; the highest fills the chart."""
    most = max((month.total for month in shown), default=0) or 1
    bars = []
    for place, month in enumerate(shown):
        top, pieces = float(HEIGHT), []
        for severity in SEVERITIES:
            height = round(HEIGHT * month.by_severity[severity] / most, 1)
            top = round(top - height, 1)
            pieces.append(Piece(severity, top, height))
        bars.append(Bar(month, GAP + place * (WIDTH + GAP), top, pieces))
    return bars
