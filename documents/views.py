"""What the shared templates print: plain values, already rounded, worded and decided above."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum


class State(Enum):
    """A state as it is printed: sign and border style; the word comes from the caller.

    Sign, word and border together, never colour alone (WCAG 1.4.1; one list with the screens).
    """

    WAITING = ("○", "waiting")
    IN_PROGRESS = ("▶", "in-progress")
    DONE = ("✓", "done")
    ON_HOLD = ("‖", "on-hold")
    OUT_OF_LIMIT = ("×", "out-of-limit")
    NEAR_LIMIT = ("▲", "near-limit")
    NO_GOOD_VALUE = ("⊘", "no-good-value")
    NOT_TAKEN = ("↷", "not-taken")

    @property
    def sign(self) -> str:
        """The printed sign."""
        return self.value[0]

    @property
    def css(self) -> str:
        """The CSS class that draws the border."""
        return self.value[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A label with its value, for the tables of facts."""

    label: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorView:
    """A checkpoint of the site's log: its origin, its root in hexadecimal, and the signed text.

    `text` (three lines: origin, size, root in base64) is what the printed QR code holds.
    """

    origin: str
    root: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """What stands on the first page and around every page of a document.

    `subject` is the thing the document is about (``Batch B-2045``); `version` says which state
    of it; `content_digest` is the SHA-256 of the canonical content in hexadecimal; `checkpoint`
    is the line that anchors it in the site log; `watermark` marks a copy that is not final.
    """

    title: str
    subject: str
    version: str
    site_name: str
    site_mode: str
    zone: str
    language: str
    generated_at: datetime
    generated_by: str
    software: str
    template: str
    content_digest: str
    facts: Sequence[Fact] = ()
    checkpoint: str = ""
    anchor: AnchorView | None = None
    watermark: str = ""
    state: tuple[State, str] | None = None
    time_simulated: bool = False

    @property
    def is_demonstration(self) -> bool:
        """Whether every page says that this site is for demonstration."""
        return self.site_mode != "GMP"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """The number of a page, printed so many points from the right and upper edge of a sheet."""

    right: str
    top: str
    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SignatureView:
    """A signature as 21 CFR 11.50 wants it shown: printed name, date and time, meaning."""

    printed_name: str
    user_id: str
    role: str
    meaning: str
    signed_at: datetime
    superseded: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CorrectionView:
    """One correction: the old value stays readable beside the new (URS-AUD-030)."""

    old: str
    new: str
    reason: str
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitTier:
    """One tier as it is shown: its name (target, alert, action, registered) and its range."""

    tier: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TemplateWords:
    """The fixed words of the page frame and of the shared parts in one language."""

    page: str
    of: str
    generated: str
    by: str
    content: str
    checkpoint: str
    root: str
    origin: str
    software: str
    template: str
    site: str
    demonstration: str
    demonstration_long: str
    simulated: str
    rendition: str
    name: str
    user: str
    role: str
    meaning: str
    signed: str
    superseded: str
    corrected: str
    reason: str


WORDS: Mapping[str, TemplateWords] = {
    "en": TemplateWords(
        page="Page",
        of="of",
        generated="Generated",
        by="by",
        content="Content SHA-256",
        checkpoint="Log checkpoint",
        root="Root of the log",
        origin="Name of the log",
        software="Software",
        template="Template",
        site="Site",
        demonstration="DEMONSTRATION",
        demonstration_long="DEMONSTRATION SITE: not for the manufacture of medicines",
        simulated="time simulated",
        rendition="Rendition of the electronic record, which remains the original",
        name="Printed name",
        user="User id",
        role="Role",
        meaning="Meaning",
        signed="Signed at",
        superseded="superseded",
        corrected="Corrected",
        reason="Reason",
    ),
    "de": TemplateWords(
        page="Seite",
        of="von",
        generated="Erzeugt",
        by="von",
        content="Inhalt SHA-256",
        checkpoint="Log-Prüfpunkt",
        root="Wurzel des Logs",
        origin="Name des Logs",
        software="Software",
        template="Vorlage",
        site="Standort",
        demonstration="DEMONSTRATION",
        demonstration_long="DEMONSTRATIONSSTANDORT: nicht zur Herstellung von Arzneimitteln",
        simulated="Zeit simuliert",
        rendition="Wiedergabe der elektronischen Aufzeichnung, die das Original bleibt",
        name="Name in Druckschrift",
        user="Benutzer",
        role="Rolle",
        meaning="Bedeutung",
        signed="Unterschrieben am",
        superseded="ersetzt",
        corrected="Berichtigt",
        reason="Grund",
    ),
}
