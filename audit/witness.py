"""The log witness: it cosigns a site's checkpoints only when each extends the one before.

Carries out the C2SP tlog-witness protocol (``add-checkpoint``) on a host that the site's
administrators do not rule (URS-AUD-060, X6). Its folder holds the key, the state (the newest
checkpoint cosigned for each log) and a file of every note it ever cosigned. A cosignature is given
away only when state and file are on the disk. A lost state is never begun anew: the key that
vouched for it is to be retired.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import cosignatures, notefile
from audit.cosignatures import WitnessKey
from audit.verifier import CheckpointNote, Invalid, LogKey, base64_bytes, check_consistency
from core.errors import BrokenPromise

PURPOSE = "batchwright-witness-key-v1"
KEY_FILE = "witness.key"
STATE_FILE = "state.json"
NOTES_FILE = "cosigned.jsonl"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}\Z")
OLD = re.compile(r"old (0|[1-9][0-9]{0,17})\Z")
MOST_PROOF = 63
LONGEST_BODY = 1 << 14
NEW_KEY = (
    "make a new key under a new name (batchwright log-witness key), give it to the site,"
    " and keep this folder as it is"
)


class Refused(Exception):
    """The checkpoint is not cosigned; `status` and `body` as the protocol says."""

    def __init__(self, status: int, why: str, *, size: int | None = None) -> None:
        super().__init__(why)
        self.status = status
        self.size = size
        self.body = f"{why}\n" if size is None else f"{size}\n"
        self.kind = "text/plain; charset=utf-8" if size is None else "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Followed:
    """One log that the witness follows: its keys and the newest checkpoint cosigned (size 0:
    none). `fork` says which log it goes on from, why, and since when, where it is a new history."""

    keys: tuple[str, ...]
    size: int = 0
    root: bytes | None = None
    fork: Mapping[str, Any] | None = None

    def to_json(self) -> dict[str, Any]:
        """As it stands in the state file."""
        root = None if self.root is None else base64.b64encode(self.root).decode("ascii")
        return {"keys": list(self.keys), "size": self.size, "root": root, "fork": self.fork}

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> Followed:
        """Back from the file; KeyError, ValueError, TypeError or `Invalid` when it is not ours."""
        root = None if told["root"] is None else base64_bytes(told["root"], "root")
        size = int(told["size"])
        if (size > 0) != (root is not None):
            raise ValueError("size without root")
        keys = tuple(LogKey(vkey).vkey for vkey in told["keys"])
        return cls(keys, size, root, told["fork"])


class Witness:
    """The witness of one folder; opened by `opened`, made by `make`."""

    def __init__(self, folder: Path, name: str, key: Ed25519PrivateKey) -> None:
        self._folder = folder
        self._key = key
        self.name = name
        self.vkey = cosignatures.vkey_of(name, key)

    @property
    def followed(self) -> dict[str, Followed]:
        """The logs by origin, as stored now."""
        return _read_state(self._folder, self.vkey)

    def trust(self, vkey: str, *, at: datetime) -> None:
        """Follow the log of that key, or accept one more key of a log that is followed already."""
        key = LogKey(vkey)
        with self._locked():
            logs = self.followed
            known = logs.get(key.name, Followed(()))
            if vkey not in known.keys:
                logs[key.name] = replace(known, keys=(*known.keys, vkey))
                self._store(logs)

    def accept_new_history(self, vkey: str, *, instead_of: str, reason: str, at: datetime) -> None:
        """An operator's act: the log of `vkey` goes on where the one named `instead_of` was lost.

        The old log keeps its state and is followed no further; the fork is written down. Raises
        BrokenPromise when the old log is not known, the new one is known already or no reason is
        given.
        """
        key = LogKey(vkey)
        if not reason.strip():
            raise BrokenPromise("a new history needs a reason in words")
        with self._locked():
            logs = self.followed
            if instead_of not in logs:
                raise BrokenPromise(f"this witness never followed {instead_of}")
            if key.name in logs:
                raise BrokenPromise(f"{key.name} is followed already: a new history has a new name")
            before = logs[instead_of]
            fork = {
                "origin": key.name,
                "instead_of": instead_of,
                "size": before.size,
                "root": before.to_json()["root"],
                "reason": reason.strip(),
                "at": at.astimezone(UTC).isoformat(),
            }
            notefile.append_fork(self._folder / NOTES_FILE, fork, at=at)
            logs[instead_of] = replace(before, keys=())
            logs[key.name] = Followed((vkey,), fork=fork)
            self._store(logs)

    def add_checkpoint(self, body: bytes, *, at: datetime) -> str:
        """The cosignature line over the checkpoint in a request's body; `Refused` otherwise."""
        old, proof, text = _parsed(body)
        with self._locked():
            logs = self.followed
            note, known = _authentic(text, logs)
            _check_follows(known, note, old, proof)
            line = cosignatures.cosign(self.name, self._key, note.text, at)
            notefile.append(self._folder / NOTES_FILE, text + line, at=at)
            logs[note.origin] = replace(known, size=note.size, root=note.root)
            self._store(logs)
        return line

    def recover(self) -> list[str]:
        """Compare state and file of notes at the start; answers what was mended, in words.

        A note written before a crash whose state was not is taken over: it extends the state by
        construction. BrokenPromise when the file lacks what the state says was cosigned.
        """
        with self._locked():
            logs, mended = self.followed, []
            newest = self._newest_notes()
            for origin, log in logs.items():
                note = newest.get(origin)
                if log.size > (note.size if note else 0):
                    raise BrokenPromise(
                        f"{NOTES_FILE} ends before size {log.size} of {origin}, which was cosigned:"
                        f" a part of it is lost; {NEW_KEY}"
                    )
                if note is not None and (note.size, note.root) != (log.size, log.root):
                    logs[origin] = replace(log, size=note.size, root=note.root)
                    mended.append(f"{origin}: size {note.size} was written down before a crash")
            if mended:
                self._store(logs)
        return mended

    def _newest_notes(self) -> dict[str, CheckpointNote]:
        own = WitnessKey(self.vkey)
        found: dict[str, CheckpointNote] = {}
        for _at, text in notefile.read(self._folder / NOTES_FILE).notes:
            try:
                note = CheckpointNote(text, NOTES_FILE)
                cosignatures.check(note, own, NOTES_FILE)
            except Invalid as problem:
                raise BrokenPromise(f"{problem}: somebody changed the file; {NEW_KEY}") from None
            found[note.origin] = note
        return found

    def _store(self, logs: Mapping[str, Followed]) -> None:
        _write_state(self._folder, self.vkey, logs)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        # Server and operator's commands share one folder.
        file = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)


