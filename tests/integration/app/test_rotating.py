"""Keys of the site are exchanged by two people in the middle of a batch, and everything that was
signed before and after verifies (URS-SIG-100, URS-SEC-040)."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from app import exporting, keyfiles, rotating, schema, upgrading, wholesite
from app.backup import age, making
from app.bootstrap import compose
from app.cli import main
from app.rotating import AlreadySigned, Change, NoSuchKey, NotSignedFor, Second
from audit import trail, verifier
from audit.streams import SITE
from core.actors import Actor
from core.clock import HeldClock
from core.errors import NotPermitted
from core.house import House
from core.settings import Settings
from documents.sealcheck import check_seal
from ebr import issuing
from ebr.bundle import Options
from ebr.entry import Entry
from personnel import credentials, enrolment, signing
from personnel.errors import NotIndependent
from tests.support import keptsites
from tests.support.keptsites import ENDED, MIDDLE, KeptSite, Shift

pytestmark = pytest.mark.sqlite("kept sites lie in a file")
KINDS = ("log", "export", "seal", "web")
MOMENTS = ("before the old key is kept", "before the new key is in place", "after both")
WHY = "the keys are three years old"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> KeptSite:
    """A site with a batch in the middle, at this version's schema."""
    site = keptsites.unpack(keptsites.FOLDER / "0.1.0.zip", tmp_path / "site")
    monkeypatch.setattr(upgrading, "SystemClock", lambda: HeldClock(site.left_at))
    schema.upgrade_site(site.settings)
    (site.settings.keys / "web.key").write_bytes(b"w" * 32)
    return site


@pytest.fixture
def shift(kept: KeptSite) -> Iterator[Shift]:
    """Its people and its worker, in a house of their own."""
    with kept.opened() as opened:
        undertake(opened, "A-001")
        opened.settle()
        yield opened


def undertake(shift: Shift, badge: str) -> None:
    second = shift.staff["A-002"].actor
    shift.house.perform(credentials.confirm_identity, badge, by=second)
    with shift.house.reading() as session:
        content = signing.undertaking(session, badge)
    who = shift.staff[badge]
    given = who.confirm(content, "undertaken")
    shift.house.perform(signing.sign_undertaking, given, by=who.actor)


@contextmanager
def elsewhere(shift: Shift, settings: Settings) -> Iterator[House]:
    """Another process of the site, as the command line is one."""
    house = compose(settings, clock=shift.clock)
    try:
        yield house
    finally:
        house.database.close()


def signed(house: House, shift: Shift, change: Change, badges: tuple[str, str]) -> None:
    """Two people read the change and sign it."""
    first, other = (shift.staff[badge] for badge in badges)
    second = Second(actor=other.actor)
    shown = house.rehearse(rotating.announce, change, second, by=first.actor, rehearsal=True)
    given = first.confirm(shown, rotating.DECIDED)
    second = Second(actor=other.actor, confirmation=other.confirm(shown, rotating.CONFIRMED))
    house.perform(rotating.announce, change, second, by=first.actor, signed_by=given)


def rotate(shift: Shift, settings: Settings, name: str) -> Change:
    """The whole rotation, in another process than the one that works on."""
    with elsewhere(shift, settings) as house:
        kind = rotating.kind_of(name)
        change = rotating.prepared(house, settings, kind, WHY)
        signed(house, shift, change, ("P-107", "A-001"))
        rotating.carry_out(house, settings, kind)
    return change


def exported(house: House, number: str, folder: Path) -> tuple[bytes, dict[str, Any]]:
    """A bundle and the keys that its reader was given with it."""
    made = exporting.write(house, number, folder, Options())
    return made.bundle.read_bytes(), json.loads(made.trust.read_bytes())


def result(bundle: bytes, trust: dict[str, Any]) -> str:
    return str(verifier.verify_bytes(bundle, trust)["result"])


def whole(house: House) -> list[str]:
    with house.reading() as session:
        return [f"{each.place}: {each.what}" for each in wholesite.verify(house, session).problems]


