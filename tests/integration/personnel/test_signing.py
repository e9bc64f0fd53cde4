"""The one door to sign: what opens it, and everything that must not."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from audit import signatures
from audit.errors import InvalidSignature
from audit.models import Signature
from audit.signatures import SignedContent
from core.errors import Refusal
from personnel import commands, credentials, enrolment, queries, sessions, signing
from personnel.errors import (
    ComponentsMissing,
    ConfirmationSpent,
    ContentChanged,
    MeaningUnknown,
    NotIndependent,
    NotSignedIn,
    RejectionWithoutReason,
    SessionLocked,
    SigningRefused,
    SigningSuspended,
    UndertakingMissing,
    WrongSecret,
)
from tests.integration.personnel.conftest import CONTENT, PASSPHRASES, TERMINAL, Plant

OTHER = SignedContent(record="batch/B-2046", object="G170#1", version=1, content=CONTENT.content)


def all_signatures(plant: Plant) -> list[Signature]:
    with plant.house.reading() as session:
        return signatures.of_record(session, "batch/B-2045")


def key_of(plant: Plant, signature: Signature) -> bytes:
    key: bytes = plant.ask(queries.public_key, signature.key_id)
    return key


@pytest.mark.urs("URS-SIG-010", "URS-SIG-050")
def test_a_signature_names_signer_time_and_meaning_and_verifies(plant_on_both: Plant) -> None:
    plant = plant_on_both
    signature = plant.seal(plant.confirm("P-101"))
    assert (signature.printed_name, signature.meaning, signature.role) == (
        "Anna Kern",
        "performed",
        "OP",
    )
    assert signature.utc_offset == "+01:00"
    signatures.verify(signature, key_of(plant, signature))


@pytest.mark.urs("URS-SIG-050")
def test_a_signature_under_another_persons_key_is_invalid(plant: Plant) -> None:
    signature = plant.seal(plant.confirm("P-101"))
    other = plant.seal(plant.confirm("P-102"))
    with pytest.raises(InvalidSignature):
        signatures.verify(signature, key_of(plant, other))


@pytest.mark.urs("URS-SIG-080", "URS-IAM-080")
def test_a_wrong_passphrase_signs_nothing_is_counted_and_remembered(plant: Plant) -> None:
    with pytest.raises(WrongSecret):
        plant.confirm("P-101", passphrase="not the right passphrase")
    last = plant.entries("person/P-101")[-1]
    assert (last["action"], last["facts"]["failures"]) == ("signing.failed", 1)
    assert last["actor"]["terminal"] == TERMINAL
    assert last["facts"]["digest"] == CONTENT.digest()
    assert all_signatures(plant) == []


@pytest.mark.urs("URS-SIG-080")
def test_three_wrong_passphrases_at_signing_lock_the_account_and_tell_security(
    plant: Plant,
) -> None:
    for _ in range(3):
        with pytest.raises(WrongSecret):
            plant.confirm("P-101", passphrase="guess after guess")
    assert [type(event).__name__ for event in plant.heard] == ["AccountLocked"]
    with pytest.raises(WrongSecret):
        plant.confirm("P-101")
    plant.later(minutes=15)
    plant.seal(plant.confirm("P-101"))


@pytest.mark.urs("URS-SIG-080")
def test_guessing_at_an_open_session_locks_the_screen(plant: Plant) -> None:
    token = plant.login("P-101")
    for left in ("2", "1", "0"):
        with pytest.raises(WrongSecret) as refused:
            plant.confirm("P-101", passphrase="guess after guess", session_token=token)
        assert refused.value.details["tries_left"] == left
    with pytest.raises(SessionLocked):
        sessions.current(plant.house, token, terminal=TERMINAL)


@pytest.mark.urs("URS-SIG-080")
def test_tries_left_are_told_to_the_own_session_only(plant: Plant) -> None:
    token = plant.login("P-101")
    answers = []
    for badge in ("P-102", "P-999"):
        with pytest.raises(WrongSecret) as refused:
            signing.confirm(
                plant.house, badge=badge, passphrase="guess after guess", terminal=TERMINAL,
                digest=CONTENT.digest(), meaning="verified", session_token=token,
            )  # fmt: skip
        answers.append((str(refused.value), refused.value.details))
    assert answers[0] == answers[1]


@pytest.mark.urs("URS-SIG-080")
def test_a_replayed_confirmation_is_refused(plant: Plant) -> None:
    confirmation = plant.confirm("P-101")
    plant.seal(confirmation)
    with pytest.raises(ConfirmationSpent):
        plant.seal(confirmation)
    assert len(all_signatures(plant)) == 1


@pytest.mark.urs("URS-SIG-080")
def test_a_confirmation_is_good_for_two_minutes(plant: Plant) -> None:
    confirmation = plant.confirm("P-101")
    plant.later(minutes=2)
    plant.seal(confirmation)
    late = plant.confirm("P-101")
    plant.later(minutes=2, seconds=1)
    with pytest.raises(ConfirmationSpent):
        plant.seal(late)


@pytest.mark.urs("URS-SIG-080", "URS-SIG-060")
def test_content_that_changed_since_it_was_shown_is_not_signed(plant: Plant) -> None:
    changed = SignedContent(
        record=CONTENT.record, object=CONTENT.object, version=2, content={"lod": "1.70"}
    )
    with pytest.raises(ContentChanged):
        plant.seal(plant.confirm("P-101"), content=changed)
    assert all_signatures(plant) == []


@pytest.mark.urs("URS-SIG-050")
def test_the_same_content_of_another_record_is_not_signed(plant: Plant) -> None:
    with pytest.raises(ContentChanged):
        plant.seal(plant.confirm("P-101"), content=OTHER)


@pytest.mark.urs("URS-SIG-020")
def test_another_meaning_than_the_confirmed_one_is_refused(plant: Plant) -> None:
    with pytest.raises(ContentChanged):
        plant.seal(plant.confirm("P-101", "performed"), meaning="verified")


@pytest.mark.urs("URS-SIG-020")
@pytest.mark.parametrize("meaning", ["", "ok", "PERFORMED"])
def test_a_meaning_outside_the_list_is_refused(plant: Plant, meaning: str) -> None:
    with pytest.raises(MeaningUnknown):
        plant.confirm("P-101", meaning)


@pytest.mark.urs("URS-SIG-020")
def test_refusing_to_sign_is_a_signed_outcome_with_a_reason(plant: Plant) -> None:
    confirmation = plant.confirm("P-102", "rejected")
    with pytest.raises(RejectionWithoutReason):
        plant.seal(confirmation, reason="  ")
    signature = plant.seal(confirmation, reason="balance shows another mass")
    assert (signature.meaning, signature.reason) == ("rejected", "balance shows another mass")


@pytest.mark.urs("URS-SIG-030")
def test_login_is_not_the_first_signing(plant: Plant) -> None:
    token = plant.login("P-101")
    with pytest.raises(ComponentsMissing):
        plant.confirm("P-101", session_token=token, secret_only=True)
    plant.seal(plant.confirm("P-101", session_token=token))
    plant.seal(plant.confirm("P-101", session_token=token, secret_only=True))
    assert len(all_signatures(plant)) == 2


@pytest.mark.urs("URS-SIG-030")
def test_a_confirmation_that_was_never_sealed_is_no_first_signing(plant: Plant) -> None:
    token = plant.login("P-101")
    plant.confirm("P-101", session_token=token)
    with pytest.raises(ComponentsMissing):
        plant.confirm("P-101", session_token=token, secret_only=True)


@pytest.mark.urs("URS-SIG-030")
def test_after_a_lock_all_components_are_asked_again(plant: Plant) -> None:
    token = plant.login("P-101")
    plant.seal(plant.confirm("P-101", session_token=token))
    sessions.lock(plant.house, token, terminal=TERMINAL)
    with pytest.raises(SessionLocked):
        plant.confirm("P-101", session_token=token, secret_only=True)
    fresh = sessions.unlock(plant.house, token, PASSPHRASES["P-101"], terminal=TERMINAL).token
    with pytest.raises(ComponentsMissing):
        plant.confirm("P-101", session_token=fresh, secret_only=True)


@pytest.mark.urs("URS-SIG-030")
def test_at_another_terminal_the_session_signs_nothing(plant: Plant) -> None:
    token = plant.login("P-101")
    with pytest.raises(NotSignedIn):
        plant.confirm("P-101", session_token=token, terminal="Room 1.14")


@pytest.mark.urs("URS-SIG-030")
def test_a_badge_alone_never_signs(plant: Plant) -> None:
    with pytest.raises(ComponentsMissing):
        plant.confirm("P-101", passphrase="")
    assert plant.actions("person/P-101")[-1] == "signing.refused"


@pytest.mark.urs("URS-SIG-030")
def test_a_session_locked_between_confirming_and_sealing_signs_nothing(plant: Plant) -> None:
    token = plant.login("P-101")
    confirmation = plant.confirm("P-101", session_token=token)
    sessions.lock(plant.house, token, terminal=TERMINAL)
    with pytest.raises(NotSignedIn):
        plant.seal(confirmation)


@pytest.mark.urs("URS-SIG-040")
def test_a_second_person_signs_beside_the_first_without_a_session(plant: Plant) -> None:
    token = plant.login("P-101")
    first = plant.seal(plant.confirm("P-101", session_token=token))
    second = plant.seal(plant.confirm("P-102", "verified", session_token=token), prior=first)
    assert (second.signer, second.prior) == ("P-102", signatures.digest(first))
    present = sessions.current(plant.house, token, terminal=TERMINAL)
    assert (present.badge, present.first_signing_done) == ("P-101", True)


@pytest.mark.urs("URS-SIG-040")
def test_a_second_person_always_gives_both_components(plant: Plant) -> None:
    token = plant.login("P-101")
    plant.seal(plant.confirm("P-101", session_token=token))
    with pytest.raises(ComponentsMissing):
        plant.confirm("P-102", "verified", session_token=token, secret_only=True)


@pytest.mark.urs("URS-SIG-040")
def test_nobody_verifies_the_own_act_through_a_second_role(plant: Plant) -> None:
    plant.grant("P-101", "QC")
    first = plant.seal(plant.confirm("P-101"))
    with pytest.raises(NotIndependent):
        plant.seal(plant.confirm("P-101", "verified"), role="QC", prior=first)


@pytest.mark.urs("URS-SIG-040")
def test_a_second_account_of_the_same_human_being_is_not_independent(plant: Plant) -> None:
    first = plant.seal(plant.confirm("P-101"))
    plant.do(commands.deactivate_person, "P-101", reason="card was lost", by="A-001")
    plant.add("P-201", "Anna Kern", "N-P-101")
    with pytest.raises(NotIndependent):
        plant.ask(queries.require_independent, "P-201", [first.signer])
    plant.ask(queries.require_independent, "P-102", [first.signer])


@pytest.mark.urs("URS-IAM-050")
def test_who_is_deactivated_in_between_signs_nothing(plant: Plant) -> None:
    confirmation = plant.confirm("P-101")
    plant.do(commands.deactivate_person, "P-101", reason="left the firm", by="A-001")
    with pytest.raises(SigningRefused):
        plant.seal(confirmation)
    assert all_signatures(plant) == []


@pytest.mark.urs("URS-IAM-050")
def test_who_lost_the_role_in_between_signs_nothing(plant: Plant) -> None:
    grant = plant.grant("P-101", "QC")
    confirmation = plant.confirm("P-101")
    plant.do(commands.end_role, grant, reason="back to production", by="A-001")
    with pytest.raises(SigningRefused, match="does not hold the role QC"):
        plant.seal(confirmation, role="QC")


@pytest.mark.urs("URS-IAM-110")
def test_without_undertaking_nothing_is_signed(plant: Plant) -> None:
    plant.add("P-104", "Ravi Menon", "N-P-104")
    plant.grant("P-104", "DI")
    plant.enrol("P-104", "tall silver gateways")
    plant.do(credentials.confirm_identity, "P-104", by="A-002")
    confirmation = signing.confirm(
        plant.house, badge="P-104", passphrase="tall silver gateways", terminal=TERMINAL,
        digest=CONTENT.digest(), meaning="performed",
    )  # fmt: skip
    with pytest.raises(UndertakingMissing):
        plant.seal(confirmation, role="DI")


@pytest.mark.urs("URS-SIG-070")
def test_after_a_reset_signing_waits_for_a_second_person(plant: Plant) -> None:
    plant.enrol("P-101", "wooden bridges sing", by="A-001")
    sessions.login(plant.house, "P-101", "wooden bridges sing", terminal=TERMINAL)
    with pytest.raises(SigningSuspended) as refused:
        plant.confirm("P-101", passphrase="wooden bridges sing")
    assert "Noor Haddad" in refused.value.resolver
    with pytest.raises(Refusal, match="it takes a person other than"):
        plant.do(credentials.confirm_identity, "P-101", by="A-001")
    plant.do(credentials.confirm_identity, "P-101", by="P-107")
    plant.seal(plant.confirm("P-101", passphrase="wooden bridges sing"))


@pytest.mark.urs("URS-SIG-070", "URS-SIG-100")
def test_a_reset_ends_the_old_key_while_old_signatures_verify(plant: Plant) -> None:
    old = plant.seal(plant.confirm("P-101"))
    held = plant.confirm("P-101")
    plant.enrol("P-101", "wooden bridges sing")
    plant.do(credentials.confirm_identity, "P-101", by="A-002")
    with pytest.raises(SigningRefused):
        plant.seal(held)
    with pytest.raises(WrongSecret):
        plant.confirm("P-101")
    new = plant.seal(plant.confirm("P-101", passphrase="wooden bridges sing"))
    assert new.key_id != old.key_id
    signatures.verify(old, key_of(plant, old))
    assert [type(event).__name__ for event in plant.heard] == ["CredentialReset"]


@pytest.mark.urs("URS-SIG-100")
def test_signatures_outlive_name_and_account(plant: Plant) -> None:
    plant.seal(plant.confirm("P-101"))
    reason = "married name"
    plant.do(commands.rename_person, "P-101", "Anna Berg", reason=reason, by="A-001")
    plant.do(commands.deactivate_person, "P-101", reason="left the firm", by="A-001")
    kept = all_signatures(plant)[0]
    assert kept.printed_name == "Anna Kern"
    signatures.verify(kept, key_of(plant, kept))


@pytest.mark.urs("URS-SIG-100")
def test_a_changed_passphrase_keeps_the_key(plant: Plant) -> None:
    before = plant.seal(plant.confirm("P-101"))
    enrolment.change_passphrase(
        plant.house, badge="P-101", old=PASSPHRASES["P-101"], new="wooden bridges sing",
        terminal=TERMINAL,
    )  # fmt: skip
    after = plant.seal(plant.confirm("P-101", passphrase="wooden bridges sing"))
    assert after.key_id == before.key_id


@pytest.mark.urs("URS-IAM-060")
def test_a_demanded_change_stops_signing_until_it_is_made(plant: Plant) -> None:
    plant.do(credentials.demand_change, "P-101", reason="seen by others", by="A-001")
    with pytest.raises(SigningSuspended, match="must change"):
        plant.confirm("P-101")
    enrolment.change_passphrase(
        plant.house, badge="P-101", old=PASSPHRASES["P-101"], new="wooden bridges sing",
        terminal=TERMINAL,
    )  # fmt: skip
    plant.seal(plant.confirm("P-101", passphrase="wooden bridges sing"))


@pytest.mark.urs("URS-IAM-010", "URS-SIG-070")
def test_a_service_or_an_administrator_signs_nothing(plant: Plant) -> None:
    with pytest.raises(WrongSecret):
        signing.confirm(
            plant.house, badge="worker", passphrase="whatever it may be", terminal=TERMINAL,
            digest=CONTENT.digest(), meaning="performed",
        )  # fmt: skip
    assert plant.actions("site")[-1] == "signing.failed"
    with pytest.raises(SigningSuspended):
        plant.confirm("A-001")


@pytest.mark.urs("URS-SIG-070")
def test_nobody_signs_in_the_act_of_another(plant: Plant) -> None:
    with pytest.raises(SigningRefused, match="nobody signs for another"):
        plant.seal(plant.confirm("P-102"), by="P-101")
    assert all_signatures(plant) == []


@pytest.mark.urs("URS-SIG-080")
def test_a_refused_transaction_leaves_the_confirmation_usable(plant: Plant) -> None:
    confirmation = plant.confirm("P-101")
    with pytest.raises(SigningRefused):
        plant.seal(confirmation, role="QA")
    plant.seal(confirmation)
    with plant.house.reading() as session:
        assert len(session.scalars(select(Signature.id)).all()) == 1 + 4


def test_nobody_undertakes_for_another_or_twice(plant: Plant) -> None:
    digest = plant.ask(signing.undertaking, "P-101").digest()
    with pytest.raises(SigningRefused):
        plant.do(
            signing.sign_undertaking,
            plant.confirm("P-101", "undertaken", digest=digest),
            by="P-102",
        )
    with pytest.raises(Refusal, match="has signed"):
        plant.do(
            signing.sign_undertaking,
            plant.confirm("P-101", "undertaken", digest=digest),
            by="P-101",
        )


@pytest.mark.urs("URS-SIG-080")
def test_two_uses_of_one_confirmation_at_once_make_one_signature(plant_on_both: Plant) -> None:
    plant = plant_on_both
    confirmation = plant.confirm("P-101")

    def use(_: int) -> str:
        try:
            return plant.seal(confirmation).nonce
        except ConfirmationSpent:
            return "spent"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(use, range(4)))
    assert outcomes == sorted([confirmation.nonce, "spent", "spent", "spent"])
    assert len(all_signatures(plant)) == 1


@pytest.mark.urs("URS-SIG-080", "URS-IAM-080")
def test_wrong_passphrases_at_the_same_time_are_all_counted(plant_on_both: Plant) -> None:
    plant = plant_on_both

    def guess(terminal: str) -> None:
        with pytest.raises(WrongSecret):
            plant.confirm("P-101", passphrase="guess after guess", terminal=terminal)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(guess, ["Room 1.12", "Room 1.14"]))
    failures = [e["facts"]["failures"] for e in plant.entries("person/P-101")[-2:]]
    assert failures == [1, 2]
