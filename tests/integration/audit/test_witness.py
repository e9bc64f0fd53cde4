"""The log witness: what it cosigns, what it refuses, and what it never forgets."""

from __future__ import annotations

import base64
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import cosignatures, notefile, witness, witnessclient
from audit.cosignatures import WitnessKey
from audit.verifier import CheckpointNote, Invalid
from audit.witness import Refused, Witness
from core.errors import BrokenPromise
from tests.support.witnessing import LooseLog, serving

AT = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@pytest.fixture
def log() -> LooseLog:
    return LooseLog().grow(5)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "qa"


@pytest.fixture
def qa(folder: Path, log: LooseLog) -> Witness:
    made = witness.make(folder, "example.com/qa")
    made.trust(log.signer.vkey, at=AT)
    return made


def body(old: int, log: LooseLog, size: int | None = None) -> bytes:
    lines = [f"old {old}", *(_base64(part) for part in log.proof(old, size))]
    return ("\n".join(lines) + "\n\n" + log.note(size)).encode()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def status_of(qa: Witness, sent: bytes) -> int:
    with pytest.raises(Refused) as refused:
        qa.add_checkpoint(sent, at=AT)
    return refused.value.status


@pytest.mark.urs("URS-AUD-060")
def test_a_checkpoint_is_cosigned_with_the_time_after_its_proof(qa: Witness, log: LooseLog) -> None:
    key = WitnessKey(qa.vkey)
    for old, size in ((0, 5), (5, 5), (5, 12), (12, 33)):
        log.grow(size - log.size)
        line = qa.add_checkpoint(body(old, log), at=AT)
        note = CheckpointNote(log.note() + line)
        assert cosignatures.check(note, key) == AT
    assert qa.followed[log.origin].size == 33
    kept = notefile.read(qa._folder / witness.NOTES_FILE)
    assert len(kept.notes) == 4


@pytest.mark.urs("URS-AUD-060")
def test_a_log_that_was_rewritten_is_not_cosigned(qa: Witness, log: LooseLog) -> None:
    """The database owner writes yesterday anew and signs it with the log's own key (X6)."""
    qa.add_checkpoint(body(0, log), at=AT)
    forged = LooseLog(log.origin)
    forged.signer = log.signer
    forged.grow(5, salt="forged").grow(4)
    assert status_of(qa, body(5, forged)) == 422
    assert status_of(qa, body(5, forged, 5)) == 409
    assert qa.followed[log.origin].root == log.root(5)


def test_a_shorter_log_is_told_what_was_cosigned_last(qa: Witness, log: LooseLog) -> None:
    """Pitfall 7, as the witness sees it: an old database sends what it thinks comes next."""
    log.grow(5)
    qa.add_checkpoint(body(0, log), at=AT)
    with pytest.raises(Refused) as refused:
        qa.add_checkpoint(body(5, log, 7), at=AT)
    assert (refused.value.status, refused.value.size, refused.value.body) == (409, 10, "10\n")
    assert refused.value.kind == "text/x.tlog.size"


@pytest.mark.parametrize(
    "make",
    [
        lambda log: b"",
        lambda log: b"\xff\xfe",
        lambda log: b"old 0\n\n",
        lambda log: b"old -1\n\n" + log.note().encode(),
        lambda log: b"old 00\n\n" + log.note().encode(),
        lambda log: b"old 0\nnot base64\n\n" + log.note().encode(),
        lambda log: b"old 9\n\n" + log.note().encode(),
        lambda log: b"old 1\n" + b"AAAA\n" * 64 + b"\n" + log.note().encode(),
        lambda log: b"old 0\n\n" + log.note().replace("\n5\n", "\nfive\n").encode(),
        lambda log: b"old 0\n\n" + log.note().encode() + b"x" * witness.LONGEST_BODY,
    ],
)
def test_what_is_no_request_is_refused_as_such(qa: Witness, log: LooseLog, make: object) -> None:
    assert callable(make)
    assert status_of(qa, make(log)) == 400
    assert qa.followed[log.origin].size == 0


def test_only_known_logs_and_their_keys_are_cosigned(qa: Witness, log: LooseLog) -> None:
    stranger = LooseLog("batchwright/elsewhere").grow(3)
    assert status_of(qa, body(0, stranger)) == 404
    thief = LooseLog(log.origin).grow(3)
    assert status_of(qa, body(0, thief)) == 403


