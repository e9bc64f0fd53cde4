"""A person at a terminal, for scripts: acts and signs through the same commands as the screens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from audit.signatures import SignedContent
from core.actors import Actor, ActorKind
from core.house import House, moment
from ebr import rules
from ebr.commands.steps import StepOutcome, StepReference, perform_step, sign_step, start_step
from ebr.entry import NOTHING, Entry
from ebr.opening import open_step
from personnel import signing


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who holds a badge and knows the passphrase; acts in one role at one terminal."""

    house: House
    badge: str
    name: str
    role: str
    passphrase: str
    terminal: str

    @property
    def actor(self) -> Actor:
        """The person as the one who acts."""
        return Actor(
            kind=ActorKind.PERSON,
            id=self.badge,
            name=self.name,
            role=self.role,
            terminal=self.terminal,
        )

    def do(self, command: Callable[..., Any], *arguments: Any, record: str, **more: Any) -> Any:
        """Run a command that needs no signature."""
        return self.house.perform(command, *arguments, by=self.actor, record=record, **more)

    def sign(
        self,
        command: Callable[..., Any],
        *arguments: Any,
        meaning: str,
        record: str,
        shown: Callable[[Any], SignedContent] = lambda answer: answer,
        **more: Any,
    ) -> Any:
        """Rehearse the command, confirm what it shows, and run it signed."""
        rehearsed = self.house.rehearse(
            command, *arguments, by=self.actor, record=record, rehearsal=True, **more
        )
        confirmation = self.confirm(shown(rehearsed), meaning)
        return self.do(command, *arguments, record=record, signed_by=confirmation, **more)

    def confirm(self, content: SignedContent, meaning: str) -> signing.Confirmation:
        """Give the full components for one signature."""
        return signing.confirm(
            self.house,
            badge=self.badge,
            passphrase=self.passphrase,
            digest=content.digest(),
            meaning=meaning,
            terminal=self.terminal,
        )

    def start(self, record: str, path: str) -> None:
        """Begin with a step."""
        self.do(start_step, StepReference(record=record, path=path), record=record)

    def perform(
        self, record: str, path: str, entry: Entry = NOTHING, *, revision: int = 1, **more: Any
    ) -> StepOutcome:
        """Perform a step and sign it where the recipe asks the performer to."""
        reference = StepReference(record=record, path=path, revision=revision)
        meaning = self._meaning(record, path, "performer")
        if meaning is None:
            answer: StepOutcome = self.do(perform_step, reference, entry, record=record, **more)
            return answer
        signed: StepOutcome = self.sign(
            perform_step,
            reference,
            entry,
            meaning=meaning,
            record=record,
            shown=lambda outcome: outcome.shown,
            **more,
        )
        return signed

    def sign_part(self, record: str, path: str, part: str, *, revision: int = 1) -> StepOutcome:
        """Verify, confirm or approve a step."""
        reference = StepReference(record=record, path=path, revision=revision)
        meaning = self._meaning(record, path, part) or part
        signed: StepOutcome = self.sign(
            sign_step,
            reference,
            part,
            meaning=meaning,
            record=record,
            shown=lambda outcome: outcome.shown,
        )
        return signed

    def _meaning(self, record: str, path: str, part: str) -> str | None:
        with self.house.reading() as session:
            context = open_step(
                session, record, path, by=self.actor, at=moment(session).site, lock=False
            )
            policy = context.spec.signature
        return rules.meaning_of(policy, part) if part in rules.parts_due(policy) else None
