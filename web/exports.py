"""Exports for auditors (W18): choose records, let a job pack them, take the package home.

What stands here is what the person may read: lists are narrowed to the products of a limited
account, and the commands behind ask again. A package is verified without us, with the verifier
inside; its own SHA-256 and the keys of the site stand here as another way to get them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from audit import restored, verifier
from core.house import moment
from core.types import to_json
from ebr import packages
from ebr import queries as records
from ebr.bundle import EXPORT, SITE_KEYS, Options
from ebr.packages import Estimate, Wanted
from personnel import queries as people
from personnel.matrix import roles_with
from production import queries
from production.models import Batch
from web import desk, identity, production, record_views, scoping
from web.access import needs
from web.performing import perform
from web.signing import Page, go_on

bp = Blueprint("exports", __name__)
RANGE = re.compile(r"([A-Za-z0-9._-]*[A-Za-z0-9_-])\s*\.\.\s*([A-Za-z0-9._-]+)")
JSON = "application/json"
PYTHON = "text/x-python"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One batch that can be chosen; `size` is about how many bytes its bundle takes."""

    number: str
    address: str
    product: str
    product_code: str
    state: str
    disposition: str
    size: int = 0


@bp.get("/exports")
@needs(EXPORT)
def page() -> Page:
    """What, how and who, the exports so far, and how to verify one."""
    with identity.house().reading() as session:
        job = record_views.job_with(session, request.args.get("job", ""))
        told: dict[str, Any] = {
            "job": job,
            "exports": packages.packages(session, by=identity.actor()),
        }
        if "fragment" in request.args:
            return render_template("exports/list.html", **told)
        until, every = _until(session), _lines(session)
        found = narrowed(every, request.args.get("numbers", ""), request.args.get("product", ""))
        shown = [_weighed(session, line) for line in found[: packages.MOST_RECORDS]]
    return render_template(
        "exports/page.html",
        lines=shown,
        more=len(found) - len(shown),
        total=Estimate(records=len(shown), size=sum(line.size for line in shown)),
        products=sorted({(line.product_code, line.product) for line in every}),
        verifier_digest=hashlib.sha256(_verifier()).hexdigest(),
        until=until,
        limited=scoping.is_limited(),
        **told,
    )


def _lines(session: Session) -> list[Line]:
    runs = {run.number: run for run in records.runs(session)}
    shown = [batch for batch in queries.batches(session) if scoping.reaches(batch.product_code)]
    return [_line(batch, production.state_of(batch, runs[batch.number])) for batch in shown]


def _weighed(session: Session, line: Line) -> Line:
    wanted = Wanted(numbers=(line.number,), options=Options())
    return replace(line, size=packages.estimate(session, wanted).size)


def _line(batch: Batch, state: str) -> Line:
    return Line(
        number=batch.number,
        address=url_for("record.timeline", number=batch.number),
        product=batch.product_name,
        product_code=batch.product_code,
        state=state,
        disposition=str(batch.disposition),
    )


def narrowed(lines: Sequence[Line], numbers: str, product: str) -> list[Line]:
    """Those of a product whose number is named: one by one, or as ``B-2030..B-2041``."""
    ranges = RANGE.findall(numbers)
    single = set(re.split(r"[\s,;]+", RANGE.sub(" ", numbers).strip())) - {""}
    return [
        line
        for line in lines
        if (not product or line.product_code == product)
        and (
            not (ranges or single)
            or line.number in single
            or any(first <= line.number <= last for first, last in ranges)
        )
    ]


def _until(session: Session) -> datetime | None:
    """When the last role of this person that may export ends; None when it does not."""
    at, able = moment(session).site, roles_with(EXPORT)
    held = people.grants(session, at=at, badge=identity.me().badge)
    ends = [grant.until for grant in held if grant.role in able]
    return None if None in ends else max((end for end in ends if end is not None), default=None)


@bp.post("/exports")
@needs(EXPORT)
def ask() -> Response:
    """Ask for a package of the chosen records."""
    wanted = Wanted(
        numbers=tuple(request.form.getlist("number")),
        options=Options(attachments="attachments" in request.form, trends="trends" in request.form),
    )
    job = perform(packages.request_package, wanted, record="site", tell=str)
    return go_on(url_for(".page", job=job))


@bp.get("/exports/<uuid:document>")
@needs(EXPORT)
def download(document: UUID) -> Response:
    """The package, byte for byte as it was made."""
    with identity.house().reading() as session:
        at = moment(session).site
        allowed = packages.package_for(session, document, by=identity.actor(), at=at)
        name, data = packages.package_of(session, allowed)
    return desk.file(data, "application/zip", name)


@bp.get("/exports/trust.json")
@needs(EXPORT)
def trust() -> Response:
    """The public keys of the site, by another way than the package."""
    with identity.house().reading() as session:
        keys = restored.keys_now(session, identity.house().services[SITE_KEYS])
    return desk.file(to_json(keys.published()) + "\n", JSON, "trust.json")


@bp.get("/exports/verify.py")
@needs(EXPORT)
def program() -> Response:
    """The verifier, by another way than the package."""
    return desk.file(_verifier(), PYTHON, "verify.py")


def _verifier() -> bytes:
    return Path(verifier.__file__).read_bytes()