@pytest.mark.urs("URS-SIG-100", "URS-SEC-040", "URS-AUD-060")
def test_every_kind_of_key_is_exchanged_in_the_middle_of_a_batch_and_all_verifies(
    shift: Shift, kept: KeptSite, tmp_path: Path
) -> None:
    house = shift.house
    before, trusted = exported(house, ENDED, tmp_path / "before")
    sealed = pdf_of(before)
    for name in KINDS:
        change = rotate(shift, kept.settings, name)
        assert change.old != change.new
    assert shift.do(MIDDLE) == "OP/L#1/D#1"
    assert shift.do(MIDDLE, Entry(checks=("empty",))) == "OP/C#1"
    assert whole(house) == []
    after, trust = exported(house, MIDDLE, tmp_path / "after")
    assert result(after, trust) == "VALID"
    assert result(before, trusted) == "VALID", "old bundle, old keys"
    assert result(before, trust) == "VALID", "old bundle, the keys handed out now"
    assert len(trust["log"]) == len(trust["export"]) == 2
    assert trust["log"][1] == trusted["log"][0], "the former key stays published"
    key = house.services[issuing.SEAL_KEY]
    check_seal(sealed, key.trusted)
    check_seal(pdf_of(after), [key.certificate_pem])


@pytest.mark.urs("URS-SIG-100", "URS-IAM-050")
def test_a_performers_key_is_exchanged_in_the_middle_of_a_batch_and_all_verifies(
    shift: Shift, kept: KeptSite, tmp_path: Path
) -> None:
    house = shift.house
    before, trusted = exported(house, MIDDLE, tmp_path / "before")
    forgotten(shift, "P-101")
    assert shift.do(MIDDLE) == "OP/L#1/D#1"
    assert shift.do(MIDDLE, Entry(checks=("empty",))) == "OP/C#1"
    assert whole(house) == []
    after, trust = exported(house, MIDDLE, tmp_path / "after")
    assert trust["log"] == trusted["log"]
    for bundle in (before, after):
        assert result(bundle, trusted) == result(bundle, trust) == "VALID"
    old, new = keys_of(after, "P-101")
    assert (old["valid_until"] is None, new["valid_until"] is None) == (False, True)
    assert [each["key_id"] for each in keys_of(before, "P-101")] == [old["key_id"]]


def forgotten(shift: Shift, badge: str) -> None:
    """A person gets a new key: a secret of the administrator, a new passphrase, a second look."""
    admin, second = shift.staff["A-001"], shift.staff["A-002"]
    secret = shift.house.perform(
        credentials.issue_secret, badge, reason="forgotten", by=admin.actor
    )
    who = shift.staff[badge]
    phrase = "wooden bridges sing"
    enrolment.set_passphrase(
        shift.house, badge=badge, secret=secret, passphrase=phrase, terminal=who.terminal
    )
    shift.staff[badge] = replace(who, passphrase=phrase)
    shift.house.perform(credentials.confirm_identity, badge, by=second.actor)


def keys_of(bundle: bytes, badge: str) -> list[dict[str, Any]]:
    """The published keys of a person, the oldest first."""
    found = json.loads(verifier.read_zip(bundle)[verifier.PEOPLE_KEYS])["keys"]
    mine = [each for each in found if each["badge"] == badge]
    return sorted(mine, key=lambda each: str(each["valid_from"]))


def pdf_of(bundle: bytes) -> bytes:
    return verifier.read_zip(bundle)[verifier.RECORD_PDF]


@pytest.mark.urs("URS-SIG-100")
def test_who_has_only_the_old_keys_is_told_of_a_key_that_is_not_known(
    shift: Shift, kept: KeptSite, tmp_path: Path
) -> None:
    _bundle, old = exported(shift.house, ENDED, tmp_path / "before")
    rotate(shift, kept.settings, "export")
    after, _new = exported(shift.house, MIDDLE, tmp_path / "after")
    assert result(after, old) != "VALID"


@pytest.mark.urs("URS-AUD-010", "URS-AUD-070", "URS-SIG-050")
def test_the_entry_names_both_keys_and_each_has_signed_for_the_change(
    shift: Shift, kept: KeptSite
) -> None:
    keys = shift.house.services["site_keys"]
    change = rotate(shift, kept.settings, "export")
    with shift.house.reading() as session:
        told = [entry.data for entry in trail.entries(session, SITE)][-2:]
    assert [each["action"] for each in told] == [
        "key.rotation_decided", "key.rotation_announced",
    ]  # fmt: skip
    assert [each["actor"]["id"] for each in told] == ["P-107", "A-001"]
    assert all(each["signed"] and each["reason"] == WHY for each in told)
    facts = told[1]["facts"]
    assert (facts["old"], facts["new"]) == (change.old, change.new)
    publics = keys.export.public, shift.house.services["site_keys"].export.public
    for public, proof in zip(publics, facts["proofs"], strict=True):
        Ed25519PublicKey.from_public_bytes(public).verify(
            verifier.base64_bytes(proof, "proof"), change.statement
        )


