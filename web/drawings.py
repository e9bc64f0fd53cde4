"""Files drawn elsewhere: import, what they show, what keeps them from running, a better file.

A draft that is not executable has its diagram, its steps and one complete list of what to draw
instead; each entry leads to its element (URS-MRC-040). Authors only may bring files in.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from flask import Blueprint, render_template, request, url_for
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from core.errors import Invalid, NotFound
from web import desk, identity, inputs, states, tables
from web.access import needs
from web.i18n import gettext as _
from web.performing import perform
from web.sentences import said
from web.signing import Page, go_on
from web.tables import Column
from workflows import commands, queries
from workflows.errors import DefinitionRefused, Finding
from workflows.foreign.comparing import DrawnDifference, drawn_differences
from workflows.foreign.outline import Outline, Part, Shown
from workflows.importing import Reading
from workflows.models import DefinitionVersion
from workflows.rules import VersionState
from workflows.safexml import MAX_BYTES

bp = Blueprint("drawings", __name__)
AUTHOR = "recipe.author"
SHOWN_PLACES = 12
"""Places of one kind of finding on the page; all of them stand in the list."""
REMOVE = "Remove the attribute "
SHOWN_STEPS = 300
FIGURE = "drawing"
_WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a finding stands: the words for its element, and the shape it leads to, if any."""

    finding: Finding
    called: str
    shape: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """All findings of one code with one remedy; `shown` are the first of them."""

    code: str
    remedy: str
    count: int
    shown: tuple[Place, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topic:
    """What belongs together for whoever draws the file anew."""

    title: str
    count: int
    kinds: tuple[Kind, ...]


@bp.get("/recipes/import")
@needs(AUTHOR)
def choose() -> Page:
    """The form that takes a file."""
    return _form(())


@bp.post("/recipes/import")
@needs(AUTHOR)
def take() -> Page | tuple[str, int]:
    """Store the file as a draft, executable or not; a file that is refused says why."""
    data = _sent()
    try:
        address = perform(
            commands.import_draft,
            data,
            code=inputs.text("code", _("Recipe code"), needed=False),
            change_reference=inputs.text("change_reference", _("Change reference")),
            reason=inputs.text("reason", _("Reason")),
            record="site",
            tell=_address,
            file=data,
        )
    except DefinitionRefused as refused:
        return str(_form(refused.findings)), refused.http_status
    return go_on(address)


@bp.post("/recipes/<code>/v<int:number>/file")
@needs(AUTHOR)
def replace(code: str, number: int) -> Page | tuple[str, int]:
    """Replace the file of a draft by a better one."""
    data, reason = _sent(), inputs.text("reason", _("Reason"))
    record = str(commands.stream_of(code))
    try:
        perform(
            commands.save_draft,
            code,
            number,
            data,
            reason=reason,
            record=record,
            tell=_address,
            file=data,
        )
    except DefinitionRefused as refused:
        back = url_for("workflows.version", code=code, number=number)
        page = render_template(
            "workflows/refused.html",
            name=f"{code} v{number}",
            back=back,
            topics=topics(refused.findings, None),
            total=len(refused.findings),
        )
        return page, refused.http_status
    return go_on(url_for("workflows.version", code=code, number=number))


def _form(findings: Sequence[Finding]) -> str:
    return render_template(
        "workflows/import.html",
        topics=topics(findings, None),
        total=len(findings),
        given=request.form,
        largest=MAX_BYTES >> 20,
    )


def _sent() -> bytes:
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        raise Invalid(_("No file was chosen."), resolver=_("you, by choosing one"), field="file")
    try:
        return sent.stream.read(MAX_BYTES + 1)
    finally:
        sent.close()


def _address(version: DefinitionVersion) -> str:
    return url_for("workflows.version", code=version.code, number=version.number)


@bp.get("/recipes/files/<digest>/text")
@needs("recipe.read")
def text(digest: str) -> Response:
    """The text of a file for the diagram, as UTF-8 whatever it came in."""
    with identity.house().reading() as session:
        found = queries.stored_text(session, digest)
    return desk.file(found.removeprefix("\ufeff"), "text/plain", f"{digest[:12]}.txt", inline=True)


@bp.get("/recipes/files/<digest>/download")
@needs("recipe.read")
def download(digest: str) -> Response:
    """The file as it came, byte for byte."""
    with identity.house().reading() as session:
        data = queries.stored_bytes(session, digest)
    return desk.file(data, "application/octet-stream", f"{digest[:12]}.bpmn")


@bp.get("/recipes/<code>/v<int:number>/findings")
@needs("recipe.read")
def findings(code: str, number: int) -> Page:
    """Every finding of a draft in one list, also as CSV."""
    version, read = _drawing(code, number)
    rows = [
        {
            "line": place.finding.line or None,
            "element": place.called,
            "code": place.finding.code,
            "message": said(place.finding.message),
            "remedy": said(place.finding.remedy),
        }
        for place in _places(read.findings, read.outline)
    ]
    columns = [
        Column(key="line", label=_("Line"), numeric=True),
        Column(key="element", label=_("Element")),
        Column(key="code", label=_("Code")),
        Column(key="message", label=_("Finding")),
        Column(key="remedy", label=_("What to draw instead")),
    ]
    table = tables.table("findings", _("Findings"), columns, rows)
    title = _("What keeps %(name)s from running", name=version.name)
    return desk.table_page("workflows/listed.html", table, version=version, title=title)


@bp.get("/recipes/<code>/v<int:number>/steps")
@needs("recipe.read")
def steps(code: str, number: int) -> Page:
    """Every drawn element of a draft in the order of the flow, also as CSV."""
    version, read = _drawing(code, number)
    rows = [
        {
            "process": part.pool or part.name or part.id,
            "name": node.name or node.id,
            "kind": kind_words(node),
            "lane": node.lane,
            "line": node.line,
        }
        for part in read.outline.parts
        for node in part.nodes
    ]
    columns = [
        Column(key="process", label=_("Process")),
        Column(key="name", label=_("Name")),
        Column(key="kind", label=_("Kind")),
        Column(key="lane", label=_("Lane")),
        Column(key="line", label=_("Line"), numeric=True),
    ]
    table = tables.table("steps", _("Steps"), columns, rows)
    title = _("Everything drawn in %(name)s", name=version.name)
    return desk.table_page("workflows/listed.html", table, version=version, title=title)


def _drawing(code: str, number: int) -> tuple[DefinitionVersion, Reading]:
    with identity.house().reading() as session:
        version = queries.version(session, code, number)
        if version.is_executable:
            raise NotFound(
                f"{version.name} has no list of findings: it is executable",
                resolver="you, by opening the version itself",
            )
        return version, queries.reading(session, version.file_digest)


def page(session: Session, version: DefinitionVersion) -> str:
    """The page of a draft that is not executable."""
    read = queries.reading(session, version.file_digest)
    outline = read.outline
    number = min(int(given), len(outline.diagrams) - 1) if (given := _asked()) else 0
    marked = Counter(outline.places.get(each.element, "") for each in read.findings)
    return render_template(
        "workflows/drawing.html",
        version=version,
        outline=outline,
        parts=list(_parts(outline, marked)),
        diagram=outline.diagrams[number] if outline.diagrams else None,
        chosen=number,
        file=url_for("drawings.text", digest=version.file_digest),
        figure=FIGURE,
        marks=_marks(marked),
        topics=topics(read.findings, outline),
        total=len(read.findings),
        others=[v for v in queries.versions(session, version.code) if v.number != version.number],
        beside=_beside(outline.others),
        steps=sum(1 for _node in outline.nodes()),
        states_of=VersionState,
    )


def _asked() -> str:
    """The number of the diagram that the address asks for, or nothing."""
    given = request.args.get("diagram", "")
    return given if given.isascii() and given.isdigit() and len(given) < 5 else ""


def _marks(marked: Counter[str]) -> list[dict[str, str]]:
    return [
        {
            "id": shape,
            "mark": "exception",
            "badge": f"! {count}",
            "words": _("%(n)s findings", n=count),
        }
        for shape, count in marked.items()
        if shape
    ]


def _parts(
    outline: Outline, marked: Counter[str]
) -> Iterator[tuple[Part, list[tuple[Shown, str, int]]]]:
    """Each process with its first elements: the element, its kind in words, its findings."""
    left = SHOWN_STEPS
    for part in outline.parts:
        taken = part.nodes[:left]
        left -= len(taken)
        yield part, [(node, kind_words(node), marked.get(node.id, 0)) for node in taken]


def topics(found: Sequence[Finding], outline: Outline | None) -> list[Topic]:
    """Findings by topic, then by code and remedy, each in the order of the file."""
    grouped: dict[str, dict[tuple[str, str], list[Place]]] = {}
    for place in _places(found, outline):
        code, remedy = place.finding.code, place.finding.remedy
        if code == "bpmn.attribute" and remedy.startswith(REMOVE):
            remedy = _("Remove these attributes.")
        kinds = grouped.setdefault(_topic(code), {})
        kinds.setdefault((code, remedy), []).append(place)
    return [
        Topic(
            title=title,
            count=sum(map(len, kinds.values())),
            kinds=tuple(_kinds(kinds)),
        )
        for title, kinds in grouped.items()
    ]


def _kinds(kinds: Mapping[tuple[str, str], list[Place]]) -> Iterator[Kind]:
    for (code, remedy), places in kinds.items():
        shown = tuple(places[:SHOWN_PLACES])
        yield Kind(code=code, remedy=remedy, count=len(places), shown=shown)


def _topic(code: str) -> str:
    """What a finding is about, by the first part of its code."""
    first = code.partition(".")[0]
    if first in ("header", "level", "process", "recipe"):
        return _("Recipe header and levels")
    if code in ("bpmn.attribute", "extension.unknown"):
        return _("Written by another tool")
    if first in ("flow", "gateway", "loop", "boundary", "event", "timer", "link", "start"):
        return _("The way through the process")
    if first == "expression":
        return _("Conditions and quantities")
    if first in ("bpmn", "lane", "call"):
        return _("Elements that are drawn otherwise here")
    return _("The file itself") if first == "xml" else _("Steps and their content")


def _places(found: Sequence[Finding], outline: Outline | None) -> Iterator[Place]:
    names = _names(outline) if outline else {}
    leads = outline.places if outline else {}
    for finding in found:
        shape = leads.get(finding.element, "")
        called = names.get(finding.element) or names.get(shape) or shape or finding.element
        yield Place(finding=finding, called=called, shape=shape)


def _names(outline: Outline) -> dict[str, str]:
    names = {node.id: node.name for node in outline.nodes() if node.name}
    called = {node.id: node.name or kind_words(node) for node in outline.nodes()}
    for part in outline.parts:
        names[part.id] = part.pool or part.name
        for flow in part.flows:
            ends = [called.get(end) or end for end in (flow.source, flow.target)]
            names[flow.id] = " → ".join(ends)
    return names


def kind_words(node: Shown) -> str:
    """What an element is, in words: ``user task``, ``boundary event: timer``."""
    told, details = _kind(node.kind), ", ".join(map(_detail, node.details))
    return f"{told}: {details}" if details else told


def _detail(text: str) -> str:
    """What an event waits for, or how an activity repeats, in the language of the page."""
    known = {
        "timer": _("timer"),
        "message": _("message"),
        "signal": _("signal"),
        "error": _("error"),
        "escalation": _("escalation"),
        "conditional": _("condition"),
        "link": _("link"),
        "terminate": _("ends everything"),
        "compensate": _("compensation"),
        "cancel": _("cancellation"),
        "repeated for each": _("repeated for each"),
        "repeated while": _("repeated while"),
        "starts by an event": _("starts by an event"),
    }
    called = text.removeprefix("calls ")
    return _("calls %(name)s", name=called) if called != text else known.get(text, text)


def _beside(counted: Mapping[str, int]) -> str:
    """How many data objects, annotations and groups stand beside the steps."""
    known = {
        "data objects": _("data objects"),
        "data stores": _("data stores"),
        "annotations": _("annotations"),
        "groups": _("groups"),
    }
    return ", ".join(f"{known[words]}: {count}" for words, count in counted.items())


def _kind(kind: str) -> str:
    """The name of a BPMN element as people say it in the language of the page."""
    known = {
        "startEvent": _("start event"),
        "endEvent": _("end event"),
        "boundaryEvent": _("boundary event"),
        "intermediateCatchEvent": _("intermediate event"),
        "intermediateThrowEvent": _("throwing event"),
        "task": _("plain task"),
        "userTask": _("user task"),
        "manualTask": _("manual task"),
        "serviceTask": _("service task"),
        "scriptTask": _("script task"),
        "sendTask": _("send task"),
        "receiveTask": _("receive task"),
        "businessRuleTask": _("business rule task"),
        "callActivity": _("call activity"),
        "subProcess": _("subprocess"),
        "transaction": _("transaction"),
        "adHocSubProcess": _("ad-hoc subprocess"),
        "exclusiveGateway": _("exclusive gateway"),
        "parallelGateway": _("parallel gateway"),
        "inclusiveGateway": _("inclusive gateway"),
        "eventBasedGateway": _("event-based gateway"),
        "complexGateway": _("complex gateway"),
    }
    return known.get(kind) or _WORDS.sub(" ", kind).lower()


def difference_page(
    session: Session, known: list[DefinitionVersion], old: DefinitionVersion, new: DefinitionVersion
) -> Page:
    """Two versions of which one at least is a drawing, compared as they are drawn."""
    before = queries.reading(session, old.file_digest).outline
    after = queries.reading(session, new.file_digest).outline
    rows = [_row(line) for line in drawn_differences(before, after)]
    columns = [
        Column(key="element", label=_("Element")),
        Column(key="field", label=_("Field")),
        Column(key="change", label=_("What happened")),
        Column(key="before", label=old.name),
        Column(key="after", label=new.name),
    ]
    return desk.table_page(
        "workflows/differences.html",
        tables.table("changes", _("Changes"), columns, rows),
        code=new.code,
        versions=known,
        old=old,
        new=new,
        total=len(rows),
        critical=None,
        major=None,
    )


def _row(line: DrawnDifference) -> dict[str, Any]:
    from_file = {"before": line.before, "after": line.after}
    return {
        "element": line.called or line.element,
        "field": line.field,
        "change": states.words_of(line.change.value),
        **from_file,
    }
