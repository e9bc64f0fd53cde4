"""The audit trail of the whole site: ask, read, take home (W16; URS-AUD-020, -030, -100, -110).

Questions stand in the address, so they can be kept and passed on. What a person limited to some
products finds are the entries of those batches alone. Every export is an event with its digest.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, Response, render_template, request, url_for
from sqlalchemy.orm import Session

from audit import anchors, checkpoints, log, questions, searchexport, standing
from audit.models import Entry
from audit.search import SORTS, Hit, Question, Search
from audit.searchindex import places
from audit.searchterms import ACTION
from core.errors import Invalid, NotFound
from ebr.report import words
from production import queries as batches
from web import alarms, filters, identity, scoping, tables, trail_lines
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.signing import Page, go_on
from web.tables import Column

bp = Blueprint("trail", __name__)
READ = "audit.read"
TEXTS = (
    "who",
    "without",
    "action",
    "record",
    "table",
    "field",
    "object",
    "equipment",
    "recipe",
    "text",
    "rank",
)
FLAGS = ("changed", "refused", "off_hours")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A question to choose: of the house, or saved."""

    name: str
    address: str
    owner: str
    rank: str


@bp.get("/trail")
@needs(READ)
def page() -> Page:
    """The newest entries that fit the question of the address."""
    question, sort = asked(request.args), request.args.get("sort", "new")
    if sort not in SORTS:
        sort = "new"
    with identity.house().reading() as session:
        search = _search(session)
        found = search.page(question, sort=sort, after=request.args.get("after", ""))
        former, ranked = trail_lines.former_values(session, found.hits), search.ranked()
        return render_template(
            "trail/page.html",
            lines=[
                trail_lines.line(hit, former, search.rank_of(hit, ranked)) for hit in found.hits
            ],
            found=found,
            asked=question,
            given=given(question),
            sort=sort,
            older=address_of(question, sort=sort, after=found.following) if found.following else "",
            first=address_of(question, sort=sort) if request.args.get("after") else "",
            actions=_actions(search),
            kept=_kept(session),
            verified=alarms.verified(session),
            anchored=anchors.standing(session),
            waiting=alarms.is_asked(session),
            limited=scoping.is_limited(),
            report=_report(question, found.through),
            most=searchexport.MOST,
        )


@bp.get("/trail/entry/<int:index>")
@needs(READ)
def entry(index: int) -> Page:
    """Everything of one entry, its bytes, and the proof that it stands in the log."""
    with identity.house().reading() as session:
        search = _search(session)
        if index >= search.postings.through or not search.matching(Question()) >> index & 1:
            raise NotFound(
                _("There is no such entry here."), resolver=_("you, by asking the trail")
            )
        (hit,) = search.hits([index])
        newest = checkpoints.latest(session)
        tree = log.StoredTree(session)
        proof: list[str] = []
        if newest is not None and index < newest.size:
            proof = [each.hex() for each in log.inclusion_proof(tree.read, index, newest.size)]
        return render_template(
            "trail/entry.html",
            line=trail_lines.line(hit, trail_lines.former_values(session, [hit]), ""),
            data=hit.entry.data,
            entry=hit.entry,
            place=index,
            rows=_fields(hit.entry),
            payload=bytes(hit.entry.payload).decode("utf-8"),
            newest=newest,
            proof=proof,
        )


@bp.post("/trail/export")
@needs(READ)
def export() -> Page:
    """The whole selection as CSV for people or JSON with proof. Raises TooMany."""
    question, form = asked(request.form), request.form.get("form", "")
    if form not in ("csv", "json"):
        raise Invalid(_("An export is CSV or JSON."), resolver=_("you"))
    with identity.house().reading() as session:
        search = _search(session)
        found = search.matching(question)
        searchexport.require_few(found.bit_count())
        hits = search.hits(list(places(found)))
        answer = _csv(session, hits) if form == "csv" else _json(session, question, hits)
    perform(
        searchexport.record_export,
        question,
        form=form,
        count=len(hits),
        digest=hashlib.sha256(answer.get_data()).hexdigest(),
        record="site",
    )
    return answer


@bp.post("/trail/verify")
@needs(READ)
def verify() -> Page:
    """Have the site verified now; the page says when it is done."""
    perform(standing.ask, whole="whole" in request.form, record="site")
    return go_on(url_for(".page"))


@bp.post("/trail/questions")
@needs(READ)
def keep() -> Page:
    """Keep the question under a name, or withdraw it. Raises QuestionRefused."""
    question = asked(request.form)
    perform(
        questions.save_question,
        request.form.get("name", ""),
        question,
        shared="shared" in request.form,
        withdrawn="withdraw" in request.form,
        record="site",
    )
    return go_on(address_of(question))


def _report(question: Question, through: int) -> dict[str, str] | None:
    """The subject of the report about this answer; None for who must choose a product first."""
    scope = scoping.document_scope()
    told = json.dumps(question.as_json(), sort_keys=True, ensure_ascii=False)
    return None if scope is None else {**scope, "question": told, "through": str(through)}


def _search(session: Session) -> Search:
    if not scoping.is_limited():
        return Search(session, ranks=questions.RANKS)
    reached = [
        f"batch/{batch.number}"
        for batch in batches.batches(session)
        if scoping.reaches(batch.product_code)
    ]
    return Search(session, ranks=questions.RANKS, records=reached)