def test_proofs_of_nothing_and_of_short_hashes_prove_nothing(qa: Witness, log: LooseLog) -> None:
    """Pitfall 8: size 0 as the older tree, and hashes that are no hashes."""
    proof = _base64(log.root(4)).encode()
    assert status_of(qa, b"old 0\n" + proof + b"\n\n" + log.note().encode()) == 422
    qa.add_checkpoint(body(0, log), at=AT)
    log.grow(3)
    assert status_of(qa, b"old 0\n\n" + log.note().encode()) == 409
    assert status_of(qa, b"old 5\n\n" + log.note().encode()) == 422
    assert status_of(qa, b"old 5\nAAAA\nAAAA\nAAAA\n\n" + log.note().encode()) == 422


def test_a_key_whose_base64_holds_a_plus_is_read() -> None:
    """Pitfall 9: name, hash and key are split from the left."""
    for number in range(2000):
        seed = number.to_bytes(32, "big")
        vkey = cosignatures.vkey_of("qa", Ed25519PrivateKey.from_private_bytes(seed))
        if "+" in vkey.split("+", 2)[2]:
            assert WitnessKey(vkey).vkey == vkey
            return
    raise AssertionError("no such key among 2000")


@pytest.mark.parametrize("spoil", ["type", "hash", "length", "name"])
def test_a_key_of_another_kind_is_no_witness_key(qa: Witness, spoil: str, log: LooseLog) -> None:
    name, hashed, data = qa.vkey.split("+", 2)
    wrong = {
        "type": log.signer.vkey,
        "hash": f"{name}+00000000+{data}",
        "length": f"{name}+{hashed}+BAAA",
        "name": f"other+{hashed}+{data}",
    }
    with pytest.raises(Invalid):
        WitnessKey(wrong[spoil])


def test_a_cosignature_does_not_move_to_another_note_or_time(qa: Witness, log: LooseLog) -> None:
    line = qa.add_checkpoint(body(0, log), at=AT)
    key = WitnessKey(qa.vkey)
    with pytest.raises(Invalid, match="not good"):
        cosignatures.check(CheckpointNote(log.grow(1).note() + line), key)
    with pytest.raises(Invalid, match="did not cosign"):
        cosignatures.check(CheckpointNote(log.note()), key)


def test_a_lost_state_is_never_begun_anew(qa: Witness, folder: Path) -> None:
    (folder / witness.STATE_FILE).unlink()
    with pytest.raises(BrokenPromise, match="make a new key under a new name"):
        witness.opened(folder)
    with pytest.raises(BrokenPromise, match="holds a witness already"):
        witness.make(folder, "example.com/qa")


@pytest.mark.parametrize("content", ["", "{}", '{"v": 1, "witness": "another", "logs": {}}', "[]"])
def test_a_damaged_or_foreign_state_is_refused(qa: Witness, folder: Path, content: str) -> None:
    (folder / witness.STATE_FILE).write_text(content)
    with pytest.raises(BrokenPromise, match="cannot be read"):
        witness.opened(folder)


def test_a_key_open_to_others_is_refused(qa: Witness, folder: Path) -> None:
    (folder / witness.KEY_FILE).chmod(0o640)
    with pytest.raises(BrokenPromise, match="0600"):
        witness.opened(folder)


def test_a_shortened_file_of_notes_stops_the_witness(
    qa: Witness, folder: Path, log: LooseLog
) -> None:
    qa.add_checkpoint(body(0, log), at=AT)
    (folder / witness.NOTES_FILE).write_text("")
    with pytest.raises(BrokenPromise, match="a part of it is lost"):
        witness.opened(folder).recover()


KILLED = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from audit import notefile, witness

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv[2] == "before":
    notefile.append = die
else:
    witness._write_state = die