def make(folder: Path, name: str) -> Witness:
    """A new witness in an empty place, under a name that no other witness has had.

    BrokenPromise when there is one already, or for a name that a note cannot carry.
    """
    if not NAME.match(name):
        raise BrokenPromise(f"{name!r} cannot name a witness: letters, digits and . _ / - only")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any((folder / part).exists() for part in (KEY_FILE, STATE_FILE, NOTES_FILE)):
        raise BrokenPromise(f"{folder} holds a witness already; a new one needs a new folder")
    key = Ed25519PrivateKey.generate()
    _write_state(folder, cosignatures.vkey_of(name, key), {})
    seed = key.private_bytes_raw().hex()
    file = os.open(folder / KEY_FILE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "w", encoding="ascii") as written:
        written.write(f"{PURPOSE} {name} {seed}\n")
        written.flush()
        os.fsync(written.fileno())
    notefile.sync_folder(folder)
    return Witness(folder, name, key)


def opened(folder: Path) -> Witness:
    """The witness of a folder, its state checked.

    BrokenPromise when key, state or file of notes is missing, open to others or damaged; a witness
    that lost its memory must not vouch under the same name again.
    """
    path = folder / KEY_FILE
    if not path.exists():
        raise BrokenPromise(f"there is no witness in {folder}: make one with log-witness key")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        raise BrokenPromise(f"key file {path.name} is open to others; it must have mode 0600")
    words = path.read_text(encoding="ascii", errors="replace").split()
    if len(words) != 3 or words[0] != PURPOSE or not re.match(r"[0-9a-f]{64}\Z", words[2]):
        raise BrokenPromise(f"key file {path.name} does not hold a {PURPOSE}")
    key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(words[2]))
    witness = Witness(folder, words[1], key)
    _read_state(folder, witness.vkey)
    return witness