def asked(form: Any) -> Question:
    """The question of an address or a form. Days are days of the site; `until` is inclusive."""
    fields: dict[str, Any] = {name: str(form.get(name, "")).strip()[:200] for name in TEXTS}
    fields |= {name: form.get(name, "") == "1" for name in FLAGS}
    until = _day(form.get("until", ""))
    return Question(
        **fields,
        since=_day(form.get("since", "")),
        until=None if until is None else _next_day(until),
    )


def _day(text: str) -> datetime | None:
    if not text:
        return None
    try:
        there = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=ZoneInfo(filters.zone()))
        return there.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Invalid(
            _("A day is written like 2026-03-02."), resolver=_("you, by choosing a day")
        ) from None


def _next_day(moment: datetime) -> datetime:
    there = moment.astimezone(ZoneInfo(filters.zone()))
    return (
        (there.replace(tzinfo=None) + timedelta(days=1))
        .replace(tzinfo=there.tzinfo)
        .astimezone(UTC)
    )


def given(question: Question) -> dict[str, str]:
    """The question as fields of a form or an address."""
    told = {name: getattr(question, name) for name in TEXTS}
    told |= {name: "1" for name in FLAGS if getattr(question, name)}
    zone = ZoneInfo(filters.zone())
    if question.since is not None:
        told["since"] = f"{question.since.astimezone(zone):%Y-%m-%d}"
    if question.until is not None:
        last = question.until - timedelta(microseconds=1)
        told["until"] = f"{last.astimezone(zone):%Y-%m-%d}"
    return {name: value for name, value in told.items() if value}


def address_of(question: Question, **more: str) -> str:
    """The page that answers a question; `more` are order and place."""
    values: dict[str, Any] = {**given(question), **more}
    return url_for("trail.page", **values)


def _actions(search: Search) -> list[tuple[str, str]]:
    return sorted((words.action(code), code) for code in search.postings.values(ACTION))


def _kept(session: Session) -> list[Kept]:
    told = _house_words()
    house = [
        Kept(name=told[each.code], address=address_of(each.question), owner="", rank=each.rank)
        for each in questions.HOUSE
    ]
    saved = questions.saved(session, identity.me().badge)
    return house + [
        Kept(
            name=row.name,
            address=address_of(Question.of_json(row.question)),
            owner=row.owner,
            rank="",
        )
        for row in saved
    ]


def _house_words() -> dict[str, str]:
    """The questions of the house in the language of this request, by their codes."""
    return {
        "corrections": _("Values corrected after their first entry"),
        "clock": _("Jumps of a clock"),
        "tampering": _("Verifications that failed"),
        "refused": _("Refused attempts"),
        "changes": _("All changes after the first entry"),
        "gaps": _("Gaps in recorded data"),
        "off-hours": _("Outside working hours"),
    }


def _fields(found: Entry) -> list[dict[str, Any]]:
    """Every field that the entry wrote: table, row, name, old, new."""
    rows = []
    for change in found.data["changes"]:
        before, after = change["before"], change["after"]
        names = sorted(after) if before is None else sorted(before)
        rows += [
            {
                "table": change["table"],
                "id": change["id"],
                "name": name,
                "old": None if before is None else before[name],
                "new": after.get(name),
            }
            for name in names
        ]
    return rows


def _csv(session: Session, hits: list[Hit]) -> Response:
    former = trail_lines.former_values(session, hits)
    columns = [
        Column(key="index", label=_("Place in the log")),
        Column(key="at", label=_("Site time")),
        Column(key="who", label=_("Name")),
        Column(key="badge", label=_("Badge")),
        Column(key="role", label=_("Role")),
        Column(key="terminal", label=_("Terminal")),
        Column(key="action", label=_("Action")),
        Column(key="record", label=_("Record")),
        Column(key="object", label=_("Object")),
        Column(key="told", label=_("Changes")),
        Column(key="reason", label=_("Reason")),
        Column(key="sha256", label="SHA-256"),
    ]
    rows = [
        {
            **trail_lines.line(hit, former, ""),
            "told": tuple(trail_lines.told(hit.entry.data, former)),
            "sha256": hashlib.sha256(bytes(hit.entry.payload)).hexdigest(),
        }
        for hit in hits
    ]
    return tables.as_csv(
        tables.Table(
            name="audit-trail", caption="", columns=columns, rows=rows, total=len(rows),
            page=1, pages=1, sort="", descending=False, query="",
        )
    )  # fmt: skip


def _json(session: Session, question: Question, hits: list[Hit]) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="audit-trail.json"'}
    data = searchexport.selection_json(session, question, hits)
    return Response(data, mimetype="application/json", headers=headers)


def words_of(question: Question) -> list[tuple[str, str]]:
    """A question for people: what was asked for, and the value. Empty when nothing narrows it."""
    labels = {
        "who": _("Who"),
        "without": _("Without acts of"),
        "action": _("Action"),
        "record": _("Record"),
        "object": _("Step or object"),
        "field": _("Field"),
        "table": _("Table"),
        "equipment": _("Equipment"),
        "recipe": _("Recipe"),
        "text": _("Words of the reason"),
        "since": _("From day"),
        "until": _("To day"),
        "rank": _("Rank"),
        "changed": _("only changes after first entry"),
        "off_hours": _("only outside working hours (Monday to Friday, 6 to 22)"),
        "refused": _("only refused attempts"),
    }
    told = given(question)
    return [(label, _word(name, told[name])) for name, label in labels.items() if name in told]


def _word(name: str, value: str) -> str:
    if name in FLAGS:
        return _("yes")
    if name == "rank":
        return {"critical": _("critical"), "major": _("major")}.get(value, value)
    return words.action(value) if name == "action" else value
