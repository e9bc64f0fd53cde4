"""Checkpoints reach whoever vouches for them outside, and what goes wrong there is told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from app import cli, making
from app import serving as serving_site
from app.anchoring import Anchoring, Configured
from app.bootstrap import compose
from app.worker import SiteWorker
from audit import (
    anchorcheck,
    anchors,
    checkpoints,
    cosignatures,
    notefile,
    timestamps,
    trail,
    witness,
)
from audit.anchormodels import AnchorState, Cosignature
from audit.cosignatures import WitnessKey
from audit.report import Report
from audit.sequencer import sequence_pending
from audit.streams import SITE, Stream
from audit.verifier import CheckpointNote, Invalid
from audit.witness import Witness
from core.actors import Actor
from core.errors import BrokenPromise
from core.house import House, moment
from core.settings import Settings
from core.sites import SiteMode
from tests.integration.app.conftest import settings_of
from tests.integration.audit.conftest import forget_triggers
from tests.support.witnessing import Authority, AuthorityFiles, serving, time_stamping

SOMEBODY = Actor.service("test", trigger="test")
AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def authority_files(tmp_path_factory: pytest.TempPathFactory) -> AuthorityFiles:
    return AuthorityFiles(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def authority(authority_files: AuthorityFiles) -> Iterator[Authority]:
    with time_stamping(authority_files) as found:
        yield found


@pytest.fixture
def qa(tmp_path: Path) -> Witness:
    return witness.make(tmp_path / "qa", "example.com/qa")


@pytest.fixture
def address(qa: Witness) -> Iterator[str]:
    with serving(qa) as found:
        yield found


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    return folder / "anchors.jsonl"


@pytest.fixture(scope="session")
def empty_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site without anybody, made once."""
    home = tmp_path_factory.mktemp("empty") / "site"
    making.make_site(settings_of(home), name="Werk Süd", mode=SiteMode.GMP, zone="Europe/Berlin")
    compose(settings_of(home)).database.close()  # its keys are made once
    return home


@pytest.fixture
def settings(
    empty_site: Path, tmp_path: Path, qa: Witness, address: str, elsewhere: Path,
    authority: Authority,
) -> Settings:  # fmt: skip
    shutil.copytree(empty_site, tmp_path / "site")
    return replace(
        settings_of(tmp_path / "site"),
        log_witness=f"{address} {qa.vkey}",
        anchor_file=str(elsewhere),
        time_authority=f"{authority.url} {authority.root}",
    )


@pytest.fixture
def house(settings: Settings, qa: Witness) -> Iterator[House]:
    found = compose(settings)
    qa.trust(found.services["site_keys"].log.vkey, at=AT)
    yield found
    found.database.close()


def record(house: House, times: int = 1, action: str = "test.noted") -> None:
    with house.transaction() as session:
        for _ in range(times):
            with trail.act(session, action, stream=Stream("test", "T-1"), by=SOMEBODY):
                pass
    sequence_pending(house, house.services["site_keys"])


def standing(house: House) -> dict[str, anchors.Standing]:
    with house.reading() as session:
        return {at.kind: at for at in anchors.standing(session)}


def actions(house: House) -> list[str]:
    with house.reading() as session:
        return [entry.action for entry in trail.entries(session, SITE)]


@pytest.mark.urs("URS-AUD-060")
def test_every_anchor_gets_the_newest_checkpoint(
    house: House, settings: Settings, qa: Witness, elsewhere: Path, authority: Authority
) -> None:
    """D4 and X6: cosigned, written elsewhere and time-stamped, each as a row or note of its own."""
    record(house)
    at_work = Anchoring(house, settings)
    at_work.round()
    record(house, 3)
    at_work.round()
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        note = CheckpointNote(anchors.full_note(session, newest))
        checkpoints.check(newest, house.services["site_keys"].log_keys())
        cosigned_at = cosignatures.check(note, WitnessKey(qa.vkey))
        assert abs(cosigned_at - datetime.now(UTC)) < timedelta(minutes=5)
        assert anchors.newest_cosigned(session) is newest
    assert notefile.read(elsewhere).notes[-1][1] == newest.note
    assert {at.size for at in standing(house).values()} == {newest.size}
    assert not any(at.problem or at.silent for at in standing(house).values())
    assert actions(house).count("anchor.added") == 3


@pytest.mark.urs("URS-AUD-060")
def test_time_stamps_are_asked_for_once_a_day_and_after_each_release(
    house: House, settings: Settings, authority: Authority, authority_files: AuthorityFiles
) -> None:
    record(house)
    before = authority_files.asked
    at_work = Anchoring(house, settings)
    for _ in range(2):
        at_work.round()
        record(house)
    assert authority_files.asked == before + 1
    record(house, action="batch.decided")
    at_work.round()
    at_work.round()
    assert authority_files.asked == before + 2
    with house.reading() as session:
        newest = session.execute(
            text("SELECT size FROM timestamp_token WHERE purpose = 'release'")
        ).scalar_one()
        [row] = timestamps.tokens(session, newest)
        checkpoint = session.execute(
            text("SELECT note FROM checkpoint WHERE size = :size"), {"size": newest}
        ).scalar_one()
    roots = timestamps.roots_of(authority.root.read_bytes())
    assert timestamps.check(row.token, checkpoint, roots).at == row.stamped_at
    with pytest.raises(Invalid, match="Mismatch"):
        timestamps.check(row.token, checkpoint + "x", roots)


