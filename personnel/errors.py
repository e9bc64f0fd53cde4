"""Refusals of this package; each names its rule (URS-IAM, URS-SIG)."""

from __future__ import annotations

from core.errors import Invalid, NotPermitted, Refusal


class WrongCredentials(Refusal):
    """Badge or passphrase is wrong; says no more than that (URS-IAM-080).

    `why` is for the entry of the failed attempt, not for the one who is refused.
    """

    rule = "login.refused"
    http_status = 401
    why: str | None = None


class AccessEnded(WrongCredentials):
    """The passphrase is right, but the time that the access was given for is over.

    Told only to who proved to be that person.
    """

    rule = "login.access_ended"
    http_status = 403
    why = "the access of this person has ended"


class OutOfScope(NotPermitted):
    """The role is limited to records of other products than this one (URS-IAM-020)."""

    rule = "role.scope"


class TooManyTries(Refusal):
    """This terminal failed so often that it must wait; no account is locked by it."""

    rule = "login.terminal_paused"
    http_status = 429


class NotSignedIn(Refusal):
    """There is no living session behind this request (URS-IAM-100)."""

    rule = "session.ended"
    http_status = 401


class SessionLocked(NotSignedIn):
    """The session is locked; its own person unlocks it with the passphrase."""

    rule = "session.locked"


class PassphraseRefused(Invalid):
    """The new passphrase does not meet the policy (URS-IAM-060)."""

    rule = "passphrase.policy"


class SecretRefused(Refusal):
    """The single-use secret is wrong, used or too old (URS-IAM-070)."""

    rule = "credential.secret"
    http_status = 401


class SecondPersonNeeded(Refusal):
    """The act needs two different people, and this would be one (URS-IAM-040, URS-SIG-070)."""

    rule = "person.two_people"
    http_status = 403


class RolesExclude(Refusal):
    """Two roles that nobody may hold together (URS-IAM-030)."""

    rule = "role.exclusion"


class PersonExists(Refusal):
    """The identifier or the natural person is already known here (URS-IAM-010)."""

    rule = "person.exists"


class SigningRefused(NotPermitted):
    """This person may not sign this now."""

    rule = "signature.not_permitted"


class WrongSecret(SigningRefused):
    """The passphrase at signing is wrong; counted and recorded (URS-SIG-080)."""

    rule = "signature.secret"
    http_status = 422


class ComponentsMissing(SigningRefused):
    """A first signing takes badge and passphrase; a badge alone never signs (URS-SIG-030)."""

    rule = "signature.components"


class SigningSuspended(SigningRefused):
    """A second person has not yet confirmed who enrolled this key (URS-SIG-070)."""

    rule = "signature.suspended"


class UndertakingMissing(SigningRefused):
    """The person has not undertaken that the signature binds (URS-IAM-110)."""

    rule = "signature.undertaking"


class NotIndependent(SigningRefused):
    """The same natural person acted before (URS-SIG-040)."""

    rule = "signature.independence"


class NotQualified(NotPermitted):
    """No current training on what the work is done by (URS-IAM-110)."""

    rule = "person.qualification"


class MeaningUnknown(Invalid):
    """A signature has a meaning from the controlled list; there is no default (URS-SIG-020)."""

    rule = "signature.meaning"


class RejectionWithoutReason(Invalid):
    """Who refuses to sign says why (URS-SIG-020)."""

    rule = "signature.reason"


class ContentChanged(Refusal):
    """What is signed is not what was shown (URS-SIG-080)."""

    rule = "signature.content_changed"


class ConfirmationSpent(Refusal):
    """A confirmation signs once, within two minutes (URS-SIG-080)."""

    rule = "signature.confirmation"
