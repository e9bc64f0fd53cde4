"""The record on paper: page models, charts and the PDF/A-3 with the record attached.

URS-REP-010 (all items, every page named and counted), URS-REP-020 (changes or an explicit “no
changes”), URS-REP-030 (the same record and template give the same content digest).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from functools import lru_cache

from jinja2 import Environment
from markupsafe import Markup

from documents import states
from documents.charts import LimitLine, Point, Series, trend_chart
from documents.environment import grouped, make_environment, render_html
from documents.fonts import FontSet
from documents.parts import Piece, render_parts
from documents.pictures import printable
from documents.rendering import Attachment
from documents.units import symbol
from documents.views import CorrectionView, Face, Fact, LimitTier, State
from ebr.printables import Edition, anchor_view
from ebr.report import words
from ebr.report.model import RecordView, SectionView
from ebr.report.portions import portions_of
from ebr.report.stepmodel import AttachmentView, Pair, StepView, ValueView
from ebr.report.trends import TrendView
from ebr.report.values import replaced

TEMPLATE = "ebr.report/batch_record.html"
TEMPLATE_VERSION = "batch record 4"
LANGUAGE = "en"
IN_PROCESS = "IN PROCESS"
LONG_TEXT = 28
LONG_CELL = 60
SHORT_TEXT = 12
LONG_SOURCE = 56
CHART_HEIGHT = 165.0
CONTENTS = (
    ("summary", "Summary"),
    ("proof", "What this copy rests on"),
    ("quality", "Reviews and decision"),
    ("control", "Control recipe"),
    ("steps", "Steps"),
    ("flow", "Way of the flow"),
    ("exceptions", "Exceptions"),
    ("corrections", "Corrections"),
    ("attempts", "Refused attempts"),
    ("materials", "Materials"),
    ("equipment", "Equipment and hold times"),
    ("people", "People and signatures"),
    ("files", "Attachments and comments"),
    ("trail", "Audit trail"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a step's table: a value, or the replicates of one parameter together.

    `own` says that person and time differ from those told at the head of the step.
    """

    label: str
    critical: bool
    limits: str
    recorded: str
    state: tuple[State, str] | None
    said: str
    by: str
    at: datetime
    own: bool
    reason: str
    calculated: bool
    changes: tuple[CorrectionView, ...]

    @property
    def long(self) -> bool:
        """Whether the text needs the width of the page; it may also break over pages."""
        return len(self.recorded) > LONG_TEXT

    @property
    def explained(self) -> bool:
        """Whether the source needs a line of its own."""
        return len(self.said) > LONG_SOURCE

    @property
    def more(self) -> bool:
        """Whether further lines belong to this one."""
        return self.long or self.explained or bool(self.changes)

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
    trends: Sequence[TrendView],
    photos: Mapping[str, bytes],
    *,
    edition: Edition,
    fonts: FontSet,
    attachments: Sequence[Attachment] = (),
) -> bytes:
    """The PDF of a record with the associated files; `photos` are picture files by digest.

    Raises RenderingFailed.
    """
    face = face_of(record, edition)
    return render_parts(
        pieces(record, trends, photos, face),
        face=face,
        environment=_environment(),
        created=edition.at,
        fonts=fonts,
        attachments=attachments,
    )


def pieces(
    record: RecordView,
    trends: Sequence[TrendView],
    photos: Mapping[str, bytes],
    face: Face,
) -> Iterator[Piece]:
    """The pages as HTML, in pieces that are laid out by themselves."""
    charts: dict[str, list[Chart]] = {}
    for trend in trends:
        chart = Chart(trend=trend, svg=draw(trend, record.header.zone))
        charts.setdefault(trend.path, []).append(chart)
    drawn = {digest: printable(photo) for digest, photo in photos.items()}
    data = {
        "record": record,
        "face": face,
        "charts": charts,
        "pictures": {digest: f"{digest}.jpg" if file else "" for digest, file in drawn.items()},
        "lots": lots_of(record),
        "contents": [each for each in CONTENTS if each[0] != "quality" or record.sections],
    }
    for portion in portions_of(record):
        html = render_html(_environment(), TEMPLATE, {**data, "portion": portion})
        shown = {file.digest for item in portion.items if isinstance(item, StepView)
                 for file in item.attachments}  # fmt: skip
        assets = {
            f"{digest}.jpg": file for digest, file in drawn.items() if file and digest in shown
        }
        yield Piece(html=html, assets=assets)


def lots_of(record: RecordView) -> list[Pair]:
    """Every material with the lots that were used or made, in the order of first use."""
    lots: dict[str, dict[str, None]] = {}
    names: dict[str, dict[str, None]] = {}
    for use in record.materials:
        if use.lot:
            lots.setdefault(use.material, {})[use.lot] = None
            names.setdefault(use.material, {})[use.name] = None
    return [
        Pair(name=f"{code} {words.common_name(names[code])}", text=", ".join(found))
        for code, found in lots.items()
    ]


