"""What a manipulation is: who does it, what is done, and what must find it by the threat model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.attack.scene import Scene


class Detector(StrEnum):
    """A check of the product that can find a manipulation."""

    START = "start"
    """Every process refuses to start: triggers, schema, durability, keys."""
    TRIGGERS = "triggers"
    """The verification misses an append-only trigger."""
    CHAIN = "chain"
    """Entries of one record follow each other by hash and number."""
    SIGNATURE = "signature"
    """A person's key signed exactly this, here, as that person."""
    ROWS = "rows"
    """Every row equals its last sealed image, and every image has its row."""
    LOG = "log"
    """The Merkle log holds every entry once, in its place."""
    CHECKPOINT = "checkpoint"
    """The signed checkpoints in the database fit the log."""
    OUTSIDE = "outside checkpoint"
    """A checkpoint kept elsewhere (print, anchor file, log witness) fits the log."""
    GUARD = "start-up guard"
    """At every start the database is compared with the anchor file; then the site only reads."""
    TIMES = "times"
    """The time of an entry lies between the checkpoints around it."""
    FILES = "file digests"
    """Stored files have the digest that their sealed row names."""
    STOCK = "stock"
    """Balances are the sums of the movements."""
    ALARMS = "alarms"
    """Who waits for a time still has the job that rings then."""
    TRENDS = "trends"
    """The historian still says what the sealed trend says."""
    SEAL = "seal"
    """The seal of the site on a PDF, checked with the certificate of the site."""
    BUNDLE = "bundle verifier"
    """The stand-alone verifier with the keys of the site from another channel."""


class Family(StrEnum):
    """What is manipulated."""

    ROWS = "rows of the database"
    PEOPLE = "people, keys and rights"
    GUARDS = "guards"
    ENTRIES = "entries"
    LOG = "log and checkpoints"
    HISTORY = "older states"
    FILES = "files and machine data"
    PDF = "the PDF"
    BUNDLE = "the bundle"


class Means(StrEnum):
    """What the attacker has."""

    DATABASE = "owner of the database or its file"
    SERVER = "application server with its keys"
    PERSON = "a person's signing key"
    BACKUP = "an old copy of the database"
    FILES = "files of the site"
    TRANSPORT = "the document on its way to the reader"
    EXPORT_KEY = "the export key"
    SEAL_KEY = "the sealing key"
    CLOCK = "the clock of the machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manipulation:
    """One published manipulation.

    Every detector of `must` has to find it. With none, `undetectable` says in plain words why the
    model does not promise that anything does; then nothing may find it, or the model is wrong.
    `act` carries it out on a scene of its own and raises `NotHere` where the site lacks what it
    needs.
    """

    name: str
    family: Family
    means: tuple[Means, ...]
    does: str
    act: Callable[[Scene], None]
    must: frozenset[Detector] = frozenset()
    undetectable: str = ""

    def __post_init__(self) -> None:
        if bool(self.must) == bool(self.undetectable):
            raise ValueError(f"{self.name}: either detectors or the reason why there is none")


class NotHere(Exception):
    """The site holds nothing of the kind that this manipulation changes."""


Add = Callable[[Callable[["Scene"], None]], Callable[["Scene"], None]]


class Catalogue:
    """Manipulations of one family, in the order in which they are written down."""

    def __init__(self, family: Family, *means: Means) -> None:
        self.all: list[Manipulation] = []
        self._family = family
        self._means = means

    def found_by(self, *must: Detector, means: tuple[Means, ...] = ()) -> Add:
        """Publish a function as a manipulation that these detectors must find.

        Its name is that of the function, what it does is its docstring.
        """
        return self._publish(frozenset(must), "", means)

    def by_design(self, reason: str, means: tuple[Means, ...] = ()) -> Add:
        """Publish a function as a manipulation that nothing can find, and say why."""
        return self._publish(frozenset(), reason, means)

    def _publish(
        self, must: frozenset[Detector], undetectable: str, means: tuple[Means, ...]
    ) -> Add:
        def publish(act: Callable[[Scene], None]) -> Callable[[Scene], None]:
            self.all.append(
                Manipulation(
                    name=act.__name__.replace("_", "-"),
                    family=self._family,
                    means=means or self._means,
                    does=" ".join((act.__doc__ or "").split()).rstrip("."),
                    act=act,
                    must=must,
                    undetectable=undetectable,
                )
            )
            return act

        return publish