opened = witness.opened(Path(sys.argv[1]))
opened.add_checkpoint(sys.stdin.buffer.read(), at=datetime.now(UTC))
"""


@pytest.mark.urs("URS-AUD-060")
@pytest.mark.parametrize(("where", "size"), [("before", 5), ("between", 9)])
def test_a_witness_killed_while_cosigning_goes_on_without_contradiction(
    qa: Witness, folder: Path, log: LooseLog, where: str, size: int
) -> None:
    """kill -9 between cosigning and storing: the site never got the line and asks again."""
    qa.add_checkpoint(body(0, log), at=AT)
    log.grow(4)
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(folder), where], input=body(5, log), check=False
    )
    assert killed.returncode == -signal.SIGKILL
    again = witness.opened(folder)
    again.recover()
    assert again.followed[log.origin].size == size
    line = again.add_checkpoint(body(size, log), at=AT)
    cosignatures.check(CheckpointNote(log.note() + line), WitnessKey(again.vkey))


@pytest.mark.urs("URS-BAK-040")
def test_a_new_history_is_followed_only_by_a_recorded_act(
    qa: Witness, folder: Path, log: LooseLog
) -> None:
    qa.add_checkpoint(body(0, log), at=AT)
    restored = LooseLog(f"{log.origin}/2").grow(3)
    assert status_of(qa, body(0, restored)) == 404
    with pytest.raises(BrokenPromise, match="reason"):
        qa.accept_new_history(restored.signer.vkey, instead_of=log.origin, reason=" ", at=AT)
    with pytest.raises(BrokenPromise, match="never followed"):
        qa.accept_new_history(restored.signer.vkey, instead_of="other", reason="x", at=AT)
    qa.accept_new_history(
        restored.signer.vkey, instead_of=log.origin, reason="restored, told by QA", at=AT
    )
    qa.add_checkpoint(body(0, restored), at=AT)
    [fork] = notefile.read(folder / witness.NOTES_FILE).forks
    assert (fork["instead_of"], fork["size"], fork["reason"]) == (
        log.origin, 5, "restored, told by QA",
    )  # fmt: skip
    assert status_of(qa, body(5, log.grow(1))) == 403
    assert qa.followed[log.origin].size == 5


@pytest.fixture
def address(qa: Witness) -> Iterator[str]:
    with serving(qa) as found:
        yield found


def test_the_protocol_over_http(address: str, qa: Witness, log: LooseLog) -> None:
    first = witnessclient.add_checkpoint(address, 0, [], log.note())
    assert first.status == 200
    note = CheckpointNote(log.note() + first.body.decode())
    cosignatures.check(note, WitnessKey(qa.vkey))
    log.grow(3)
    behind = witnessclient.add_checkpoint(address, 3, log.proof(3), log.note())
    assert (behind.status, behind.told_size) == (409, 5)
    assert witnessclient.add_checkpoint(address, 5, log.proof(5), log.note()).status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET /add-checkpoint HTTP/1.1\r\n\r\n", b"405"),
        (b"POST /other HTTP/1.1\r\nContent-Length: 0\r\n\r\n", b"404"),
        (b"POST /add-checkpoint HTTP/1.1\r\n\r\n", b"411"),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: -4\r\n\r\n", b"411"),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", b"413"),
        (b"POST /add-checkpoint HTTP/1.1\r\nContent-Length: 3\r\n\r\n\x00\xff\x01", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"400"),
    ],
)
def test_whatever_is_sent_is_answered_and_the_next_one_too(
    address: str, log: LooseLog, sent: bytes, status: bytes
) -> None:
    port = urlsplit(address).port or 0
    with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
        connection.sendall(sent)
        answer = connection.recv(4096)
    assert status in answer.splitlines()[0] or b"Error code: " + status in answer
    assert witnessclient.add_checkpoint(address, 0, [], log.note()).status == 200


def test_a_witness_on_a_full_disk_gives_no_cosignature(
    address: str, qa: Witness, log: LooseLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(notefile, "append", full)
    assert witnessclient.add_checkpoint(address, 0, [], log.note()).status == 500
    assert qa.followed[log.origin].size == 0


def test_nobody_there_is_no_answer() -> None:
    with pytest.raises(witnessclient.NoAnswer):
        witnessclient.add_checkpoint("http://127.0.0.1:1", 0, [], "note")
    with pytest.raises(witnessclient.NoAnswer):
        witnessclient.add_checkpoint("ftp://127.0.0.1", 0, [], "note")


def test_a_line_that_a_crash_tore_stays_and_is_told(tmp_path: Path) -> None:
    file = tmp_path / "notes.jsonl"
    notefile.append(file, "one\n", at=AT)
    with file.open("ab") as torn:
        torn.write(b'{"at": "2026')
    notefile.append(file, "two\n", at=AT)
    found = notefile.read(file)
    assert [note for _, note in found.notes] == ["one\n", "two\n"]
    assert found.torn == [2]
    assert notefile.read_end(file, most_bytes=len(json.dumps("two")) + 90).notes[-1][1] == "two\n"


def test_the_witness_needs_no_database_and_no_pages() -> None:
    """It runs on a laptop that has neither: nothing of them is even loaded."""
    asked = (
        "import sys, app.cli, app.witnesscli;"
        "found = {'sqlalchemy', 'flask', 'weasyprint', 'pyhanko', 'lxml'} & set(sys.modules);"
        "sys.exit(', '.join(found) or 0)"
    )
    subprocess.run([sys.executable, "-c", asked], check=True)
