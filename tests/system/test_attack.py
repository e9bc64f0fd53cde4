"""Every published manipulation of a copy of a small site is found as the threat model says."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from app import checking, verification
from app.attack import report, running
from app.attack.bundles import with_cosignature
from app.attack.model import Manipulation
from app.attack.running import CONTROL, MANIPULATIONS, Stage
from app.attack.scene import Scene, duplicate
from app.cli import main
from audit import verifier
from core.settings import Settings
from ebr import record
from ebr.errors import FileTampered
from ebr.gates import Condition
from ebr.report import trends
from ebr.report.trends import TrendView
from tests.support import attacksite

pytestmark = [
    pytest.mark.xdist_group("attack"),
    pytest.mark.sqlite("the copy of a site is a file"),
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The small site; every test attacks copies of it."""
    return attacksite.make(tmp_path_factory.mktemp("attack") / "site")


@pytest.fixture(scope="module")
def stage(site: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """The prepared copy."""
    with running.prepared(site, tmp_path_factory.mktemp("stage")) as made:
        yield made


@pytest.mark.urs("URS-AUD-060", "URS-SEC-070", "URS-REC-110", "URS-SIG-050")
@pytest.mark.parametrize("manipulation", MANIPULATIONS, ids=lambda each: each.name)
def test_it_is_found_as_the_model_says(stage: Stage, manipulation: Manipulation) -> None:
    outcome = running.carry_out(stage, manipulation)
    assert outcome.here, "the small site holds something of every kind"
    assert outcome.as_the_model_says, [str(each) for each in outcome.found]


@pytest.mark.urs("URS-AUD-060")
def test_nothing_is_found_where_nothing_was_changed(stage: Stage) -> None:
    outcome = running.carry_out(stage, CONTROL)
    assert outcome.as_the_model_says, outcome.found


@pytest.mark.urs("URS-AUD-060")
def test_the_bundle_that_a_witness_cosigned_is_valid_until_the_cosignature_is_gone(
    stage: Stage,
) -> None:
    made, trust = with_cosignature(Scene(stage.home, stage.loot))
    assert verifier.verify_bytes(made, trust)["result"] == "VALID"
    assert verifier.verify_bytes(stage.loot.bundle, trust)["result"] == "INVALID"


@pytest.mark.urs("URS-AUD-060")
def test_the_command_attacks_a_copy_leaves_the_site_as_it_is_and_ends_with_0(
    site: Settings, tmp_path: Path
) -> None:
    before = _bytes_of(site)
    done = CliRunner().invoke(
        main, ["--home", str(site.home), "attack", "--to", str(tmp_path), "--only", "tail-cut"]
    )
    assert (done.exit_code, done.output.splitlines()[-1]) == (
        0,
        "1 of 1 detected as the model says",
    )
    assert _bytes_of(site) == before
    assert not list(tmp_path.iterdir()), "no copy stays"


@pytest.mark.urs("URS-AUD-060")
def test_the_command_ends_with_1_when_a_promised_detector_is_blind(
    site: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.attack.detecting.crosscheck.check", lambda session, found: None)
    done = CliRunner().invoke(
        main, ["--home", str(site.home), "attack", "--only", "attachment-changed", "--json"]
    )
    told = json.loads(done.output)
    assert (done.exit_code, told["result"]) == (1, "NOT AS THE MODEL SAYS")
    assert told["manipulations"][1]["verdict"] == report.WRONG


@pytest.mark.urs("URS-REC-110")
def test_the_verification_of_the_site_names_what_lies_beside_its_trail(
    site: Settings, stage: Stage, tmp_path: Path
) -> None:
    duplicate(stage.home, tmp_path / "copy")
    scene = Scene(tmp_path / "copy", stage.loot)
    said: list[str] = []
    assert checking.verify(scene.settings, say=said.append) == 0, said
    for name, place in (("stock-balance-edited", "stock"), ("alarm-job-deleted", "timer T")):
        (chosen,) = running.named(name)
        chosen.act(scene)
        assert checking.verify(scene.settings, say=said.append) == 1
        assert any(place in line for line in said)


@pytest.mark.urs("URS-REL-030", "URS-REC-110")
def test_a_record_whose_file_was_changed_is_not_released(stage: Stage, tmp_path: Path) -> None:
    duplicate(stage.home, tmp_path / "copy")
    scene = Scene(tmp_path / "copy", stage.loot)
    assert _condition(scene).met
    (chosen,) = running.named("attachment-changed")
    chosen.act(scene)
    assert not _condition(scene).met
    assert "data is not the file with the digest" in _condition(scene).fact


@pytest.mark.urs("URS-REC-110")
def test_a_trend_that_was_changed_is_neither_drawn_nor_handed_out(
    stage: Stage, tmp_path: Path
) -> None:
    duplicate(stage.home, tmp_path / "copy")
    scene = Scene(tmp_path / "copy", stage.loot)
    assert _trends(scene)
    (chosen,) = running.named("trend-of-a-record-changed")
    chosen.act(scene)
    with pytest.raises(FileTampered, match="not the file that was attached"):
        _trends(scene)


def _trends(scene: Scene) -> list[TrendView]:
    with scene.house() as house, house.reading() as session:
        return trends.of(session, record.view(session, scene.loot.record.partition("/")[2]))


def _condition(scene: Scene) -> Condition:
    with scene.house() as house, house.reading() as session:
        (told,) = verification.record_verifies(session, {"record": scene.loot.record})
        return told


def _bytes_of(site: Settings) -> dict[str, str]:
    """Digests of the files that hold the site; not of the queue of its writers."""
    wanted = [site.home / "site.db", *sorted(site.keys.iterdir())]
    return {each.name: hashlib.sha256(each.read_bytes()).hexdigest() for each in wanted}
