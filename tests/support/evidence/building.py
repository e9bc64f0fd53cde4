"""One bundle from its entries to its bytes, with a hook behind every stage to make it wrong there.

All keys are published test keys: the seed of each is its name, filled up with dots.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from audit import log, verifier
from tests.support.evidence import der, zips

ORIGIN = "batchwright/test-plant"
RECORD = "batch/B-1"
RECIPE = b"<definitions/>\n"
TRACE = b'{"tag":"TI-1","points":[]}\n'
BEFORE = "2026-03-02T07:0{0}:00.000000+01:00"
REAL = "2026-03-02T06:0{0}:00.000000+00:00"
PRINTED = 7
STAMPED = 10
NAMES = {"P-101": "Ada Okafor", "P-102": "Jörg Weiß"}

Hook = Callable[[Any], Any]


@cache
def key(name: str) -> Ed25519PrivateKey:
    """A published test key."""
    return Ed25519PrivateKey.from_private_bytes(name.encode("ascii").ljust(32, b"."))


def public(name: str) -> bytes:
    """Its public half."""
    return key(name).public_key().public_bytes_raw()


def b64(data: bytes) -> str:
    """Standard base64."""
    return base64.b64encode(data).decode("ascii")


def vkey(name: str, key_name: str, kind: bytes = verifier.OF_LOG) -> str:
    """A key as notes name it."""
    hashed = verifier.note_key_hash(name, public(key_name), kind).hex()
    return f"{name}+{hashed}+{b64(kind + public(key_name))}"


def note_line(text: str, name: str, key_name: str) -> str:
    """The signature line of a log."""
    data = verifier.note_key_hash(name, public(key_name)) + key(key_name).sign(text.encode())
    return f"\u2014 {name} {b64(data)}\n"


def cosign_line(text: str, name: str, key_name: str, seconds: int = 1_772_450_000) -> str:
    """The signature line of a log witness."""
    signed = key(key_name).sign(verifier.cosigned_bytes(text, seconds))
    hashed = verifier.note_key_hash(name, public(key_name), verifier.OF_WITNESS)
    return f"\u2014 {name} {b64(hashed + struct.pack('>Q', seconds) + signed)}\n"


def export_key(name: str) -> dict[str, str]:
    """An export key as it is published."""
    return {"key_id": verifier.export_key_id(public(name)), "public": b64(public(name))}


def site(**more: Any) -> dict[str, Any]:
    """The keys of the test site."""
    return {
        "v": 1,
        "origin": ORIGIN,
        "log": [vkey(ORIGIN, "log-1")],
        "export": [export_key("export-1")],
        **more,
    }


def person(badge: str, **more: Any) -> dict[str, Any]:
    """The published key of a person."""
    return {
        "key_id": verifier.person_key_id(public(badge)),
        "badge": badge,
        "public": b64(public(badge)),
        "valid_from": "2026-01-01T00:00:00.000000+00:00",
        "valid_until": None,
        **more,
    }


def sha(data: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(data).hexdigest()


@dataclass(slots=True)
class Draft:
    """A bundle in the making; each stage calls the hook of its name with what it made.

    `indexes` are the places of the entries in a log of `size` leaves. A hook answers what goes on
    (or None when it changed what it got).
    """

    hooks: Mapping[str, Hook] = field(default_factory=dict)
    record: str = RECORD
    size: int = 11
    indexes: tuple[int, ...] = (1, 3, 4, 6, 8)
    printed: int | None = PRINTED
    stamps: bool = False
    attachments: bool = True
    decided: bool = True
    without_recipe: bool = False
    pdf: bytes = b"%PDF-1.7\n% a record\n"
    signers: Mapping[str, str] = field(default_factory=lambda: dict(NAMES))
    lines: list[bytes] = field(default_factory=list)
    tree: dict[tuple[int, int], bytes] = field(default_factory=dict)
    signed: list[tuple[str, bytes]] = field(default_factory=list)

    def hook(self, stage: str, value: Any) -> Any:
        """What the hook of that stage makes of `value`."""
        changed = self.hooks[stage](value) if stage in self.hooks else None
        return value if changed is None else changed

    def files(self) -> dict[str, bytes]:
        """All files of the bundle."""
        content = self.hook("record", {"record": self.record, "state": "released", "note": "µ ≤ 5"})
        record_json = verifier.canonical_bytes(content)
        self._chain(record_json)
        leaves = [hashlib.sha256(b"\x00other%d" % number).digest() for number in range(self.size)]
        for index, line in zip(self.indexes, self.lines, strict=False):
            leaves[index] = verifier.leaf_hash(line)
        self.tree = {}
        self.tree.update(log.grown(self.read, 0, self.hook("leaves", leaves)))
        text = self.hook("text", self.text(self.size))
        note = self.hook("note", f"{text}\n{note_line(text, ORIGIN, 'log-1')}")
        told = [verifier.parse_canonical(line, "entry") for line in self.lines]
        files = {
            verifier.RECORD_JSON: record_json,
            verifier.RECORD_PDF: self.pdf,
            verifier.SNAPSHOT: verifier.canonical_bytes(
                self.hook("snapshot", verifier.snapshot_of(told, self.lines))
            ),
            verifier.READINGS: verifier.readings_of(told),
            verifier.ENTRIES: b"".join(line + b"\n" for line in self.hook("lines", self.lines)),
            verifier.PROOFS: verifier.canonical_bytes(self.hook("proofs", self._proofs())),
            verifier.CHECKPOINT: note.encode("utf-8"),
            verifier.CONSISTENCY: verifier.canonical_bytes(
                self.hook("consistency", self._consistency())
            ),
            verifier.SITE_KEYS: verifier.canonical_bytes(self.hook("site", site())),
            verifier.PEOPLE_KEYS: verifier.canonical_bytes(
                self.hook("people", {"v": 1, "keys": [person("P-101"), person("P-102")]})
            ),
            **({} if self.without_recipe else {"recipe/REC-1.bpmn": RECIPE}),
            **(self._stamps() if self.stamps else {}),
            **({"attachments/trace.json": TRACE} if self.attachments else {}),
        }
        files = self.hook("files", files)
        predicate = self.hook("predicate", self._predicate(text))
        files[verifier.MANIFEST] = self.hook(
            "manifest", sealed(files, verifier.PREDICATE_TYPE, predicate, self.hooks)
        )
        final: dict[str, bytes] = self.hook("final", files)
        return final

    def zip(self) -> bytes:
        """The bundle."""
        found = self.hook("parts", zips.parts(self.files()))
        return bytes(self.hook("zip", zips.zipped(found, self.hook("shape", zips.PLAIN))))

    def read(self, level: int, index: int) -> bytes:
        """A hash of the tree."""
        return self.tree[level, index]

    def text(self, size: int) -> str:
        """The signed text of a checkpoint."""
        return f"{ORIGIN}\n{size}\n{b64(log.root(self.read, size))}\n"

    def _chain(self, record_json: bytes) -> None:
        self.lines, self.signed = [], []
        for number, (entry, signers) in enumerate(self.hook("acts", self._acts()), start=1):
            prev = sha(self.lines[-1]) if self.lines else None
            whole = {**_entry(number, self.record), **entry, "prev": prev, "rseq": number}
            if whole["action"] == verifier.ISSUED:
                whole["facts"] = self.hook("facts", self._issue(record_json))
            for badge, meaning in signers:
                self._sign(whole, badge, meaning)
            whole = self.hook("entry", whole)
            self.lines.append(verifier.canonical_bytes(whole))

    def _issue(self, record_json: bytes) -> dict[str, Any]:
        facts: dict[str, Any] = {"sha256": sha(self.pdf), "content_sha256": sha(record_json)}
        if self.printed is not None:
            facts["checkpoint"] = {"size": self.printed, "root": self._printed_root()}
        return facts

    def _printed_root(self) -> str:
        # What lies in the log before the entry of the issue is known when it is written.
        leaves = [hashlib.sha256(b"\x00other%d" % number).digest() for number in range(self.size)]
        for index, line in zip(self.indexes, self.lines, strict=False):
            leaves[index] = verifier.leaf_hash(line)
        nodes: dict[tuple[int, int], bytes] = {}
        nodes.update(log.grown(lambda level, at: nodes[level, at], 0, leaves[: self.printed]))
        return log.root(lambda level, at: nodes[level, at], self.printed or 0).hex()

    def _acts(self) -> list[tuple[dict[str, Any], list[tuple[str, str]]]]:
        run = {"file_digest": sha(RECIPE), "number": "B-1"}
        planned = [_row("procedure_run", run), _row("batch", {"disposition": "none"})]
        reading = _row("reading", {"tag": "TI-1", "raw": "0x1234", "value": "21.50",
                                   "quality": "GOOD"})  # fmt: skip
        file = _row("attachment", {"name": "trace.json", "digest": sha(TRACE)})
        decided = _row("batch", {"disposition": "released"}, before={"disposition": "none"})
        acts: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
            ({"action": "batch.planned", "changes": planned}, []),
            ({"action": "step.performed", "changes": [reading, file]}, [("P-101", "performed")]),
            ({"action": "step.verified"}, [("P-102", "verified")]),
            ({"action": "batch.decided" if self.decided else "batch.noted",
              "changes": [decided] if self.decided else [], "reason": "meets all"}, []),
            ({"action": verifier.ISSUED, "object": "B-1 record 4.pdf"}, []),
        ]  # fmt: skip
        return acts[: len(self.indexes) - 1] + acts[-1:]

    def _sign(self, entry: dict[str, Any], badge: str, meaning: str) -> None:
        content = {"record": entry["rec"], "object": entry["object"], "version": 1,
                   "content": {"mass": "125.00"}}  # fmt: skip
        content = self.hook("content", content)
        prior = self.signed[-1] if self.signed else None
        told = {
            "v": 1, "site": 1, "record": entry["rec"], "object": entry["object"], "version": 1,
            "content_sha256": verifier.sha256(verifier.canonical_bytes(content)).hex(),
            "meaning": meaning, "signer": badge, "printed_name": self.signers[badge],
            "role": "operator", "reason": None, "at": entry["at"], "tz": entry["tz"],
            "real_at": entry["real_at"], "ceremony": f"c-{badge}", "nonce": f"n-{badge}",
            "key_id": verifier.person_key_id(public(badge)),
            "prior": verifier.signature_digest(prior[0].encode(), prior[1]) if prior else None,
            "after_rseq": entry["rseq"] - 1, "after_sha256": entry["prev"],
        }  # fmt: skip
        told = self.hook("told", told)
        manifest = verifier.canonical_bytes(told).decode("utf-8")
        signature = key(badge).sign(verifier.SIGNATURE_DOMAIN + manifest.encode("utf-8"))
        self.signed.append((manifest, signature))
        row = {column: told[name] for column, name in verifier.MANIFEST_OF_COLUMN.items()}
        row |= {"at": verifier.utc_text(verifier.moment_of(told["at"], "at")),
                "utc_offset": told["at"][-6:], "manifest": manifest,
                "signature": b64(signature)}  # fmt: skip
        entry["changes"] = [*entry["changes"], _row("signature", self.hook("row", row))]
        entry["signed"] = [*entry["signed"], {"nonce": told["nonce"], "content": content}]

    def _proofs(self) -> dict[str, Any]:
        return {
            "v": 1,
            "size": self.size,
            "entries": [
                {
                    "rseq": rseq,
                    "index": index,
                    "leaf": b64(verifier.leaf_hash(line)),
                    "proof": [
                        b64(part) for part in log.inclusion_proof(self.read, index, self.size)
                    ],
                }
                for rseq, (index, line) in enumerate(
                    zip(self.indexes, self.lines, strict=False), start=1
                )
            ],
        }

    def _consistency(self) -> dict[str, Any]:
        sizes = {self.printed or self.size, STAMPED if self.stamps else self.size} - {self.size}
        return {
            "v": 1,
            "size": self.size,
            "from": [
                {
                    "size": size,
                    "root": b64(log.root(self.read, size)),
                    "proof": [
                        b64(part) for part in log.consistency_proof(self.read, size, self.size)
                    ],
                }
                for size in sorted(sizes)
            ],
        }

    def _stamps(self) -> dict[str, bytes]:
        text = self.text(STAMPED)
        note = f"{text}\n{note_line(text, ORIGIN, 'log-1')}".encode()
        stem = f"{verifier.TIME_STAMPS}{STAMPED}"
        return {f"{stem}.txt": note, f"{stem}-1.tsr": der.time_stamp(note)}

    def _predicate(self, text: str) -> dict[str, Any]:
        origin, size, root = text.split("\n")[:3]
        return {
            "record": self.record,
            "entries": len(self.lines),
            "last_sha256": sha(self.lines[-1]),
            "checkpoint": {
                "origin": origin, "size": int(size), "root": base64.b64decode(root).hex(),
            },
            "site": "Test plant",
            "mode": "DEMONSTRATION",
            "software": "batchwright 1",
            "made_at": "2026-03-03T08:00:00.000000+00:00",
            "without": [*([] if self.attachments else ["attachments"]), "trends"],
        }  # fmt: skip


def _entry(number: int, record: str) -> dict[str, Any]:
    return {
        "v": 1, "site": 1, "rec": record, "tz": "Europe/Berlin",
        "at": BEFORE.format(number), "real_at": REAL.format(number),
        "actor": {"kind": "person", "id": "P-101", "name": "Ada Okafor", "role": "operator",
                  "terminal": "T-1"},
        "action": "batch.noted", "object": "G170#1", "reason": None, "changes": [], "facts": {},
        "journal": [], "signed": [], "request": f"r-{number}",
        "software": {"name": "batchwright 1", "configuration": "1"},
    }  # fmt: skip


def _row(table: str, after: Mapping[str, Any], before: Any = None) -> dict[str, Any]:
    return {"table": table, "id": f"{table}-1", "before": before, "after": dict(after)}


def sealed(
    files: Mapping[str, bytes],
    kind: str,
    predicate: Mapping[str, Any],
    hooks: Mapping[str, Hook],
    signer: str = "export-1",
) -> bytes:
    """The signed list of those files."""
    statement = {
        "_type": verifier.STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": sha(files[name])}} for name in sorted(files)
        ],
        "predicateType": kind,
        "predicate": dict(predicate),
    }
    statement = _changed(hooks, "statement", statement)
    payload = _changed(hooks, "payload", verifier.envelope_bytes(statement))
    envelope = {
        "payloadType": verifier.PAYLOAD_TYPE,
        "payload": b64(payload),
        "signatures": [dsse(payload, signer)],
    }
    return verifier.envelope_bytes(_changed(hooks, "envelope", envelope))


def dsse(payload: bytes, signer: str) -> dict[str, str]:
    """One signature of an envelope."""
    signature = key(signer).sign(verifier.pre_authentication(verifier.PAYLOAD_TYPE, payload))
    return {"keyid": verifier.export_key_id(public(signer)), "sig": b64(signature)}


def _changed(hooks: Mapping[str, Hook], stage: str, value: Any) -> Any:
    changed = hooks[stage](value) if stage in hooks else None
    return value if changed is None else changed
