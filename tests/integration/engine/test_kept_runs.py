"""Runs of earlier versions, kept as files, come to the same state on this one (URS-EXE-090)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.errors import BatchwrightError
from engine import replay
from engine.replay import RecordedAct, RecordedHost, State
from tests.support import keptruns
from tests.support.keptruns import KeptRun
from tests.support.places import site_url
from tests.support.running import Plant, install

KEPT = sorted(keptruns.FOLDER.glob("*.json"))


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Plant]:
    """A house that holds nothing yet."""
    url = site_url(tmp_path / "again.db")
    install(url)
    plant = Plant(url)
    plant.house.services["engine_host"] = RecordedHost()
    yield plant
    plant.close()


def test_at_least_one_run_is_kept() -> None:
    assert KEPT


def done_again(kept: KeptRun, acts: list[RecordedAct], empty: Plant) -> State:
    """The state after these acts, as far as the old version knew it."""
    empty.store(kept.body.encode())
    replay.replay(empty.house, kept.record, acts)
    with empty.house.reading() as session:
        return kept.known(replay.state_of(session, kept.record))


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_a_run_of_an_earlier_version_comes_to_the_same_state(file: Path, empty: Plant) -> None:
    kept = keptruns.read(file)
    assert done_again(kept, kept.acts, empty) == kept.state


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_without_its_last_act_it_is_another_state(file: Path, empty: Plant) -> None:
    kept = keptruns.read(file)
    assert done_again(kept, kept.acts[:-1], empty) != kept.state


@pytest.mark.urs("URS-EXE-090")
@pytest.mark.parametrize("file", KEPT, ids=lambda file: file.stem)
def test_an_act_left_out_is_noticed(file: Path, empty: Plant) -> None:
    kept = keptruns.read(file)
    middle = len(kept.acts) // 2
    with pytest.raises(BatchwrightError):
        done_again(kept, kept.acts[:middle] + kept.acts[middle + 1 :], empty)
