"""What happened to accounts; for those who must be told (URS-IAM-080, URS-SIG-070)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLocked:
    """Too many wrong secrets: the account is locked until `until` (steady time)."""

    badge: str
    terminal: str
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReset:
    """Somebody started a reset: the old key is revoked, signing is suspended."""

    badge: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDeactivated:
    """The person may do nothing from now on; sessions are ended."""

    badge: str
