"""The batch worked through the pages: every act by the form that a person uses for it.

The scenes are those of the headless batch, so what is entered is the same; only the hands differ.
Each page on the way must answer, speak like a person and offer the act that is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from app.demo import closing, dispensing, running, story
from app.demo.entries import ticked
from app.demo.wording import spec
from ebr import queries
from ebr.models import StepState
from tests.support.byhand import HandStage
from tests.support.handsite import by_hand
from tests.support.story import PATIENCE_SECONDS

MENON, ROTH = "P-104", "P-102"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[HandStage]:
    """A fresh site with B-2045 planned; nobody has signed in yet."""
    with by_hand(tmp_path) as made:
        yield made


def number(stage: HandStage, key: str, code: str) -> Decimal:
    """The one number in force of a step's parameter."""
    with stage.house.reading() as session:
        run = queries.run_of(session, stage.record)
        step = queries.steps_of_key(session, run, key)[-1]
        (value,) = queries.current_values(session, step)[code]
        assert value.number is not None
        return value.number


@pytest.mark.timeout(PATIENCE_SECONDS)
@pytest.mark.urs("URS-EXE-030", "URS-MAT-030", "URS-SIG-020")
def test_a_batch_is_opened_and_its_first_materials_are_weighed_through_the_pages(
    stage: HandStage,
) -> None:
    story.preparation(stage)
    stage.do(MENON, "D010", ticked(spec(stage, "D010")), verifier=ROTH)
    stage.sweep()
    stage.step("D020")
    stage.sign(MENON, "D020", "confirmer")
    dispensing.check_scales(stage)
    for weighing in stage.script.weighings[:5]:
        dispensing.weigh(stage, weighing)
    assert stage.step("D060").state == StepState.COMPLETE
    assert number(stage, "D060", "net") == Decimal("8.000")
    assert stage.spoken == []
    (claim,) = stage.refusals
    assert "qualification for REC-0017 v3 expired" in claim


@pytest.mark.nightly
@pytest.mark.timeout(PATIENCE_SECONDS)
@pytest.mark.urs("URS-EXE-030", "URS-SIG-020", "URS-AUD-110", "URS-MAT-090")
def test_a_whole_batch_is_made_reviewed_and_released_through_the_pages(stage: HandStage) -> None:
    running.play(stage)
    closing.production_review(stage)
    closing.certificate(stage)
    closing.quality_review(stage)
    closing.release_batch(stage)
    told = closing.summary(stage)
    assert told[0] == "batch B-2045 REC-0017 v3: complete"
    assert told[1].startswith("signed acts 107, exceptions 4")
    assert told[1].endswith("open 0")
    assert len(stage.refusals) == 4
    assert stage.spoken == []
