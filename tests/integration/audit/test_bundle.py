"""An exported record proves itself: whole it is VALID, and every change of it is named."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audit import bundle, checkpoints, keys, trail, verifier
from audit.bundle import Record
from audit.errors import NotYetLogged
from audit.keys import SiteKeys
from audit.sequencer import sequence_pending
from audit.streams import Stream
from audit.trail import TrailGuard
from core.clock import HeldClock
from core.db import Database
from core.house import House
from tests.integration.audit.conftest import OPERATOR, START, make_site
from tests.integration.audit.people import BATCH, person_key, signed_record, signed_step

Files = dict[str, bytes]
ORIGIN = checkpoints.origin("Werk Süd")
PEOPLE = [person_key("P-101"), person_key("P-102")]
RECORD = Record(
    stream=BATCH,
    pdf=b"%PDF-1.7\n% the record\n",
    json=b'{"record":"batch/B-1","state":"RELEASED"}',
    others={"schema/record.schema.json": b"{}\n"},
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("bundle")


@pytest.fixture(scope="module")
def site_keys(folder: Path) -> SiteKeys:
    return keys.open_or_make(folder / "keys", ORIGIN)


@pytest.fixture(scope="module")
def exported(folder: Path, site_keys: SiteKeys) -> Path:
    """The bundle of a signed record, made once; other records lie between its entries."""
    url = f"sqlite:///{folder / 'site.db'}"
    make_site(url)
    database = Database(url)
    house = House(
        database, guards=[TrailGuard(software="batchwright test")], clock=HeldClock(START)
    )
    signed_record(house, stream=Stream("batch", "B-0"))
    signed_record(house)
    sequence_pending(house, site_keys, batch=5)
    issued(house)
    sequence_pending(house, site_keys, batch=5)
    target = folder / "B-1.ebr.zip"
    with house.reading() as session:
        bundle.write(session, target, RECORD, keys=site_keys, people=PEOPLE)
    database.close()
    return target


def issued(house: House) -> None:
    """The entry of the issue, which names PDF, content and the checkpoint on its pages."""
    with house.transaction() as session:
        printed = checkpoints.latest(session)
        assert printed is not None
        facts = {
            "sha256": verifier.sha256(RECORD.pdf).hex(),
            "content_sha256": verifier.sha256(RECORD.json).hex(),
            "checkpoint": {"size": printed.size, "root": bytes(printed.root).hex()},
        }
        with trail.act(session, "document.issued", stream=BATCH, by=OPERATOR, facts=facts):
            pass


@pytest.fixture
def files(exported: Path) -> Files:
    return unzipped(exported)


def unzipped(path: Path) -> Files:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def zipped(files: Files, path: Path) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in reversed(files.items()):
            archive.writestr(name, data)
    return path


def report_on(files: Files, tmp_path: Path, trust: Any = None) -> dict[str, Any]:
    return verifier.verify_bundle(str(zipped(files, tmp_path / "changed.zip")), trust)


def sealed(files: Files, site_keys: SiteKeys, **predicate: Any) -> Files:
    """The same files under a manifest made for them: what a thief of the export key can do."""
    told = json.loads(base64.b64decode(json.loads(files[verifier.MANIFEST])["payload"]))
    rest = {name: data for name, data in files.items() if name != verifier.MANIFEST}
    about = {**told["predicate"], **predicate}
    return {
        **rest,
        verifier.MANIFEST: bundle.sealed(rest, verifier.PREDICATE_TYPE, about, site_keys),
    }


def places(report: dict[str, Any]) -> str:
    return " | ".join(f"{each['place']}: {each['problem']}" for each in report["problems"])


@pytest.mark.urs("URS-REC-070")
def test_a_whole_bundle_is_valid(exported: Path, site_keys: SiteKeys) -> None:
    report = verifier.verify_bundle(str(exported), site_keys.published())
    assert (report["result"], report["problems"]) == ("VALID", [])
    assert report["record"] == "batch/B-1"
    told = "\n".join(report["passed"])
    assert "7 entries" in told
    assert "4 signatures" in told
    assert "those that you trust" in told
    assert any("after the checkpoint" in each for each in report["not_checked"])


def test_without_trusted_keys_the_report_says_so(exported: Path) -> None:
    report = verifier.verify_bundle(str(exported))
    assert report["result"] == "VALID"
    assert any("--trust" in each for each in report["not_checked"])


@pytest.mark.urs("URS-SIG-100")
def test_it_verifies_on_a_bare_python_rezipped_in_another_locale_and_zone(
    files: Files, tmp_path: Path, site_keys: SiteKeys
) -> None:
    path = zipped(files, tmp_path / "again.zip")
    (tmp_path / "verify.py").write_bytes(files["verify.py"])
    (tmp_path / "trust.json").write_text(json.dumps(site_keys.published()), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-X", "warn_default_encoding", "-W", "error", "verify.py",
         path, "--trust", "trust.json", "--json"],
        cwd=tmp_path, capture_output=True, check=False,
        env={"LC_ALL": "tr_TR.ISO-8859-9", "TZ": "Pacific/Kiritimati", "PATH": os.defpath},
    )  # fmt: skip
    report = json.loads(run.stdout)
    assert (run.returncode, run.stderr, report["result"]) == (0, b"", "VALID")
    assert report["ed25519"] == "python"


def test_the_command_line_answers_by_exit_code(
    files: Files, exported: Path, tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert verifier.main([str(exported)]) == 0
    assert capsysbinary.readouterr().out.startswith(b"VALID")
    files["record.pdf"] += b" "
    assert verifier.main([str(zipped(files, tmp_path / "bad.zip"))]) == 1
    assert b"PROBLEM record.pdf" in capsysbinary.readouterr().out
    assert verifier.main([str(tmp_path / "none.zip")]) == 2
    with pytest.raises(SystemExit) as usage:
        verifier.main([])
    assert usage.value.code == 2


@pytest.mark.urs("URS-REC-070", "URS-AUD-060")
def test_any_changed_byte_of_any_file_is_named(files: Files, tmp_path: Path) -> None:
    for name, data in files.items():
        if not data:
            continue  # a record without readings
        for place in {0, len(data) // 3, len(data) // 2, len(data) - 1}:
            changed = bytearray(data)
            changed[place] ^= 1
            report = report_on({**files, name: bytes(changed)}, tmp_path)
            assert report["result"] == "INVALID", (name, place)
            assert name in places(report), (name, place)


@pytest.mark.urs("URS-REC-070")
def test_a_file_dropped_or_added_is_named(files: Files, tmp_path: Path) -> None:
    for name in files:
        rest = {other: data for other, data in files.items() if other != name}
        report = report_on(rest, tmp_path)
        assert report["result"] == "INVALID"
        assert name in places(report)
    report = report_on({**files, "extra.txt": b"hello"}, tmp_path)
    assert "extra.txt: manifest.dsse.json does not name this file" in places(report)


def lines(files: Files) -> list[bytes]:
    return files[verifier.ENTRIES].splitlines(keepends=True)


def swapped(found: list[bytes]) -> list[bytes]:
    return [found[0], found[2], found[1], *found[3:]]


def stripped(found: list[bytes]) -> list[bytes]:
    entry = json.loads(found[1])
    entry["changes"], entry["signed"] = [], []
    return [found[0], verifier.canonical_bytes(entry) + b"\n", *found[2:]]


ATTACKS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "first dropped": (lambda found: found[1:], "entries.jsonl:1"),
    "middle dropped": (lambda found: found[:2] + found[3:], "entries.jsonl:3"),
    "last dropped": (lambda found: found[:-1], "entries.jsonl"),
    "swapped": (swapped, "entries.jsonl:2"),
    "doubled": (lambda found: [*found, found[-1]], "entries.jsonl:8"),
    "signatures stripped": (stripped, "entries.jsonl:3"),
}


@pytest.mark.urs("URS-AUD-060", "URS-SIG-050")
@pytest.mark.parametrize("attack", ATTACKS)
def test_entries_changed_under_a_fresh_manifest_are_named(
    files: Files, tmp_path: Path, site_keys: SiteKeys, attack: str
) -> None:
    change, place = ATTACKS[attack]
    files[verifier.ENTRIES] = b"".join(change(lines(files)))
    report = report_on(sealed(files, site_keys), tmp_path)
    assert report["result"] == "INVALID"
    assert place in places(report)


def rewritten(files: Files, edit: Callable[[dict[str, Any]], None], number: int) -> Files:
    """Entry `number` edited and the whole chain, leaves and manifest made to fit again."""
    prev, out = None, []
    for rseq, line in enumerate(lines(files), start=1):
        entry = json.loads(line)
        entry["prev"] = prev
        if rseq == number:
            edit(entry)
        data = verifier.canonical_bytes(entry)
        prev = verifier.sha256(data).hex()
        out.append(data)
    proofs = json.loads(files[verifier.PROOFS])
    for proof, data in zip(proofs["entries"], out, strict=True):
        proof["leaf"] = base64.b64encode(verifier.leaf_hash(data)).decode()
    return {
        **files,
        verifier.ENTRIES: b"\n".join(out) + b"\n",
        verifier.PROOFS: verifier.envelope_bytes(proofs),
    }


def last_hash(files: Files) -> str:
    return verifier.sha256(lines(files)[-1][:-1]).hex()


@pytest.mark.urs("URS-AUD-060")
def test_a_recomputed_chain_does_not_stand_in_the_log(
    files: Files, tmp_path: Path, site_keys: SiteKeys
) -> None:
    changed = rewritten(files, lambda entry: entry.update(reason="better"), 4)
    report = report_on(sealed(changed, site_keys, last_sha256=last_hash(changed)), tmp_path)
    assert "proofs.json:4" in places(report)


def change_of(entry: dict[str, Any]) -> dict[str, Any]:
    after: dict[str, Any] = entry["changes"][0]["after"]
    return after


def other_content(entry: dict[str, Any]) -> None:
    entry["signed"][0]["content"]["content"]["mass"] = "152.00"


def other_name(entry: dict[str, Any]) -> None:
    change_of(entry)["printed_name"] = "Ada Lovelace"


def other_time(entry: dict[str, Any]) -> None:
    entry["at"] = "2026-03-02T08:00:00.000000+01:00"


def no_second(entry: dict[str, Any]) -> None:
    del entry["changes"][1]


def no_content(entry: dict[str, Any]) -> None:
    entry["signed"] = []


def no_first(entry: dict[str, Any]) -> None:
    del entry["changes"][0], entry["signed"][0]


def altered(entry: dict[str, Any]) -> None:
    entry["changes"][0]["before"] = {"meaning": "verified"}


@pytest.mark.urs("URS-SIG-050")
@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (other_content, "the content is not what was signed"),
        (other_name, "printed_name differs"),
        (other_time, "at another time"),
        (no_second, "signed content without its signature"),
        (no_content, "lacks the content"),
        (no_first, "countersigns a signature that is not in the record"),
        (altered, "a signature was changed"),
    ],
)
def test_a_signature_fits_its_own_place_only(
    files: Files, tmp_path: Path, site_keys: SiteKeys, edit: Callable[..., None], says: str
) -> None:
    changed = rewritten(files, edit, 2)
    report = report_on(sealed(changed, site_keys, last_sha256=last_hash(changed)), tmp_path)
    assert says in places(report)
    assert "entries.jsonl:2" in places(report)


@pytest.mark.urs("URS-SIG-050")
def test_a_signature_given_after_a_changed_history_does_not_fit(
    files: Files, tmp_path: Path, site_keys: SiteKeys
) -> None:
    changed = rewritten(files, lambda entry: entry.update(reason="changed"), 3)
    report = report_on(sealed(changed, site_keys, last_sha256=last_hash(changed)), tmp_path)
    assert "another point of the record" in places(report)


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        ({"valid_until": "2026-02-01T00:00:00+00:00"}, "not valid at that time"),
        ({"valid_from": "2026-04-01T00:00:00+00:00"}, "not valid at that time"),
        ({"badge": "P-999"}, "belongs to another person"),
        ({"key_id": "00"}, "not named by its bytes"),
    ],
)
def test_the_key_must_be_the_signers_and_in_force(
    files: Files, tmp_path: Path, site_keys: SiteKeys, edit: dict[str, str], says: str
) -> None:
    people = json.loads(files[verifier.PEOPLE_KEYS])
    people["keys"][0].update(edit)
    files[verifier.PEOPLE_KEYS] = verifier.envelope_bytes(people)
    assert says in places(report_on(sealed(files, site_keys), tmp_path))


def test_another_key_does_not_speak_for_the_site(
    files: Files, exported: Path, tmp_path: Path, site_keys: SiteKeys
) -> None:
    stranger = keys.open_or_make(tmp_path / "keys", ORIGIN)
    forged = sealed(files, stranger)
    assert "no known export key" in places(report_on(forged, tmp_path))
    forged[verifier.SITE_KEYS] = bundle._json(stranger.published())
    forged = sealed(forged, stranger)
    assert "no known key" in places(report_on(forged, tmp_path))
    report = verifier.verify_bundle(str(exported), stranger.published())
    assert "is not the one that you trust" in places(report)
    assert "no known key" in places(report)


def test_a_manifest_without_signatures_is_refused(files: Files, tmp_path: Path) -> None:
    envelope = json.loads(files[verifier.MANIFEST])
    envelope["signatures"] = []
    files[verifier.MANIFEST] = verifier.envelope_bytes(envelope)
    assert "manifest.dsse.json: it is not signed" in places(report_on(files, tmp_path))


@pytest.mark.parametrize(
    "name",
    ["../up", "/etc/passwd", "a/../../b", "C:\\x", "a\\b", "a//b", "./a", "new\nline", "A/.."],
)
def test_an_unsafe_name_is_refused(tmp_path: Path, name: str) -> None:
    assert "not safe" in places(report_on({name: b"x"}, tmp_path))


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["README.txt", "readme.TXT"])
def test_a_name_that_stands_twice_is_refused(files: Files, tmp_path: Path, second: str) -> None:
    path = zipped(files, tmp_path / "twice.zip")
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(second, b"other")
    assert "stands twice" in places(verifier.verify_bundle(str(path)))


def test_a_bomb_a_link_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("bomb", bytes(8 * verifier.SMALL))
    assert "grows too much" in places(verifier.verify_bundle(str(bomb)))
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(bomb, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "not safe" in places(verifier.verify_bundle(str(bomb)))
    for broken in (b"", b"no zip", b"PK\x03\x04" + bytes(100)):
        bomb.write_bytes(broken)
        assert "zip: not a zip file" in places(verifier.verify_bundle(str(bomb)))


@pytest.mark.parametrize(
    ("name", "data"),
    [
        (verifier.PROOFS, b"[]"),
        (verifier.PROOFS, b'{"size":12,"entries":[1,2,3,4,5,6]}'),
        (verifier.PEOPLE_KEYS, b'{"keys":[null]}'),
        (verifier.SITE_KEYS, b'{"origin":"x","log":[1],"export":[2]}'),
        (verifier.CHECKPOINT, b"\xff"),
        (verifier.RECORD_JSON, b'{"record":"batch/B-2"}'),
        (verifier.RECORD_PDF, b"PDF"),
        (verifier.ENTRIES, b""),
        (verifier.ENTRIES, b"[]\n"),
    ],
)
def test_a_malformed_file_under_a_fresh_manifest_is_a_problem_not_a_crash(
    files: Files, tmp_path: Path, site_keys: SiteKeys, name: str, data: bytes
) -> None:
    report = report_on(sealed({**files, name: data}, site_keys), tmp_path)
    assert report["result"] == "INVALID"
    assert name in places(report)


@pytest.mark.parametrize("payload", [b"[]", b"{}", b"null", b'{"_type":1}'])
def test_a_malformed_manifest_is_a_problem_not_a_crash(
    files: Files, tmp_path: Path, payload: bytes
) -> None:
    envelope = json.loads(files[verifier.MANIFEST])
    envelope["payload"] = base64.b64encode(payload).decode()
    files[verifier.MANIFEST] = verifier.envelope_bytes(envelope)
    assert report_on(files, tmp_path)["result"] == "INVALID"


def test_a_bundle_waits_until_its_entries_are_logged(house: House, site_keys: SiteKeys) -> None:
    signed_record(house)
    with house.reading() as session, pytest.raises(NotYetLogged):
        bundle.write(session, io.BytesIO(), RECORD, keys=site_keys, people=PEOPLE)
    sequence_pending(house, site_keys)
    signed_record(house, stream=Stream("batch", "B-2"))
    with house.reading() as session:
        told = bundle.write(session, io.BytesIO(), RECORD, keys=site_keys, people=PEOPLE, through=4)
        assert told["entries"] == 4
        with pytest.raises(NotYetLogged):
            bundle.write(session, io.BytesIO(), RECORD, keys=site_keys, people=PEOPLE, through=7)


def test_a_bundle_up_to_an_entry_is_valid_while_the_record_goes_on(
    house: House, site_keys: SiteKeys, tmp_path: Path
) -> None:
    signed_record(house)
    sequence_pending(house, site_keys)
    issued(house)
    with house.transaction() as session:
        signed_step(session, nonce="later")
    sequence_pending(house, site_keys)
    target = tmp_path / "part.zip"
    with house.reading() as session:
        bundle.write(session, target, RECORD, keys=site_keys, people=PEOPLE, through=7)
    report = verifier.verify_bundle(str(target), site_keys.published())
    assert (report["result"], places(report)) == ("VALID", "")
    assert report["entries"] == 7
    assert [each["size"] for each in report["older"]] == [6]
