"""The audit-trail report: every entry of one record, or of a question asked to the whole trail.

Who, what, when, where and why of each entry, old and new values, and the digest of its sealed bytes
(URS-AUD-020, URS-AUD-030, URS-AUD-100). A question is answered from the first entries of the log up
to the place that the subject names, so the same question gives the same report later.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from audit import questions, searchexport, signatures
from audit.search import Hit, Question, Search
from audit.searchindex import places
from audit.streams import SITE, Stream
from core.actors import Actor
from core.errors import Invalid
from ebr import access
from ebr.models import RunState
from ebr.printables import Draft, Subject
from ebr.report import rows as reading
from ebr.report import sheet, trail, words
from ebr.report.entrywords import Teller
from ebr.report.model import TrailLine
from ebr.report.rows import Rows
from ebr.report.scope import Scope
from ebr.report.sheet import Column, Form, Place, Sheet, Table
from ebr.report.sheetprinting import SheetKind
from ebr.report.stepmodel import Pair

READ = "audit.read"
FORMAT = "batchwright-trail-report 1"
ENDED = frozenset({RunState.COMPLETE, RunState.STOPPED, RunState.ABORTED})
ENTRIES = (
    Column(code="entry", title="No.", share=5, form=Form.NUMBER),
    Column(code="at", title="Site time, SHA-256", share=21),
    Column(code="who", title="Who, as, where", share=17),
    Column(code="what", title="What, on what", share=17, form=Form.STRONG),
    Column(code="changes", title="Changes, old → new", share=28, form=Form.LIST),
    Column(code="reason", title="Reason", share=12),
)
SIGNATURES = (
    Column(code="signed", title="Signed", share=45, form=Form.SIGNED),
    Column(code="what", title="What", share=30),
    Column(code="reason", title="Remark", share=25),
)
ASKED: Mapping[str, str] = {
    "who": "Who",
    "without": "Without acts of",
    "action": "Action",
    "record": "Record",
    "table": "Table",
    "field": "Field",
    "object": "Step or object",
    "equipment": "Equipment",
    "recipe": "Recipe",
    "text": "Words of the reason",
    "since": "From",
    "until": "Until before",
    "changed": "Only changes after first entry",
    "refused": "Only refused attempts",
    "off_hours": "Only outside working hours",
    "from_hour": "Working hours from",
    "to_hour": "Working hours to",
    "rank": "Rank",
}


class NoQuestion(Invalid):
    """The report names neither a record nor a question that can be read."""

    rule = "document.question"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a question found in the first `through` entries of the log."""

    question: Question
    through: int
    hits: Sequence[Hit]


class TrailReport(SheetKind):
    """The subject names a record, or a ``question`` as JSON and ``through``, the entries seen.

    A question may name a ``product``: who may read some products only has to.
    """

    name = "trail"
    template = "audit-trail report 1"

    def require(self, session: Session, subject: Subject, *, by: Actor) -> None:
        """Raise NotPermitted, OutOfScope, NoSuchRun, NoQuestion or TooMany."""
        if "record" in subject:
            access.require(session, subject["record"], READ, by=by)
            return
        Scope.of(session, subject).require(READ, by=by)
        _answer(session, subject, Scope.of(session, subject))

    def draft(self, session: Session, subject: Subject) -> Draft:
        """The entries in words."""
        place = sheet.place_of(session)
        if "record" in subject:
            found = reading.read(session, subject["record"])
            made, stream = _of_record(session, found, place), Stream.parse(found.run.stream)
            name = f"{found.run.number} audit trail {found.version}"
        else:
            scope = Scope.of(session, subject)
            answer = _answer(session, subject, scope)
            made, stream = _of_question(session, answer, scope, place), SITE
            name = f"Audit trail {len(answer.hits)} of {answer.through}{scope.file_words}"
        return sheet.draft_of(session, made, stream=stream, name=name, data_name="trail.json")


def _of_record(session: Session, found: Rows, place: Place) -> Sheet:
    run, lines = found.run, trail.lines(found)
    signed = signatures.of_record(session, run.stream)
    final = run.state in ENDED
    return Sheet(
        format=FORMAT,
        title="Audit-trail report",
        subject=run.number,
        version=f"Entries 1 to {found.version} · {run.code} {run.version_label}",
        place=place,
        state=run.state,
        words=f"{words.plain(run.state)}, {found.version} entries",
        facts=[
            Pair(name="Record", text=f"{run.number} {run.title}"),
            Pair(name="Recipe", text=f"{run.code} {run.version_label}"),
            Pair(name="First entry", text=place.at(lines[0].at) if lines else "–"),
            Pair(name="Last entry", text=place.at(lines[-1].at) if lines else "–"),
            Pair(name="People and services", text=_people(lines)),
            Pair(name="Signatures", text=str(len(signed))),
        ],
        statement=_statement(found, lines),
        tables=[
            Table(
                code="entries", title="Entries", columns=ENTRIES,
                rows=[_line(line, place) for line in lines],
                nothing="This record has no entry.",
            ),
            Table(
                code="signatures", title="Signatures", columns=SIGNATURES,
                rows=[
                    (sheet.signed(place, [row]), words.plain(row.object), row.reason or "–")
                    for row in signed
                ],
                nothing="Nothing was signed in this record.",
            ),
        ],
        mark="" if final else "IN PROCESS",
    )  # fmt: skip


