"""Good vectors: each feature of the format once, and what must not matter."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from audit import verifier
from tests.support.evidence import der, zips
from tests.support.evidence.building import (
    ORIGIN,
    RECORD,
    TRACE,
    Draft,
    Hook,
    cosign_line,
    dsse,
    export_key,
    key,
    note_line,
    person,
    sealed,
    sha,
    site,
    vkey,
)

WITNESS_A, WITNESS_B = "witness.example/a", "witness.example/b"
OBSERVED = {
    "witness": [
        vkey(WITNESS_A, "witness-a", verifier.OF_WITNESS),
        vkey(WITNESS_B, "witness-b", verifier.OF_WITNESS),
    ],
    "quorum": 1,
}
TRUSTS: dict[str, dict[str, Any]] = {
    "site": site(),
    "witnessed": site(**OBSERVED),
    "two-witnesses": site(**{**OBSERVED, "quorum": 2}),
    "rotated": site(
        log=[vkey(ORIGIN, "log-1"), vkey(ORIGIN, "log-2")],
        export=[export_key("export-1"), export_key("export-2")],
    ),
    "stranger": site(log=[vkey(ORIGIN, "log-x")], export=[export_key("export-x")]),
    "plus": site(log=[vkey(ORIGIN, "log-0")]),
    "more": {**site(), "remark": "a trust file may say more than its readers know"},
}
UNIX_TIME = struct.pack("<2HBL", 0x5455, 5, 1, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vector:
    """One published file with what a verifier must answer; `trust` names a trust file or none."""

    name: str
    about: str
    data: bytes
    result: str = "VALID"
    place: str | None = None
    trust: str | None = "site"


def good() -> list[Vector]:
    """All good vectors."""
    return [
        Vector(name="plain", about="one record of five entries", data=Draft().zip()),
        Vector(name="deflated", about="packed as usual", data=_deflated()),
        Vector(name="no-trust-file", about="with the keys inside only", data=Draft().zip(),
               trust=None),
        Vector(name="trust-says-more", about="an unknown member in the trust file",
               data=Draft().zip(), trust="more"),
        Vector(name="one-entry", about="a log of one leaf: the proof is empty", data=_single()),
        Vector(name="cosigned", about="a log witness cosigned; one is needed",
               data=noted(cosign_line, WITNESS_A, "witness-a"), trust="witnessed"),
        Vector(name="cosigned-by-stranger", about="an unknown witness is ignored",
               data=noted(cosign_line, "witness.example/x", "witness-x")),
        Vector(name="unknown-log-signature", about="an unknown signature of the origin is ignored",
               data=noted(note_line, ORIGIN, "log-9")),
        Vector(name="time-stamp", about="an RFC 3161 time stamp over an earlier checkpoint",
               data=Draft(stamps=True).zip()),
        Vector(name="no-printed-checkpoint", about="the PDF was issued before any checkpoint",
               data=Draft(printed=None).zip()),
        Vector(name="sealed-pdf", about="the PDF carries a seal; its digest is compared",
               data=Draft(pdf=der.sealed_pdf()).zip()),
        Vector(name="undecided", about="nobody decided about the record",
               data=Draft(decided=False).zip()),
        Vector(name="without-attachments", about="the manifest says that they are left out",
               data=Draft(attachments=False).zip()),
        Vector(name="with-trends", about="raw samples, named by the manifest only",
               data=_with_trends()),
        Vector(name="rotated-log-key", about="signed by the old and the new key of the log",
               data=noted(note_line, ORIGIN, "log-2"), trust="rotated"),
        Vector(name="rotated-export-key", about="signed with a later export key", data=_rotated(),
               trust="rotated"),
        Vector(name="two-export-signatures", about="an unknown export key signed, too",
               data=_signed_twice()),
        Vector(name="plus-in-key", about="the base64 of the log's key holds a plus sign",
               data=_plus(), trust="plus"),
        Vector(name="signer-renamed", about="one person, two printed names; key given up later",
               data=_renamed()),
        Vector(name="daylight-saving", about="the hour that comes twice: offsets fall, order stays",
               data=_autumn()),
        Vector(name="unicode", about="text beyond ASCII, control letters escaped", data=_text()),
        Vector(name="repacked", about="stored, other order, folders, times of a packing program",
               data=_repacked()),
        Vector(name="data-descriptors", about="lengths stand behind the files, names marked UTF-8",
               data=_streamed()),
        Vector(name="package", about="two bundles with their index", data=package()),
    ]  # fmt: skip


def _single() -> bytes:
    hooks = {"acts": lambda acts: acts[-1:]}
    return Draft(hooks=hooks, indexes=(0,), size=1, printed=None, attachments=False,
                 without_recipe=True).zip()  # fmt: skip


def noted(line: Any, name: str, key_name: str) -> bytes:
    """A bundle whose note has one more signature line."""

    def add(note: str) -> str:
        return note + str(line(note.partition("\n\n")[0] + "\n", name, key_name))

    return Draft(hooks={"note": add}).zip()


def _with_trends() -> bytes:
    def files(found: dict[str, bytes]) -> None:
        found["trends/TI-1.jsonl"] = b'{"raw":"0x1234"}\n'

    def predicate(told: dict[str, Any]) -> None:
        told["without"] = []

    return Draft(hooks={"files": files, "predicate": predicate}).zip()


def _rotated() -> bytes:
    def envelope(told: dict[str, Any]) -> None:
        payload = verifier.base64_bytes(told["payload"], "payload")
        told["signatures"] = [dsse(payload, "export-2")]

    keys = {"site": lambda found: site(export=[export_key("export-2")])}
    return Draft(hooks={"envelope": envelope, **keys}).zip()


def _signed_twice() -> bytes:
    def envelope(told: dict[str, Any]) -> None:
        payload = verifier.base64_bytes(told["payload"], "payload")
        told["signatures"].append(dsse(payload, "export-9"))

    return Draft(hooks={"envelope": envelope}).zip()


def _plus() -> bytes:
    def note(text: str) -> str:
        signed = text.partition("\n\n")[0] + "\n"
        return f"{signed}\n{note_line(signed, ORIGIN, 'log-0')}"

    return Draft(hooks={"note": note, "site": lambda _: TRUSTS["plus"]}).zip()


def _renamed() -> bytes:
    def people(told: dict[str, Any]) -> None:
        told["keys"][0] = person("P-101", valid_until="2026-03-02T06:02:00.000001+00:00")

    return Draft(hooks={"people": people},
                 signers={"P-101": "Ada Lovelace", "P-102": "Jörg Weiß"}).zip()  # fmt: skip


def _autumn() -> bytes:
    def acts(found: list[Any]) -> None:
        for number, (entry, _) in enumerate(found):
            offset = "+02:00" if number < 2 else "+01:00"
            hour = 0 if number < 2 else 1
            entry["at"] = f"2026-10-25T02:{30 + number}:00.000000{offset}"
            entry["real_at"] = f"2026-10-25T0{hour}:{30 + number}:00.000000+00:00"

    return Draft(hooks={"acts": acts}).zip()


def _text() -> bytes:
    def acts(found: list[Any]) -> None:
        found[3][0]["reason"] = 'µ ≤ 5 % "quoted" \\ 漢字 😀\tend\u007f\u0001'

    return Draft(hooks={"acts": acts}).zip()


def _repacked() -> bytes:
    def parts(found: list[zips.Part]) -> list[zips.Part]:
        folder = zips.Part(name=b"audit/", data=b"", attributes=0o40755 << 16, extra=UNIX_TIME)
        files = [
            replace(part, method=zips.STORED, packed=None, extra=UNIX_TIME,
                    central_extra=b"") for part in reversed(found)
        ]  # fmt: skip
        return [folder, *files]

    return Draft(hooks={"parts": parts}).zip()


def _deflated() -> bytes:
    def parts(found: list[zips.Part]) -> list[zips.Part]:
        return zips.packed({part.name.decode("ascii"): part.data for part in found})

    return Draft(hooks={"parts": parts}).zip()


def _streamed() -> bytes:
    def parts(found: list[zips.Part]) -> list[zips.Part]:
        flags = zips.DESCRIPTOR | 1 << 11
        return [replace(part, method=zips.DEFLATED, flags=flags) for part in found]

    return Draft(hooks={"parts": parts}).zip()


def bundles() -> dict[str, bytes]:
    """Two bundles of one site, by file name."""
    return {
        "B-1.ebr.zip": Draft().zip(),
        "B-2.ebr.zip": Draft(record="batch/B-2", decided=False).zip(),
    }


def package(hooks: Mapping[str, Hook] | None = None) -> bytes:
    """A package; stages of its own: ``bundles``, ``index``, ``package`` and those of `sealed`."""
    draft = Draft(hooks=hooks or {})
    found = draft.hook("bundles", bundles())
    told = {
        "site": "Test plant", "mode": "DEMONSTRATION", "software": "batchwright 1",
        "made_at": "2026-03-03T08:00:00.000000+00:00",
        "bundles": [_line(name, found[name]) for name in sorted(found)],
    }  # fmt: skip
    told = draft.hook("index", told)
    files = {**found, verifier.SITE_KEYS: verifier.canonical_bytes(draft.hook("keys", site()))}
    files[verifier.INDEX] = sealed(files, verifier.PACKAGE_TYPE, told, draft.hooks)
    return zips.zipped(zips.parts(draft.hook("package", files)))


def _line(name: str, data: bytes) -> dict[str, Any]:
    about = verifier.verify_bytes(data, site())
    return {
        "name": name,
        "record": about["record"] or RECORD,
        "entries": about["entries"] or 5,
        "last_sha256": about["last_sha256"] or sha(TRACE),
    }


def seeds() -> dict[str, str]:
    """The private keys of the vectors, hex: published, so that others can make more of them."""
    names = ("log-0", "log-1", "log-2", "export-1", "export-2", "P-101", "P-102", "witness-a",
             "witness-b")  # fmt: skip
    return {name: key(name).private_bytes_raw().hex() for name in names}