def _parsed(body: bytes) -> tuple[int, list[bytes], str]:
    """Old size, proof and note of a request; `Refused` 400 when it is none."""
    try:
        head, gap, note = body.decode("utf-8").partition("\n\n")
        old, *lines = head.split("\n")
        if len(body) > LONGEST_BODY or not gap or not (told := OLD.match(old)):
            raise Invalid("request", "old size, proof, an empty line and the note are needed")
        if len(lines) > MOST_PROOF:
            raise Invalid("request", f"a proof has at most {MOST_PROOF} hashes")
        proof = [base64_bytes(line, "request") for line in lines]
        CheckpointNote(note, "request")
    except (UnicodeDecodeError, Invalid) as problem:
        raise Refused(400, str(problem)) from None
    return int(told[1]), proof, note


def _authentic(text: str, logs: Mapping[str, Followed]) -> tuple[CheckpointNote, Followed]:
    note = CheckpointNote(text)
    if note.origin not in logs:
        raise Refused(404, f"this witness does not follow {note.origin}")
    known = logs[note.origin]
    try:
        note.check([LogKey(vkey) for vkey in known.keys])
    except Invalid as problem:
        raise Refused(403, str(problem)) from None
    return note, known


def _check_follows(known: Followed, note: CheckpointNote, old: int, proof: list[bytes]) -> None:
    """The checkpoint extends what was cosigned before, else `Refused` 400, 409 or 422."""
    if old > note.size:
        raise Refused(400, f"old size {old} is larger than the checkpoint's {note.size}")
    if old != known.size or (old == note.size and note.root != known.root):
        raise Refused(409, "another checkpoint was cosigned last", size=known.size)
    if old == 0:
        if proof or note.size == 0:
            raise Refused(422, "the first checkpoint holds entries and needs no proof")
        return
    try:
        root = known.root or b""
        check_consistency(old, note.size, root, note.root, proof)
    except Invalid as problem:
        raise Refused(422, str(problem)) from None


def _read_state(folder: Path, vkey: str) -> dict[str, Followed]:
    path = folder / STATE_FILE
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if told["v"] != 1 or told["witness"] != vkey:
            raise ValueError("it belongs to another key")
        return {name: Followed.from_json(log) for name, log in told["logs"].items()}
    except FileNotFoundError:
        raise BrokenPromise(
            f"the key of this witness is there and its state {STATE_FILE} is not: it no longer"
            f" knows what it vouched for; {NEW_KEY}"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, Invalid) as problem:
        raise BrokenPromise(f"{STATE_FILE} cannot be read ({problem}); {NEW_KEY}") from None


def _write_state(folder: Path, vkey: str, logs: Mapping[str, Followed]) -> None:
    told = {"v": 1, "witness": vkey, "logs": {name: log.to_json() for name, log in logs.items()}}
    aside = folder / f"{STATE_FILE}.{secrets.token_hex(8)}"
    with aside.open("x", encoding="utf-8") as file:
        json.dump(told, file, indent=1, sort_keys=True)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(folder / STATE_FILE)
    notefile.sync_folder(folder)