@pytest.mark.urs("URS-AUD-070")
def test_a_key_that_nobody_signed_for_does_not_take_over(shift: Shift, kept: KeptSite) -> None:
    kind = rotating.kind_of("log")
    with elsewhere(shift, kept.settings) as house:
        with pytest.raises(NotSignedFor):
            rotating.carry_out(house, kept.settings, kind)
        change = rotating.prepared(house, kept.settings, kind, WHY)
        with pytest.raises(NotSignedFor):
            rotating.carry_out(house, kept.settings, kind)
        assert states(house, kept, "log") == [(change.old, "in use"), (change.new, "aside")]


@pytest.mark.urs("URS-AUD-070", "URS-SIG-100")
def test_a_second_rotation_while_one_is_open_goes_on_with_the_first(
    shift: Shift, kept: KeptSite
) -> None:
    kind = rotating.kind_of("log")
    with elsewhere(shift, kept.settings) as house, elsewhere(shift, kept.settings) as other:
        change = rotating.prepared(house, kept.settings, kind, WHY)
        again = rotating.prepared(other, kept.settings, kind, WHY)
        assert again.new == change.new
        signed(house, shift, change, ("P-107", "A-001"))
        with pytest.raises(AlreadySigned):
            signed(other, shift, again, ("P-107", "A-001"))
        assert states(other, kept, "log") == [(change.old, "in use"), (change.new, "signed for")]
        rotating.carry_out(house, kept.settings, kind)
        with pytest.raises(NotSignedFor):
            rotating.carry_out(other, kept.settings, kind)
        assert states(house, kept, "log") == [(change.new, "in use"), (change.old, "former")]
        (newest, *_rest) = rotating.listed(house, kept.settings)
        assert newest.since is not None
        assert newest.since.tzinfo is not None


def states(house: House, kept: KeptSite, kind: str) -> list[tuple[str, str]]:
    lines = rotating.listed(house, kept.settings)
    return [(line.name, line.state) for line in lines if line.kind == kind]


@pytest.mark.urs("URS-AUD-070", "URS-IAM-020")
@pytest.mark.parametrize(
    ("badges", "refused"),
    [(("P-107", "P-107"), NotIndependent), (("P-105", "A-001"), NotPermitted)],
)
def test_one_person_alone_or_one_without_the_right_exchanges_no_key(
    shift: Shift, kept: KeptSite, badges: tuple[str, str], refused: type[Exception]
) -> None:
    kind = rotating.kind_of("log")
    with elsewhere(shift, kept.settings) as house:
        change = rotating.prepared(house, kept.settings, kind, WHY)
        with pytest.raises(refused):
            signed(house, shift, change, badges)
        with house.reading() as session:
            assert not rotating.announced(session, kind, change.new)
        assert rotating.listed(house, kept.settings)[0].name == change.old


def broken_at(monkeypatch: pytest.MonkeyPatch, moment: str) -> None:
    """The machine goes down at one of `MOMENTS`."""

    def fails(*_given: object) -> None:
        raise OSError("the machine went down")

    if moment == "before the old key is kept":
        monkeypatch.setattr(keyfiles, "_write", fails)
    elif moment == "before the new key is in place":
        monkeypatch.setattr(Path, "replace", replaces_all_but("log.key", "export.key", "seal.pem"))
    else:
        monkeypatch.setattr(keyfiles, "_sync", fails)


def replaces_all_but(*names: str) -> Callable[[Path, Path], Path]:
    replace = Path.replace

    def replaced(file: Path, target: Path) -> Path:
        if Path(target).name in names:
            raise OSError("the machine went down")
        return replace(file, target)

    return replaced


@pytest.mark.urs("URS-SIG-100", "URS-EXE-090")
@pytest.mark.parametrize("name", ["log", "export", "seal"])
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_rotation_that_broke_off_is_gone_on_with_and_no_key_is_lost(
    shift: Shift, kept: KeptSite, monkeypatch: pytest.MonkeyPatch, name: str, moment: str
) -> None:
    kind = rotating.kind_of(name)
    with elsewhere(shift, kept.settings) as house:
        change = rotating.prepared(house, kept.settings, kind, WHY)
        signed(house, shift, change, ("P-107", "A-001"))
        with monkeypatch.context() as broken:
            broken_at(broken, moment)
            with pytest.raises(OSError, match="went down"):
                rotating.carry_out(house, kept.settings, kind)
    shift.do(MIDDLE)
    with elsewhere(shift, kept.settings) as house:
        names = [line.name for line in rotating.listed(house, kept.settings) if line.kind == name]
        assert change.old in names
        if names[0] != change.new:
            again = rotating.prepared(house, kept.settings, kind, WHY)
            assert again.new == change.new, "the key that was signed for"
            with house.reading() as session:
                assert rotating.announced(session, kind, again.new)
            rotating.carry_out(house, kept.settings, kind)
    shift.settle()
    assert whole(shift.house) == []
    assert states(shift.house, kept, name) == [(change.new, "in use"), (change.old, "former")]


