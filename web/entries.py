"""From the fields of a step's form to the `Entry` that the record takes.

Names: ``v-CODE`` values, ``r-CODE`` readings taken, ``n-CODE`` reasons for "not applicable", ``c``
confirmed points, ``s`` scans in order, ``u-REQ`` chosen units, files under their own code.
"""

from __future__ import annotations

from uuid import UUID

from flask import request
from werkzeug.datastructures import MultiDict

from core.errors import Invalid
from ebr.entry import Entry
from web import staging
from web.i18n import decimal_mark
from web.i18n import gettext as _
from workflows.step import Step
from workflows.words import DataType

NUMERIC = (DataType.DECIMAL, DataType.INTEGER)
FILES = (DataType.PHOTO, DataType.FILE)


def entry_of(spec: Step, *, with_files: bool = True) -> Entry:
    """Everything that the form of a step gave. Raises FileRefused unless files are left out."""
    form = request.form
    return Entry(
        values={
            p.code: given for p in spec.parameters if (given := _values(form, p.code, p.data_type))
        },
        not_applicable={
            p.code: reason
            for p in spec.parameters
            if (reason := form.get(f"n-{p.code}", "").strip())
        },
        checks=tuple(form.getlist("c")),
        scans=tuple(code.strip() for code in form.getlist("s") if code.strip()),
        units={
            name.removeprefix("u-"): unit for name, unit in form.items() if name.startswith("u-")
        },
        files=staging.collect(form, request.files) if with_files else {},
        comment=form.get("comment", ""),
        reason=form.get("reason", ""),
    )


def readings_of(form: MultiDict[str, str]) -> dict[str, list[UUID]]:
    """Readings taken before, by parameter. Raises Invalid for what is no id."""
    try:
        return {
            name.removeprefix("r-"): [UUID(given) for given in form.getlist(name)]
            for name in form
            if name.startswith("r-")
        }
    except ValueError as error:
        raise Invalid(
            _("A reading is not known."), resolver=_("you, by taking it again")
        ) from error


def revision_of(form: MultiDict[str, str]) -> int:
    """The revision of the step that the page showed."""
    given = form.get("_revision", "")
    return int(given) if given.isdecimal() and len(given) < 6 else 0


def _values(form: MultiDict[str, str], code: str, type_: DataType) -> tuple[str, ...]:
    if f"r-{code}" in form or form.get(f"n-{code}", "").strip() or type_ in FILES:
        return ()
    given = [text for text in form.getlist(f"v-{code}") if text.strip()]
    return tuple(canonical(text) if type_ in NUMERIC else text for text in given)


def canonical(text: str) -> str:
    """A typed number with the decimal point; the comma counts where the language writes one."""
    return text.replace(",", ".") if decimal_mark() == "," else text
