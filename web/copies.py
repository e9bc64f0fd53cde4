"""Controlled copies on screen: print one, see who holds which, account for it, look a code up.

The file to print is the answer to the form that numbers the copy and is not offered again: another
printout is another copy with a reason (URS-REP-050).
"""

from __future__ import annotations

from uuid import UUID

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import Invalid
from ebr import copies, issuing
from ebr.copies import CopyState, Fate
from ebr.report.models import ControlledCopy, CopyReturn, IssuedDocument
from web import desk, identity, inputs
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.signing import Page, go_on

bp = Blueprint("copies", __name__)
READ = "record.read"
REFUSED_ON = "site"
"""A refused copy is told by the site: told by the record it would change what the copies show."""


@bp.get("/documents/<uuid:document>/copies")
@needs(READ)
def of_document(document: UUID) -> Page:
    """The numbered copies of a document, with the balance, and the form for another one."""
    with identity.house().reading() as session:
        found = _document(session, document)
        return render_template(
            "copies/document.html",
            document=found,
            copies=[(each, words(each)) for each in copies.copies_of(session, document)],
            balance=copies.balance(session, document),
        )


@bp.post("/documents/<uuid:document>/copies")
@needs(READ)
def issue(document: UUID) -> Response:
    """Number a copy and answer with the file to print."""
    with identity.house().reading() as session:
        _document(session, document)
    code = perform(
        copies.issue_copy,
        document,
        inputs.text("holder", _("Who gets the copy")),
        inputs.text("reason", _("Reason"), needed=False),
        record=REFUSED_ON,
        tell=_code,
    )
    data = copies.printed(identity.house(), code)
    return desk.file(data, issuing.PDF, f"{code}.pdf")


def _code(made: ControlledCopy) -> str:
    return made.code


@bp.get("/copies/<code>")
@needs(READ)
def copy(code: str) -> Page:
    """Where the code on a printout leads: whether it still shows what stands in the record."""
    with identity.house().reading() as session:
        state = copies.state_of(session, code)
        _document(session, state.document.id)
        return render_template("copies/copy.html", state=state, word=words(state), fates=fates())


@bp.post("/copies/<code>/fate")
@needs(READ)
def account_for(code: str) -> Response:
    """Tell what became of a copy."""
    try:
        fate = Fate(request.form.get("fate", ""))
    except ValueError:
        raise Invalid(
            _("It is not said what became of the copy."),
            resolver=_("you, by typing it"),
            field="fate",
        ) from None
    note = inputs.text("note", _("Note"), needed=False)
    perform(copies.account_for, code, fate, note, record=REFUSED_ON, tell=_id)
    return go_on(url_for(".copy", code=code))


def _id(row: CopyReturn) -> str:
    return str(row.id)


def words(state: CopyState) -> str:
    """The state of a copy in words."""
    return {
        "valid": _("valid"),
        "superseded": _("superseded"),
        **dict(fates()),
    }[state.word]


def fates() -> list[tuple[str, str]]:
    """What can become of a copy, with its words."""
    return [
        (Fate.RETURNED.value, _("returned")),
        (Fate.DESTROYED.value, _("destroyed")),
        (Fate.LOST.value, _("lost")),
    ]


def _document(session: Session, document: UUID) -> IssuedDocument:
    """The document when this person may have it. Raises as its kind does."""
    found = issuing.document(session, document)
    kind = issuing.kind_of(session.info["services"], found.kind)
    kind.require(session, issuing.subject_of(found), by=identity.actor())
    return found