def widths(section: SectionView) -> list[int]:
    """Widths of the columns in percent, by the length of what stands in them."""
    longest = [
        min(max(SHORT_TEXT, *(len(cell) for cell in column)), LONG_CELL)
        for column in zip(section.columns, *section.rows, strict=True)
    ]
    return [max(1, round(100 * each / sum(longest))) for each in longest]


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = make_environment("ebr.report")
    environment.filters["number"] = lambda quantity: f"{quantity:f}"
    environment.globals.update(
        rows_of=rows_of,
        step_state=lambda step: states.shown(step.state),
        severity_state=lambda case: states.shown(case.severity),
        state_word=states.word,
        size_words=words.size,
        file_words=file_words,
        files_beside=files_beside,
        chart_words=chart_words,
        with_unit=words.with_unit,
        capital=words.capital,
        moments_of=moments_of,
        widths=widths,
    )
    return environment


def file_words(file: AttachmentView) -> str:
    """A file in words: ``Printout: lod.txt (text/plain, 65 bytes)``."""
    return f"{file.label}: {file.name} ({file.media_type}, {words.size(file.size)})"


def files_beside(step: StepView, drawn: Sequence[Chart]) -> list[AttachmentView]:
    """Files of a step except those that a chart shows and names."""
    shown = {chart.trend.digest for chart in drawn if chart.svg is not None}
    return [file for file in step.attachments if file.digest not in shown]


def chart_words(chart: Chart, step: StepView) -> str:
    """What is drawn, and the file that holds its points."""
    told = f"{chart.trend.tag}, {len(chart.trend.points)} points"
    files = [file_words(file) for file in step.attachments if file.digest == chart.trend.digest]
    return " · ".join([told, *files, f"SHA-256 {grouped(chart.trend.digest[:16])} …"])


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
        anchor=anchor_view(edition),
        watermark="" if standing.final else IN_PROCESS,
        state=(_standing_state(record), words.capital(standing.words)),
        time_simulated=record.time_simulated,
    )


def _standing_state(record: RecordView) -> State:
    if record.standing.final:
        return State.DONE if record.standing.accepted else State.OUT_OF_LIMIT
    return states.shape(record.header.state)


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
    groups: list[list[ValueView]] = []
    for value in step.values:
        if not groups or not _belongs(groups[-1][-1], value):
            groups.append([])
        groups[-1].append(value)
    common = common_of(step)
    return [_row(group, common) for group in groups]


def common_of(step: StepView) -> tuple[datetime, str] | None:
    """When and by whom most values of a step were recorded; the head of the step says it."""
    counted = Counter((value.at, str(value.by)) for value in step.values)
    return counted.most_common(1)[0][0] if counted else None


def _belongs(before: ValueView, value: ValueView) -> bool:
    alike = (before.code, before.verdict, before.grade, before.by, before.at, before.source) == (
        value.code, value.verdict, value.grade, value.by, value.at, value.source
    )  # fmt: skip
    return alike and not before.former and not value.former and not value.not_applicable


def _row(group: Sequence[ValueView], common: tuple[datetime, str] | None) -> Row:
    first = group[0]
    numbered = first.of > 1 and len(group) == 1
    texts = " · ".join(value.text for value in group)
    source = first.source
    return Row(
        label=f"{first.label} {first.position} of {first.of}" if numbered else first.label,
        critical=first.critical,
        limits=" · ".join(f"{tier.tier} {tier.text}" for tier in _tiers(first)),
        recorded=words.with_unit(texts, first.unit),
        state=_verdict(first),
        said=source if source == first.grade_words else f"{first.grade_words}: {source}",
        by=str(first.by),
        at=first.at,
        own=(first.at, str(first.by)) != common,
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
    return states.shown(value.verdict) if value.verdict else None


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
    recorded = common_of(step)
    acts = [
        ("started", step.started_at, str(step.started_by)),
        ("performed", step.performed_at, str(step.performed_by)),
        ("values recorded", recorded and recorded[0], recorded[1] if recorded else ""),
        ("complete", step.completed_at, ""),
    ]
    dated = [(at, place, word, by) for place, (word, at, by) in enumerate(acts) if at is not None]
    for at, _, word, by in sorted(dated):
        if told and told[-1][1] == at and by in ("", told[-1][2]):
            told[-1] = (f"{told[-1][0]}, {word}", at, told[-1][2])
        else:
            told.append((word, at, by))
    return told


def draw(trend: TrendView, zone: str) -> Markup | None:
    """The chart of a trend with its holes as breaks; None when there is no good value."""
    points = _points(trend)
    if all(point.value is None for point in points):
        return None
    length = max(trend.end - trend.start, timedelta(seconds=1))
    series = Series(name=f"{trend.tag} {trend.label}", points=points, longest_step=length)
    return trend_chart(
        [series],
        unit=symbol(trend.unit),
        zone=zone,
        decimals=trend.decimals,
        limits=list(_limit_lines(trend)),
        height=CHART_HEIGHT,
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
    # At the start of a hole the value that still held comes before the reading without one.
    return sorted(points, key=lambda point: (point.at, point.value is None))


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