def told(site: KeptSite, *words: str, given: str = "") -> tuple[int, str]:
    done = CliRunner().invoke(main, ["--home", str(site.settings.home), *words], input=given)
    return done.exit_code, done.output


@pytest.mark.urs("URS-SIG-100", "URS-AUD-070")
def test_two_people_rotate_a_key_on_the_command_line(
    kept: KeptSite, shift: Shift, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.bootstrap.SystemClock", lambda: shift.clock)
    phrases = "".join(f"{shift.staff[badge].passphrase}\n" for badge in ("P-107", "A-001"))
    who = ("--as", "P-107", "--second", "A-001")
    code, words = told(kept, "keys", "rotate", "export", WHY, *who, given=phrases)
    assert code == 0, words
    assert "the export key was rotated" in words
    code, words = told(kept, "keys", "list")
    assert code == 0
    assert [line.split()[:2] for line in words.splitlines() if line.startswith("export")] == [
        ["export", "in"], ["export", "former"],
    ]  # fmt: skip
    seeds = [(kept.settings.keys / name).read_text().split()[1] for name in ("log.key",)]
    assert not any(seed in words for seed in seeds)


def test_a_kind_of_key_that_there_is_not_is_refused_with_those_there_are() -> None:
    with pytest.raises(NoSuchKey, match="no key of the kind pepper"):
        rotating.kind_of("pepper")


@pytest.mark.urs("URS-SEC-050", "URS-SIG-100")
@pytest.mark.parametrize("way", ["gone", "spoilt", "open to others"])
def test_a_key_file_that_is_lost_while_the_site_runs_is_never_made_anew(
    shift: Shift, kept: KeptSite, way: str
) -> None:
    file = kept.settings.keys / "log.key"
    before, vkey = file.read_bytes(), shift.house.services["site_keys"].log.vkey
    if way == "gone":
        file.unlink()
    elif way == "spoilt":
        file.write_bytes(b"nothing of a key")
    else:
        file.chmod(0o644)
    shift.do(MIDDLE)
    assert shift.house.services["site_keys"].log.vkey == vkey
    assert file.exists() is (way != "gone")
    file.write_bytes(before)
    file.chmod(0o600)
    shift.settle()
    assert shift.house.services["site_keys"].log.vkey == vkey
    assert whole(shift.house) == []


@pytest.mark.urs("URS-BAK-010", "URS-SIG-100")
def test_a_backup_after_a_rotation_has_every_certificate_and_no_key_that_waits(
    shift: Shift, kept: KeptSite, tmp_path: Path
) -> None:
    rotate(shift, kept.settings, "seal")
    with elsewhere(shift, kept.settings) as house:
        rotating.prepared(house, kept.settings, rotating.kind_of("log"), WHY)
    owner, escrow = (age.new_identity() for _ in range(2))
    order = making.Order(folder=tmp_path / "to", recipient=owner[1], escrow=escrow[1])
    (tmp_path / "to").mkdir()
    made = making.back_up(
        shift.house, kept.settings, order, by=Actor.service("backup", trigger="a test"),
        now=shift.clock.now(),
    )  # fmt: skip
    found = unpacked(made.file.read_bytes(), owner[0])
    assert found[making.SEAL].count(b"BEGIN CERTIFICATE") == 2
    private = unpacked(found[making.ESCROW], escrow[0])
    assert "keys/seal.retired" in private
    assert not any(name.endswith(keyfiles.NEXT) for name in private)


def unpacked(encrypted: bytes, identity: str) -> dict[str, bytes]:
    """Every file of an encrypted archive by its name."""
    clear = age.Reader(io.BytesIO(encrypted), age.identity_key(identity))
    found = {}
    with tarfile.open(fileobj=cast(BinaryIO, clear), mode="r|") as tar:
        for member in tar:
            if (content := tar.extractfile(member)) is not None:
                found[member.name] = content.read()
    return found