def test_openssl_itself_verifies_a_stored_time_stamp(
    house: House, settings: Settings, authority: Authority, tmp_path: Path
) -> None:
    record(house)
    Anchoring(house, settings).round()
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        [row] = timestamps.tokens(session, newest.size)
    (tmp_path / "note").write_bytes(newest.note.encode())
    (tmp_path / "answer").write_bytes(row.token)
    told = subprocess.run(
        ["openssl", "ts", "-verify", "-in", "answer", "-data", "note", "-CAfile", authority.root],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "Verification: OK" in told.stdout + told.stderr


def test_an_answer_of_another_authority_is_not_stored(
    house: House, settings: Settings, authority: Authority, tmp_path: Path
) -> None:
    stranger = AuthorityFiles(tmp_path / "stranger")
    told = replace(settings, time_authority=f"{authority.url} {stranger.root}")
    record(house)
    Anchoring(house, told).round()
    found = standing(house)[anchors.AUTHORITY]
    assert found.problem is not None
    assert "certificate" in found.problem
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        assert not timestamps.tokens(session, newest.size)


def test_after_an_outage_the_witness_is_caught_up_with_one_proof(
    qa: Witness, house: House, settings: Settings
) -> None:
    away = replace(settings, log_witness=f"http://127.0.0.1:1 {qa.vkey}")
    record(house)
    Anchoring(house, settings).round()
    for _ in range(3):
        record(house, 2)
        Anchoring(house, away).round()
    problem = standing(house)[anchors.WITNESS].problem
    assert problem is not None
    assert "no answer" in problem
    Anchoring(house, settings).round()
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        assert anchors.cosignatures(session, newest.size)
    assert standing(house)[anchors.WITNESS].problem is None


def test_a_witness_that_does_not_know_the_log_is_a_problem_that_says_what_to_do(
    house: House, settings: Settings, tmp_path: Path
) -> None:
    stranger = witness.make(tmp_path / "stranger", "example.com/stranger")
    record(house)
    with serving(stranger) as url:
        Anchoring(house, replace(settings, log_witness=f"{url} {stranger.vkey}")).round()
    found = {at.name: at for at in _all(house)}["example.com/stranger"]
    assert found.problem is not None
    assert "log-witness trust" in found.problem


def _all(house: House) -> list[anchors.Standing]:
    with house.reading() as session:
        return anchors.standing(session)


def test_a_cosignature_of_another_key_is_not_stored(
    house: House, settings: Settings, qa: Witness, address: str, tmp_path: Path
) -> None:
    other = witness.make(tmp_path / "other", "example.com/qa")
    record(house)
    Anchoring(house, replace(settings, log_witness=f"{address} {other.vkey}")).round()
    problem = standing(house)[anchors.WITNESS].problem
    assert problem is not None
    assert "does not hold" in problem


@pytest.mark.urs("URS-AUD-060")
def test_a_silent_anchor_alarms_once_and_says_when_it_answers_again(
    house: House, settings: Settings, elsewhere: Path
) -> None:
    record(house)
    elsewhere.mkdir()
    at_work = Anchoring(house, settings)
    at_work.round()
    problem = standing(house)[anchors.FILE].problem
    assert problem is not None
    assert "cannot be written" in problem
    assert "anchor.silent" not in actions(house)
    _make_older(house, anchors.FILE)
    at_work.round()
    at_work.round()
    assert standing(house)[anchors.FILE].silent
    assert actions(house).count("anchor.silent") == 1
    elsewhere.rmdir()
    at_work.round()
    assert actions(house).count("anchor.answers") == 1
    assert not standing(house)[anchors.FILE].silent


def _make_older(house: House, kind: str) -> None:
    with house.transaction() as session:
        row = session.query(AnchorState).filter_by(kind=kind).one()
        row.known_since -= 2 * anchors.LIMITS[kind]


def test_an_anchor_that_nobody_serves_any_more_is_silent_too(
    house: House, settings: Settings
) -> None:
    """The worker is not there: nothing failed, and nothing was handed over either."""
    record(house)
    with house.transaction() as session:
        long_ago = moment(session).steady - timedelta(days=3)
        session.add(AnchorState(kind=anchors.FILE, name="f", size=0, known_since=long_ago))
    assert not standing(house)[anchors.FILE].silent
    house.clock = _Later(house)  # type: ignore[assignment]
    assert standing(house)[anchors.FILE].silent


class _Later:
    def __init__(self, house: House) -> None:
        self._clock = house.clock

    def now(self) -> datetime:
        return self._clock.now() + timedelta(hours=1)

    def __getattr__(self, name: str) -> object:
        return getattr(self._clock, name)


def test_an_anchor_that_is_taken_away_leaves_an_entry(house: House, settings: Settings) -> None:
    record(house)
    Anchoring(house, settings).round()
    bare = replace(settings, log_witness="", anchor_file="", time_authority="")
    without = Anchoring(house, bare)
    assert without.is_needed
    without.round()
    assert actions(house).count("anchor.removed") == 3
    assert not without.is_needed


def test_anchors_that_cannot_be_read_from_the_settings_stop_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    wrongs: tuple[dict[str, Any], ...] = (
        {"log_witness": "http://here"},
        {"log_witness": "http://here name+00000000+AAAA"},
        {"time_authority": f"http://here {tmp_path / 'missing.pem'}"},
        {"anchor_file": str(tmp_path / "missing" / "file")},
        {"anchor_file": "relative"},
    )
    for wrong in wrongs:
        with pytest.raises(BrokenPromise):
            Configured.of(replace(settings, **wrong))


KILLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from app import anchoring
from app.bootstrap import compose
from app.worker import SiteWorker
from core.settings import Settings

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

home, url, log_witness = sys.argv[1:]
settings = Settings(home=Path(home), database_url=url, owner_url=url, log_witness=log_witness)
anchoring.Anchoring._store_once = die
anchoring.Anchoring(compose(settings), settings).round()
"""


@pytest.mark.urs("URS-AUD-060")
def test_a_site_killed_between_receiving_and_storing_gets_its_cosignature_later(
    house: House, settings: Settings, qa: Witness
) -> None:
    """kill -9 at the one moment at which the witness is ahead of what the site knows of it."""
    record(house)
    arguments = [str(settings.home), settings.database_url, settings.log_witness]
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], env=dict(os.environ), check=False
    )
    assert killed.returncode == -signal.SIGKILL
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        assert not anchors.cosignatures(session, newest.size)
    origin = house.services["site_keys"].log.origin
    assert qa.followed[origin].size == newest.size
    record(house)
    Anchoring(house, settings).round()
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
        assert anchors.cosignatures(session, newest.size)


def test_two_workers_store_one_cosignature(house: House, settings: Settings) -> None:
    record(house)
    with house.reading() as session:
        newest = checkpoints.latest(session)
        assert newest is not None
    for _ in range(2):
        Anchoring(house, settings)._store_once(
            Cosignature,
            size=newest.size,
            witness="w",
            key_hash="00000000",
            line="x\n",
            signed_at=AT,
        )
    with house.reading() as session:
        assert len(anchors.cosignatures(session, newest.size)) == 1


@pytest.mark.urs("URS-AUD-060", "URS-REC-110")
def test_stored_cosignatures_and_time_stamps_are_verified_with_the_site(
    house: House, settings: Settings
) -> None:
    record(house)
    Anchoring(house, settings).round()
    trusted = Configured.of(settings).trusted
    assert _checked(house, trusted) == ([], [])
    problems, not_checked = _checked(house, anchorcheck.Trusted())
    assert problems == []
    assert len(not_checked) == 2, "what nobody trusts is told apart"
    owner = settings.owner_url
    forget_triggers(owner)
    engine = create_engine(owner)
    with engine.begin() as connection:
        connection.execute(text("UPDATE cosignature SET size = size + 1"))
        connection.execute(text("UPDATE timestamp_token SET token = substr(token, 1, 200)"))
    engine.dispose()
    problems, _ = _checked(house, trusted)
    assert [problem for problem in problems if "no checkpoint of that size" in problem]
    assert [problem for problem in problems if problem.startswith("time stamp of")]


def _checked(house: House, trusted: anchorcheck.Trusted) -> tuple[list[str], list[str]]:
    report = Report()
    with house.reading() as session:
        anchorcheck.check(session, report, trusted)
    return [str(problem) for problem in report.problems], report.not_checked


def test_the_worker_hands_over_by_itself_and_stops_when_told(
    house: House, settings: Settings, elsewhere: Path
) -> None:
    stop = threading.Event()
    worker = threading.Thread(target=SiteWorker(house, owner="w").run, args=(stop,))
    worker.start()
    try:
        with house.transaction() as session:
            with trail.act(session, "test.noted", stream=Stream("test", "T-9"), by=SOMEBODY):
                pass
            mine = session.info["moment"].real
        _until(lambda: _is_anchored(house, elsewhere, mine))
    finally:
        stop.set()
        worker.join()
    assert not any(at.problem for at in _all(house))


def _is_anchored(house: House, elsewhere: Path, after: datetime) -> bool:
    """A checkpoint made after that moment is cosigned and in the file."""
    with house.reading() as session:
        newest = anchors.newest_cosigned(session)
    held = [note for _at, note in notefile.read(elsewhere).notes]
    return newest is not None and newest.at > after and newest.note in held


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < deadline, "it never came to hold"
        time.sleep(0.1)


def test_a_home_on_the_command_line_does_not_lose_the_anchors(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCHWRIGHT_ANCHOR_FILE", str(elsewhere))
    found = cli._settings(tmp_path / "other")
    assert found.home == tmp_path / "other"
    assert found.anchor_file == str(elsewhere)
    assert serving_site.environment(found)["BATCHWRIGHT_ANCHOR_FILE"] == str(elsewhere)
