"""Documents of every kind: ask for one, wait for it, take it, see which were issued (W20).

One page for whatever kinds the site registers (`ebr.printables`); the kind itself refuses who may
not have it, when it is asked for and every time it is opened (URS-REP-010, URS-REP-040).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.clock import local
from core.errors import NotFound, Refusal
from core.house import moment
from core.jobs import Job
from ebr import copies, issuing, printables
from ebr.copies import Balance
from ebr.report.models import RECORD_KIND, IssuedDocument
from hardware import queries as plant
from production import queries as batches
from web import desk, filters, identity, record_views, scoping
from web.access import needs, passive
from web.i18n import gettext as _
from web.performing import perform
from web.signing import Page, go_on

bp = Blueprint("documents", __name__)
READ = "record.read"
LONGEST = 2000
"""Letters of one field of a subject; a question to the trail is the longest."""
SHOWN = 100
"""Documents of the list; those before them are found by their kind or their words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An issued document with the balance of its copies."""

    document: IssuedDocument
    kind: str
    balance: Balance


@bp.get("/documents")
@needs(READ)
def page() -> Page:
    """What can be asked for, and what was issued, narrowed by kind and words."""
    only, words = request.args.get("kind", ""), request.args.get("q", "").strip()
    with identity.house().reading() as session:
        products = sorted(
            {
                (each.product_code, each.product_name)
                for each in batches.batches(session)
                if scoping.reaches(each.product_code)
            }
        )
        return render_template(
            "documents/page.html",
            lines=list(_lines(session, only, words)),
            most=SHOWN,
            kinds=kinds(),
            only=only,
            words=words,
            products=products,
            units=[] if scoping.is_limited() else plant.equipment_list(session),
            limited=scoping.is_limited(),
            today=f"{local(moment(session).site, filters.zone()):%Y-%m-%d}",
        )


def kinds() -> dict[str, str]:
    """Words for the kinds that this site issues, by name."""
    told = {
        RECORD_KIND: _("Record"),
        "exceptions": _("Exception report"),
        "register": _("Batch register"),
        "logbook": _("Equipment logbook"),
        "trail": _("Audit-trail report"),
        "recipe": _("Master recipe"),
    }
    here = {RECORD_KIND, *identity.house().services.get(printables.KINDS, ())}
    return {name: told.get(name, name.replace("_", " ")) for name in sorted(here)}


def _lines(session: Session, only: str, words: str) -> Iterator[Line]:
    """The newest documents that the person here may open."""
    known, shown = kinds(), 0
    for found in issuing.issued(session, kind=only or None, words=words):
        if found.kind in known and may_open(session, found):
            balance = copies.balance(session, found.id)
            yield Line(document=found, kind=known[found.kind], balance=balance)
            shown += 1
        if shown == SHOWN:
            return


def may_open(session: Session, found: IssuedDocument) -> bool:
    """Whether the kind lets the person here have this document."""
    try:
        _require(session, found)
    except Refusal:
        return False
    return True


def _require(session: Session, found: IssuedDocument) -> None:
    kind = issuing.kind_of(session.info["services"], found.kind)
    kind.require(session, issuing.subject_of(found), by=identity.actor())


@bp.post("/documents/<kind>")
@needs(READ)
def ask(kind: str) -> Response:
    """Ask for a document about what the fields of the form name."""
    _require_known(kind, subject_of(request.form))
    asked = perform(issuing.request, kind, subject_of(request.form), record="site", tell=_asked)
    if asked["document"]:
        return go_on(url_for(".document", document=asked["document"]))
    return go_on(url_for(".waiting", job=asked["job"]))


def _require_known(kind: str, subject: Mapping[str, str]) -> None:
    """To somebody limited to some products, what there is not is like what is out of reach."""
    if not scoping.is_limited():
        return
    with identity.house().reading() as session:
        made = issuing.kind_of(session.info["services"], kind)
        try:
            made.require(session, subject, by=identity.actor())
        except NotFound:
            raise scoping.refused() from None


def subject_of(form: Mapping[str, str]) -> dict[str, str]:
    """The fields of a form that name a subject: those with the prefix ``of-``, filled in."""
    named = {name[3:]: text.strip()[:LONGEST] for name, text in form.items() if name[:3] == "of-"}
    return {name: text for name, text in sorted(named.items()) if text}


def _asked(answer: issuing.Asked) -> dict[str, str]:
    return {"document": str(answer.document or ""), "job": str(answer.job or "")}


@bp.get("/documents/jobs/<uuid:job>")
@passive
@needs(READ)
def waiting(job: UUID) -> Page:
    """How far the document is; leads to it when it is made."""
    with identity.house().reading() as session:
        found = session.get(Job, job)
        if found is None or found.kind != issuing.ISSUE_JOB:
            raise NotFound(_("There is no such request."), resolver=_("the list of documents"))
        kind = issuing.kind_of(session.info["services"], found.payload["kind"])
        kind.require(session, found.payload["subject"], by=identity.actor())
        made = issuing.issued_by(session, job)
        if made is not None:
            return _on_to(url_for(".document", document=made.id))
        told = {"job": record_views.job_with(session, str(job)), "kinds": kinds(),
                "kind": kind.name}  # fmt: skip
        template = "progress" if "fragment" in request.args else "waiting"
        return render_template(f"documents/{template}.html", **told)


def _on_to(address: str) -> Response:
    """The next page; asked for by a script, the whole page changes."""
    if "fragment" not in request.args:
        return go_on(address)
    return Response("", headers={"HX-Redirect": address})


@bp.get("/documents/<uuid:document>")
@needs(READ)
def document(document: UUID) -> Page:
    """One document: what it is, by which digest it is known, its file and its copies."""
    with identity.house().reading() as session:
        found = issuing.document(session, document)
        _require(session, found)
        return render_template(
            "documents/document.html",
            document=found,
            kind=kinds().get(found.kind, found.kind),
            subject=issuing.subject_of(found),
            balance=copies.balance(session, document),
        )


@bp.get("/documents/<uuid:document>/file")
@needs(READ)
def file(document: UUID) -> Response:
    """The bytes of the document, checked against the digest of their issue."""
    with identity.house().reading() as session:
        found = issuing.document(session, document)
        _require(session, found)
        data: Any = issuing.current_file(session, document)
        name, media_type = found.name, found.media_type
    return desk.file(data, media_type, name, inline=media_type == issuing.PDF)