def _people(lines: Sequence[TrailLine]) -> str:
    counted = Counter(str(line.by) for line in lines)
    return ", ".join(f"{name}: {count}" for name, count in sorted(counted.items())) or "none"


def _statement(found: Rows, lines: Sequence[TrailLine]) -> str:
    whole = [line.entry for line in lines] == list(range(1, len(lines) + 1))
    corrected = sum(line.action == "value.corrected" for line in lines)
    refused = sum(line.action == "attempt.refused" for line in lines)
    count = "1 entry" if len(lines) == 1 else f"{len(lines)} entries"
    return (
        f"{count} of this record, {'without a gap' if whole else 'WITH A GAP in their numbers'}."
        f" Corrections: {corrected or 'none'}. Refused attempts: {refused or 'none'}."
    )


def _line(line: TrailLine, place: Place) -> tuple[str, ...]:
    where = f", {line.terminal}" if line.terminal else ""
    return (
        str(line.entry),
        f"{place.at(line.at)}\n{line.digest[:16]}",
        f"{line.by}\n{line.role}{where}",
        f"{words.capital(line.action_words)}\n{line.what}",
        "\n".join(line.changes) or "–",
        line.reason or "–",
    )


def _answer(session: Session, subject: Subject, scope: Scope) -> Answer:
    """The entries that the question finds. Raises NoQuestion, TooMany."""
    question = _question(subject)
    streams = scope.streams()
    search = Search(
        session,
        ranks=questions.RANKS,
        records=None if streams is None else sorted(streams),
    )
    through = _through(subject, search.postings.through)
    found = search.matching(question) & ((1 << through) - 1)
    searchexport.require_few(found.bit_count())
    return Answer(question, through, search.hits(list(places(found))))


def _question(subject: Subject) -> Question:
    try:
        return Question.of_json(json.loads(subject.get("question", "")))
    except (ValueError, TypeError, AttributeError, Invalid):
        raise NoQuestion(
            "the report names neither a record nor a question to the trail",
            resolver="you, by asking the trail",
        ) from None


def _through(subject: Subject, searched: int) -> int:
    """How many entries of the log are looked at; all that can be searched unless told."""
    given = subject.get("through", str(searched))
    if not (given.isascii() and given.isdigit() and len(given) < 16 and int(given) <= searched):
        raise NoQuestion(
            f"the log has no {given[:20]} entries that can be searched",
            resolver="you, by asking the trail again",
        )
    return int(given)


def _of_question(session: Session, answer: Answer, scope: Scope, place: Place) -> Sheet:
    teller = Teller(session, [hit.entry.data for hit in answer.hits], place.zone)
    count = "1 entry" if len(answer.hits) == 1 else f"{len(answer.hits)} entries"
    return Sheet(
        format=FORMAT,
        title="Audit-trail report",
        subject="Selection of the audit trail",
        version=f"Entries 1 to {answer.through} of the log · {scope.words}",
        place=place,
        state="complete",
        words=f"{count} found",
        facts=[
            *_asked(answer.question, place),
            Pair(name="Searched", text=f"entries 1 to {answer.through} of the log"),
            Pair(name="Records", text=scope.words),
            Pair(name="Rules for ranks", text=f"version {questions.RULES}"),
        ],
        statement=_found(len(answer.hits), count, answer.through),
        tables=[
            Table(
                code="entries", title="Entries", columns=ENTRIES,
                rows=[_hit(hit, teller, place) for hit in answer.hits],
                nothing="No entry fits the question.",
                note="In the order of the log; the number is the place in it.",
            )
        ],
    )  # fmt: skip


def _found(found: int, count: str, through: int) -> str:
    if not found:
        return f"None of the first {through} entries of the log fits the question."
    return f"{count} of the first {through} of the log fit the question, and no other."


def _asked(question: Question, place: Place) -> list[Pair]:
    """The question in words; one that narrows nothing asks for everything."""
    told = question.as_json()
    pairs = [
        Pair(name=label, text=_value(question, name, place))
        for name, label in ASKED.items()
        if name in told
    ]
    return pairs or [Pair(name="Asked for", text="every entry")]


def _value(question: Question, name: str, place: Place) -> str:
    value = getattr(question, name)
    if name in ("since", "until"):
        return place.at(value)
    if isinstance(value, bool):
        return "yes"
    return words.action(value) if name == "action" else str(value)


def _hit(hit: Hit, teller: Teller, place: Place) -> tuple[str, ...]:
    data: dict[str, Any] = hit.entry.data
    actor = data["actor"]
    name = actor["name"] if actor["name"] == actor["id"] else f"{actor['name']} ({actor['id']})"
    about = words.plain(data["object"].removeprefix(f"{data['rec']}/"))
    digest = hashlib.sha256(bytes(hit.entry.payload)).hexdigest()[:16]
    record = data["rec"] if about in ("", data["rec"]) else f"{data['rec']}\n{about}"
    return (
        str(hit.index + 1),
        f"{place.at(hit.entry.at)}\n{digest}",
        f"{name}\n{actor['role']}, {actor['terminal']}",
        f"{words.capital(words.action(data['action']))}\n{record}",
        "\n".join(teller.told(data)) or "–",
        data["reason"] or "–",
    )
