"""The log witness from the command line, as its keeper uses it on another host."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from audit import cosignatures, witness, witnessclient
from audit.cosignatures import WitnessKey
from audit.verifier import CheckpointNote
from tests.integration.app.conftest import Command
from tests.support.witnessing import LooseLog


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "qa"


@pytest.fixture
def vkey(batchwright: Command, folder: Path) -> str:
    made = batchwright("log-witness", "key", "example.com/qa", "--folder", folder)
    assert made.exit_code == 0
    return made.output.strip()


@pytest.fixture
def served(folder: Path, vkey: str) -> Iterator[str]:
    """The address that the serving process tells."""
    command = "from app.cli import entry; entry()"
    words = ["log-witness", "serve", "--port", "0", "--folder", str(folder)]
    with subprocess.Popen(
        [sys.executable, "-c", command, *words], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        told = re.search(r"http://\S+", process.stdout.readline())
        assert told is not None
        yield told[0]
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.urs("URS-AUD-060")
def test_a_witness_is_made_follows_a_log_and_says_where_it_stands(
    batchwright: Command, folder: Path, vkey: str, served: str
) -> None:
    log = LooseLog().grow(7)
    assert witnessclient.add_checkpoint(served, 0, [], log.note()).status == 404
    trusted = batchwright("log-witness", "trust", log.signer.vkey, "--folder", folder)
    assert trusted.output == "follows batchwright/loose\n"
    answer = witnessclient.add_checkpoint(served, 0, [], log.note())
    assert answer.status == 200, "what the keeper trusts counts without a restart"
    cosignatures.check(CheckpointNote(log.note() + answer.body.decode()), WitnessKey(vkey))
    told = batchwright("log-witness", "show", "--folder", folder).output
    assert f"witness {vkey}" in told
    assert f"batchwright/loose: size 7, root {log.root(7).hex()}" in told


@pytest.mark.urs("URS-BAK-040")
def test_a_new_history_is_accepted_with_its_reason_and_shown_for_good(
    batchwright: Command, folder: Path, vkey: str
) -> None:
    old, new = LooseLog(), LooseLog("batchwright/loose/2")
    batchwright("log-witness", "trust", old.signer.vkey, "--folder", folder)
    words = ["log-witness", "new-history", new.signer.vkey, "--folder", folder]
    assert batchwright(*words, "--instead-of", old.origin).exit_code == 2
    done = batchwright(*words, "--instead-of", old.origin, "--reason", "told by QA")
    assert done.exit_code == 0
    told = batchwright("log-witness", "show", "--folder", folder).output
    assert "batchwright/loose: size 0, root none yet (followed no further)" in told
    assert "instead of batchwright/loose (size 0): told by QA" in told


def test_wrong_keys_and_lost_states_are_told_in_one_line(
    batchwright: Command, folder: Path, vkey: str
) -> None:
    wrong = batchwright("log-witness", "trust", "no-key", "--folder", folder)
    assert wrong.exit_code == 2
    assert "name+hash+base64" in wrong.output
    (folder / witness.STATE_FILE).unlink()
    lost = batchwright("log-witness", "serve", "--folder", folder)
    assert lost.exit_code == 1
    assert "make a new key under a new name" in lost.output
    assert batchwright("log-witness", "show", "--folder", folder / "none").exit_code == 1
