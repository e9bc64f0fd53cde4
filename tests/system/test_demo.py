"""The headless batch carries the golden numbers of the demonstration plant."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal as D
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, undefer

from app import keybook
from audit import trail
from audit.attempts import ACTION as REFUSED
from audit.streams import Stream
from audit.verifying import verify_site
from ebr import queries, record
from ebr.models import Attachment, HoldTime, RunState, StepSignature, StepState
from ebr.report.model import RecordView
from hardware import queries as plant
from hardware.words import Cleaning, LogKind
from inventory import queries as stock
from inventory.models import StockTask
from maintenance import queries as maintenance
from production.models import Batch, Disposition
from quality import queries as quality
from tests.support.story import NUMBER, RECORD, Played

MILLIGRAM = D("0.000001")


def view(session: Session) -> RecordView:
    return record.view(session, NUMBER)


@pytest.mark.urs("URS-MAT-030", "URS-REC-050")
def test_the_share_of_each_active_lot_follows_assay_and_loss_on_drying(story: Played) -> None:
    shares = [story.number("D040", "share", place) for place in range(4)]
    assert shares == [D("0.991018")] * 2 + [D("0.996004")] * 2
    first, second = (story.number("D040", "pure", place) for place in range(2))
    assert (first + second).quantize(MILLIGRAM) == D("36.172157")


@pytest.mark.urs("URS-MAT-030")
def test_the_target_of_the_second_lot_is_what_the_first_left_over(story: Played) -> None:
    targets = [story.text("D040", "target", place) for place in range(4)]
    nets = [story.text("D040", "net", place) for place in range(4)]
    assert nets == ["25.00", "11.50", "22.00", "22.00"]
    assert targets == ["25.00", "11.50", "22.00", "22.00"]
    assert [found.lot for found in story.ask(stock.containers_of_batch, NUMBER, step="D040")] == [
        "PA-0411",
        "PA-0411",
        "PA-0457",
        "PA-0457",
    ]


@pytest.mark.urs("URS-MAT-030")
def test_cellulose_compensates_what_the_active_weighs_more(story: Played) -> None:
    # 36.50 kg of share 0.991018 and 44.00 kg of share 0.996004: 80.000 kg but for the readability
    # of the scale (0.01 kg).
    assert story.number("D050", "pure") == D("79.996333")
    assert story.values("D050", "pure")[0].verdict == "in"
    assert story.number("D050", "pure").quantize(D("0.01")) == D("80.00")
    assert story.number("D050", "cellulose") == D("8.000")
    assert story.text("D060", "target") == "8.000"
    assert story.text("D060", "net") == "8.000"


@pytest.mark.urs("URS-MAT-050")
def test_every_material_of_the_formula_is_weighed_and_charged(story: Played) -> None:
    nets = {key: story.number(key, "net") for key in ("D070", "D080", "D090", "D100", "D120")}
    assert nets == {
        "D070": D("4.000"),
        "D080": D("1.500"),
        "D090": D("1.500"),
        "D100": D("3.000"),
        "D120": D("1.000"),
    }
    assert story.number("D110", "net") == D("0.50000")
    containers = story.ask(stock.containers_of_batch, NUMBER)
    assert Counter(found.state for found in containers if found.lot != NUMBER) == {"charged": 11}
    drums = [found for found in containers if found.lot == NUMBER]
    assert [found.state for found in drums] == ["full"] * 6


@pytest.mark.urs("URS-MAT-080")
def test_labels_are_all_accounted_for(story: Played) -> None:
    assert story.number("D130", "labels_missing") == 0
    assert story.number("D130", "difference") <= D("0.20")
    assert story.number("Z020", "accounted") == 100


@pytest.mark.urs("URS-EXE-110")
@pytest.mark.parametrize(
    ("key", "code", "printed"),
    [
        ("B014", "actual", "96.21"),
        ("B014", "percent", "99.19"),
        ("B080", "actual", "99.10"),
        ("B080", "percent", "99.10"),
        ("C140", "mean_mass", "625.4"),
        ("C140", "net", "97.63"),
        ("C140", "tablets", "156108"),
        ("C160", "percent", "97.57"),
        ("C160", "accountability", "99.96"),
    ],
)
def test_yields_are_those_of_the_golden_batch(
    story: Played, key: str, code: str, printed: str
) -> None:
    assert story.text(key, code) == printed


@pytest.mark.urs("URS-EXE-120", "URS-REC-060")
def test_loss_on_drying_needs_a_second_round(story: Played) -> None:
    assert [value.text for value in story.values("G170", "lod", 0)] == ["2.68", "2.72"]
    assert story.text("G170", "mean", 0) == "2.70"
    assert [value.text for value in story.values("G170", "lod", 1)] == ["1.92", "1.88"]
    assert story.text("G170", "mean", 1) == "1.90"
    assert len(story.steps("G180")) == 1
    assert len(story.steps("G190")) == 1


@pytest.mark.urs("URS-AUD-030", "URS-EXE-100", "URS-SIG-060")
def test_the_typing_error_stands_beside_its_correction(story: Played) -> None:
    found: RecordView = story.ask(view)
    (typed,) = [change for change in found.corrections if change.step == "G170"]
    assert (typed.old, typed.new) == ("1.98 %", "1.88 %")
    assert "printout" in typed.reason
    assert typed.by.name == "Inês Duarte"
    assert typed.signed
    means = [change for change in found.recalculations if change.label.lower().startswith("mean")]
    assert [(change.old, change.new) for change in means] == [("1.95 %", "1.90 %")]


@pytest.mark.urs("URS-DEV-010")
def test_there_are_exactly_four_exceptions_and_each_has_its_severity(story: Played) -> None:
    found: RecordView = story.ask(view)
    seen = [(each.severity, each.type, each.step) for each in found.exceptions]
    assert sorted(seen) == [
        ("information", "out_of_limit", "G170"),
        ("major", "late_verification", "B040"),
        ("minor", "data_gap", "G150"),
        ("minor", "out_of_limit", "C090"),
    ]


@pytest.mark.urs("URS-REL-020")
def test_every_finding_of_the_trail_says_what_it_concerns(story: Played) -> None:
    found = {line.kind: line.what for line in story.ask(quality.findings, RECORD)}
    assert all(found.values())
    assert found["data gap"] == "FBD-01, G150"


@pytest.mark.urs("URS-DEV-020", "URS-REL-010")
def test_three_decisions_leave_nothing_open(story: Played) -> None:
    found: RecordView = story.ask(view)
    decided = [each for each in found.exceptions if each.state == "decided"]
    assert len(decided) == 3
    assert all(each.decided_by and each.decided_by.id == "P-107" for each in decided)
    assert all(each.decision_reason and each.comment for each in decided)
    (listed,) = [each for each in found.exceptions if each.state == "listed"]
    assert listed.severity == "information"


@pytest.mark.urs("URS-AUD-010")
def test_the_four_refused_attempts_stand_in_the_record(story: Played) -> None:
    entries = story.ask(trail.entries, Stream.parse(RECORD))
    refused = [entry for entry in entries if entry.action == REFUSED]
    told = [json.loads(entry.payload)["facts"]["rule"] for entry in refused]
    assert told == [
        "person.qualification",
        "lot.status",
        "scale.not_suitable",
        "scale.not_suitable",
    ]
    assert len(story.refusals) == 4
    facts = [json.loads(entry.payload)["facts"]["fact"] for entry in refused]
    assert "REC-0017 v3" in facts[0]
    assert "PA-0463" in facts[1]
    assert "BAL-02" in facts[2]
    assert "0.820" in facts[3]


@pytest.mark.urs("URS-EQP-050")
def test_the_tool_counter_opens_one_maintenance_order(story: Played) -> None:
    (order,) = story.ask(maintenance.orders, batch=NUMBER)
    assert (order.equipment, order.trigger, order.blocks) == ("TS-12", "counter", True)
    assert len(story.ask(maintenance.orders)) == 1


@pytest.mark.urs("URS-MAT-070")
def test_low_magnesium_stearate_opens_one_stock_task(story: Played) -> None:
    tasks = story.ask(lambda session: list(session.scalars(select(StockTask))))
    (task,) = tasks
    assert (task.material, task.found, task.minimum) == ("200160", D("2.2"), D("2.5"))
    assert task.record == RECORD


@pytest.mark.urs("URS-SIG-010")
def test_signed_acts_are_those_of_a_clean_batch_and_of_the_second_round(story: Played) -> None:
    # 102 of a clean batch; round 2 adds G160 (1), G180 (1) and G170 by two people (2), and the
    # correction is a second signature of the analyst (1).
    clean, second_round, correction = 102, 4, 1
    signed = story.ask(lambda session: list(session.scalars(select(StepSignature))))
    assert len(signed) == clean + second_round + correction
    assert len([each for each in signed if each.late]) == 1


def test_drying_takes_50_to_60_minutes_and_compression_about_111(story: Played) -> None:
    assert timedelta(minutes=50) <= story.lasted("G150") <= timedelta(minutes=60)
    assert timedelta(minutes=108) <= story.lasted("C080") <= timedelta(minutes=113)
    assert len(story.steps("C090")) == 7
    assert timedelta(minutes=10) <= story.lasted("G180") <= timedelta(minutes=11)


@pytest.mark.urs("URS-EXE-060")
def test_the_fourth_control_shows_the_mean_mass_at_its_alert(story: Played) -> None:
    means = [story.text("C090", "mass_mean", place) for place in range(7)]
    assert means[3] == "638.2"
    assert [mean for mean in means if mean != "638.2"] == ["623.3"] * 6
    assert [story.values("C090", "mass_mean", place)[0].verdict for place in range(7)] == [
        "alert" if mean == "638.2" else "in" for mean in means
    ]


@pytest.mark.urs("URS-EXE-030")
def test_every_step_is_complete_or_says_why_it_is_not(story: Played) -> None:
    found: RecordView = story.ask(view)
    for step in found.steps():
        assert step.state == StepState.COMPLETE or step.ended_by, step.key
        assert not step.signatures_missing, step.key
    assert {each.key for each in found.not_executed} >= {"G120", "C120"}
    assert all(each.cause for each in found.not_executed)


@pytest.mark.urs("URS-REL-030", "URS-REL-040")
def test_batch_and_lot_are_released_by_somebody_who_took_no_part(story: Played) -> None:
    assert story.ask(stock.lot, NUMBER).status == "released"
    batch = story.ask(lambda s: s.scalars(select(Batch).where(Batch.number == NUMBER)).one())
    assert batch.disposition == Disposition.RELEASED_FOR_PACKAGING
    decision = story.ask(quality.standing_decision, RECORD)
    assert (decision.by, decision.by_name) == ("P-107", "Samuel Okafor")
    assert all(condition["met"] for condition in decision.conditions)
    assert story.ask(queries.run_of, NUMBER).state == RunState.COMPLETE
    signers = {each.signer for each in story.ask(lambda s: list(s.scalars(select(StepSignature))))}
    assert "P-107" not in signers


@pytest.mark.urs("URS-EQP-020", "URS-EQP-030")
@pytest.mark.parametrize("unit", ["GRA-01", "FBD-01", "MIL-01", "BLE-01", "TAB-01"])
def test_used_units_are_to_be_cleaned_and_their_logs_say_by_which_batch(
    story: Played, unit: str
) -> None:
    found = story.ask(plant.equipment, unit)
    assert (found.cleaning, found.last_batch) == (Cleaning.TO_BE_CLEANED, NUMBER)
    assert found.allocated_to is None
    lines = [line for line in story.ask(plant.logbook, unit) if line.kind == LogKind.USE]
    assert [line.batch for line in lines] == [NUMBER]


@pytest.mark.urs("URS-EXE-070")
def test_hold_times_ran_and_none_was_exceeded(story: Played) -> None:
    holds = story.ask(lambda session: list(session.scalars(select(HoldTime))))
    ended = {hold.name: hold.ended_at is not None for hold in holds}
    for name in ("dispensed_materials", "binder_solution", "wet_mass", "granules", "final_blend"):
        assert ended[name], name
    assert not ended["bulk_tablets"], "180 days to packaging run from now on"
    assert not ended["dirty_granulator"]
    assert not [hold.name for hold in holds if hold.exceeded]


def trends(session: Session) -> list[dict[str, Any]]:
    rows = session.scalars(
        select(Attachment)
        .where(Attachment.media_type == "application/json", Attachment.name.startswith("trend"))
        .options(undefer(Attachment.data))
    )
    return [json.loads(row.data) | {"name": row.name} for row in rows]


@pytest.mark.urs("URS-PRO-020", "URS-PRO-040")
def test_every_trend_has_a_point_each_ten_seconds_and_says_where_it_has_none(
    story: Played,
) -> None:
    found = story.ask(trends)
    drying = [each for each in found if each["name"].startswith("trend G150")]
    assert {each["tag"] for each in drying} >= {
        "FBD-01.TI102",
        "FBD-01.TI103",
        "FBD-01.FI102",
        "FBD-01.PDI102",
    }
    for each in found:
        longest = longest_silence(each)
        # Where the clock begins to move, the point before was taken in real time.
        assert longest <= timedelta(seconds=12), (each["name"], longest)


@pytest.mark.urs("URS-PRO-040")
def test_the_gap_of_40_seconds_is_told_and_not_drawn_over(story: Played) -> None:
    found: RecordView = story.ask(view)
    (gap,) = [each for each in found.exceptions if each.type == "data_gap"]
    (told,) = re.findall(r"for (\d+) s", gap.text)
    assert 40 <= int(told) <= 45
    for each in story.ask(trends):
        if each["name"].startswith("trend G150"):
            ((start, end),) = spans(each["holes"])
            assert timedelta(seconds=39) <= end - start <= timedelta(seconds=45), each["name"]
            assert not [at for at, value in points(each) if value and start < at < end]


def spans(holes: list[list[str]]) -> list[tuple[datetime, datetime]]:
    return [(datetime.fromisoformat(a), datetime.fromisoformat(b)) for a, b in holes]


def points(each: dict[str, Any]) -> list[tuple[datetime, str | None]]:
    return [(datetime.fromisoformat(at), value) for at, value in each["points"]]


def longest_silence(each: dict[str, Any]) -> timedelta:
    """The longest time without a point or a hole."""
    known = [at for at, _ in points(each)]
    holes = spans(each["holes"])
    found = timedelta(0)
    for before, after in pairwise(known):
        inside = any(start <= after and before <= end for start, end in holes)
        found = found if inside else max(found, after - before)
    return found


@pytest.mark.urs("URS-AUD-060")
def test_the_whole_site_verifies_afterwards(story: Played) -> None:
    def verified(session: Session) -> list[str]:
        book = keybook.of_site(session, story.house.services["site_keys"])
        report = verify_site(session, book)
        return [str(problem) for problem in report.problems]

    assert story.ask(verified) == []


def test_the_story_says_what_it_left(story: Played) -> None:
    assert story.outcome.valid
    told = "\n".join(story.outcome.lines)
    assert "signed acts 107" in told
    assert "exceptions 4" in told
    assert "refused attempts 4, maintenance orders 1, stock tasks 1" in told
    assert "VALID" in told
