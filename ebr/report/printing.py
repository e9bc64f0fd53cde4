"""The record on paper: page models, charts and the PDF/A-3 with the record attached.

URS-REP-010 (all items, every page named and counted), URS-REP-020 (changes or an explicit “no
changes”), URS-REP-030 (the same record and template give the same content digest).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from jinja2 import Environment
from markupsafe import Markup

from documents.charts import LimitLine, Point, Series, trend_chart
from documents.environment import make_environment, render_html
from documents.fonts import FontSet
from documents.rendering import Attachment, Relationship, render_pdf
from documents.views import CorrectionView, Face, Fact, LimitTier, SignatureView, State
from ebr.report import model, words
from ebr.report.model import RecordView, StepView, ValueView
from ebr.report.trends import TrendView
from ebr.report.values import replaced

TEMPLATE = "ebr.report/batch_record.html"
TEMPLATE_VERSION = "batch record 1"
LANGUAGE = "en"
IN_PROCESS = "IN PROCESS"
ATTACHED = "record.json"
LONG_TEXT = 60

STEP_STATES = {
    "ready": State.WAITING,
    "started": State.IN_PROGRESS,
    "performed": State.IN_PROGRESS,
    "held": State.ON_HOLD,
    "complete": State.DONE,
    "cancelled": State.NOT_TAKEN,
}
RUN_STATES = {
    "running": State.IN_PROGRESS,
    "held": State.ON_HOLD,
    "stopped": State.OUT_OF_LIMIT,
    "aborted": State.OUT_OF_LIMIT,
}
VERDICTS = {
    "in": (State.DONE, "within"),
    "alert": (State.NEAR_LIMIT, "beyond alert"),
    "action": (State.OUT_OF_LIMIT, "beyond action"),
    "registered": (State.OUT_OF_LIMIT, "beyond registered"),
}
SEVERITIES = {
    "critical": State.OUT_OF_LIMIT,
    "major": State.OUT_OF_LIMIT,
    "minor": State.NEAR_LIMIT,
    "information": State.WAITING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What a copy says about itself: when and by whom it was made, and where it is anchored.

    `at` is site time, as everything on the pages; `checkpoint` a line about the site's log.
    """

    at: datetime
    by: str
    software: str
    content_digest: str
    checkpoint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a step's table: a value, or the replicates of one parameter together."""

    label: str
    critical: bool
    limits: tuple[LimitTier, ...]
    texts: tuple[str, ...]
    unit: str
    state: tuple[State, str] | None
    source: str
    grade: str
    by: str
    at: datetime
    reason: str
    calculated: bool
    changes: tuple[CorrectionView, ...]

    @property
    def long(self) -> bool:
        """Whether the text needs the width of the page; it may also break over pages."""
        return sum(len(text) for text in self.texts) > LONG_TEXT

    @property
    def judged(self) -> bool:
        """Whether the line has anything to show under limits and judgement."""
        return bool(self.limits) or self.state is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A trend with its drawing (None when no value is good) and the data beside it."""

    trend: TrendView
    svg: Markup | None


def render(
    record: RecordView,
    content: bytes,
    trends: Sequence[TrendView],
    *,
    edition: Edition,
    fonts: FontSet,
) -> bytes:
    """The PDF with `content` (the record as JSON) inside. Raises RenderingFailed."""
    face = face_of(record, edition)
    attached = Attachment(
        name=ATTACHED,
        content=content,
        media_type="application/json",
        relationship=Relationship.DATA,
        description=f"{record.number} as canonical JSON, record version {record.version}",
    )
    return render_pdf(
        html(record, trends, face),
        title=f"{face.title} {face.subject}",
        language=LANGUAGE,
        created=edition.at,
        fonts=fonts,
        attachments=[attached],
    )


def html(record: RecordView, trends: Sequence[TrendView], face: Face) -> str:
    """The pages as HTML."""
    charts: dict[str, list[Chart]] = {}
    for trend in trends:
        chart = Chart(trend=trend, svg=draw(trend, record.header.zone))
        charts.setdefault(trend.path, []).append(chart)
    data = {"record": record, "face": face, "charts": charts}
    return render_html(_environment(), TEMPLATE, data)


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = make_environment("ebr.report")
    environment.globals.update(
        rows_of=rows_of,
        signed=signed,
        step_state=lambda step: (STEP_STATES.get(step.state, State.WAITING), step.state_words),
        severity_state=lambda case: (SEVERITIES.get(case.severity, State.WAITING), case.severity),
        size_words=words.size,
        with_unit=words.with_unit,
        capital=words.capital,
        moments_of=moments_of,
    )
    return environment


def face_of(record: RecordView, edition: Edition) -> Face:
    """First page and frame of every page."""
    header, standing = record.header, record.standing
    batch = record.record.startswith("batch/")
    return Face(
        title="Batch record" if batch else "Record of execution",
        subject=f"Batch {record.number}" if batch else record.number,
        version=f"Record version {record.version} · {header.code} {header.version}",
        site_name=header.site,
        site_mode=header.mode,
        zone=header.zone,
        language=LANGUAGE,
        generated_at=edition.at,
        generated_by=edition.by,
        software=edition.software,
        template=TEMPLATE_VERSION,
        content_digest=edition.content_digest,
        facts=tuple(_cover(record)),
        checkpoint=edition.checkpoint,
        watermark="" if standing.final else IN_PROCESS,
        state=(_standing_state(record), words.capital(standing.words)),
        time_simulated=record.time_simulated,
    )


def _standing_state(record: RecordView) -> State:
    if record.standing.final:
        return State.DONE if record.standing.accepted else State.OUT_OF_LIMIT
    return RUN_STATES.get(record.header.state, State.WAITING)


def _cover(record: RecordView) -> Iterable[Fact]:
    header = record.header
    if header.product:
        yield Fact(label="Product", value=f"{header.product} {header.strength}".strip())
        yield Fact(label="Product code", value=header.product_code)
        yield Fact(label="Dosage form", value=header.dosage_form)
    yield Fact(label="Recipe", value=f"{header.code} {header.version} {header.title}")
    if header.size:
        size = words.with_unit(header.size, header.size_unit)
        yield Fact(label="Size", value=f"{size} = {header.output}" if header.output else size)
    for fact in header.facts:
        yield Fact(label=fact.name, value=fact.text)
    yield Fact(label="Status", value=words.capital(record.standing.words))


def rows_of(step: StepView) -> list[Row]:
    """The table of a step; replicates without change share one line."""
    found: list[Row] = []
    group: list[ValueView] = []
    for value in step.values:
        if group and not _belongs(group[-1], value):
            found.append(_row(group))
            group = []
        group.append(value)
    return [*found, _row(group)] if group else found


def _belongs(before: ValueView, value: ValueView) -> bool:
    alike = (before.code, before.verdict, before.grade, before.by, before.source) == (
        value.code, value.verdict, value.grade, value.by, value.source
    )  # fmt: skip
    return alike and not before.former and not value.former and not value.not_applicable


def _row(group: Sequence[ValueView]) -> Row:
    first = group[0]
    numbered = first.of > 1 and len(group) == 1
    return Row(
        label=f"{first.label} {first.position} of {first.of}" if numbered else first.label,
        critical=first.critical,
        limits=tuple(_tiers(first)),
        texts=tuple(value.text for value in group),
        unit="" if first.unit == "1" else first.unit,
        state=_verdict(first),
        source=first.source,
        grade=first.grade_words,
        by=str(first.by),
        at=first.at,
        reason=first.not_applicable or ("" if first.former else first.reason),
        calculated=first.grade == "calculated",
        changes=tuple(_changes(first)),
    )


def _tiers(value: ValueView) -> Iterable[LimitTier]:
    if value.target:
        yield LimitTier(tier="Target", text=value.target)
    for limit in value.limits:
        yield LimitTier(tier=words.capital(limit.tier), text=limit.text)


def _verdict(value: ValueView) -> tuple[State, str] | None:
    if value.not_applicable:
        return State.NOT_TAKEN, "not applicable"
    if value.quality and value.quality != "GOOD":
        return State.NO_GOOD_VALUE, value.quality
    return VERDICTS.get(value.verdict)


def _changes(value: ValueView) -> Iterable[CorrectionView]:
    """Every former value with the one that followed, oldest first (URS-AUD-030)."""
    for former, new in replaced(value):
        yield CorrectionView(
            old=former.text,
            new=new,
            reason=former.reason,
            by=str(former.replaced_by),
            at=former.replaced_at,
        )


def moments_of(step: StepView) -> list[tuple[str, datetime, str]]:
    """When the step was started, performed and complete; what fell together is told once."""
    told: list[tuple[str, datetime, str]] = []
    for word, at, by in (
        ("started", step.started_at, str(step.started_by)),
        ("performed", step.performed_at, str(step.performed_by)),
        ("complete", step.completed_at, ""),
    ):
        if at is None:
            continue
        if told and told[-1][1] == at and by in ("", told[-1][2]):
            told[-1] = (f"{told[-1][0]}, {word}", at, told[-1][2])
        else:
            told.append((word, at, by))
    return told


def signed(view: model.SignatureView) -> SignatureView:
    """A signature for the shared parts of the documents."""
    notes = ["late"] if view.late else []
    notes += [view.reason] if view.reason else []
    return SignatureView(
        printed_name=view.printed_name,
        user_id=view.badge,
        role=view.role,
        meaning=view.meaning,
        signed_at=view.at,
        superseded=view.superseded,
        note="; ".join(notes),
    )


def draw(trend: TrendView, zone: str) -> Markup | None:
    """The chart of a trend with its holes as breaks; None when there is no good value."""
    points = _points(trend)
    if all(point.value is None for point in points):
        return None
    length = max(trend.end - trend.start, timedelta(seconds=1))
    series = Series(name=f"{trend.tag} {trend.label}", points=points, longest_step=length)
    return trend_chart(
        [series],
        unit=trend.unit,
        zone=zone,
        decimals=trend.decimals,
        limits=list(_limit_lines(trend)),
        title=f"{trend.step} {trend.step_name}: {trend.label}",
    )


def _points(trend: TrendView) -> list[Point]:
    """The stored points; the last value holds until a hole begins, and the hole has none."""
    points = [Point(point.at, point.value) for point in trend.points]
    for hole in trend.holes:
        before = [each for each in points if each.at <= hole.start and each.value is not None]
        if before and before[-1].at < hole.start:
            points.append(Point(hole.start, before[-1].value))
        points.append(Point(hole.start + timedelta(microseconds=1), None))
    return sorted(points, key=lambda point: point.at)


def _limit_lines(trend: TrendView) -> Iterable[LimitLine]:
    if (target := _decimal(trend.target)) is not None:
        yield LimitLine(tier="target", value=target, label=f"Target {trend.target}")
    for limit in trend.limits:
        for end in dict.fromkeys((limit.low, limit.high)):
            value = _decimal(end or "")
            if value is not None:
                label = f"{words.capital(limit.tier)} {end}"
                yield LimitLine(tier=limit.tier, value=value, label=label)


def _decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
