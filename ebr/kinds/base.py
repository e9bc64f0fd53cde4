"""Step kinds are plug-ins: one class each, registered in `app.bootstrap` by name.

A kind answers four questions about a step: what does the screen show and ask (`form`), what
happens when it becomes ready or is started, what is recorded when it is performed (checks
included: a refusal changes nothing), and what follows when it is complete. The neutral kinds are
here; those of a pillar live in the pillar. A new kind is one file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy.orm import Session

from core.errors import BrokenPromise
from core.house import service
from ebr import values
from ebr.context import StepContext
from ebr.entry import Entry
from workflows.words import Origin, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanField:
    """One thing to scan or type: what is expected and what to call it."""

    code: str
    label: str
    expects: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitChoice:
    """A unit that could be bound, with the reason when it is refused."""

    unit: str
    name: str
    refusal: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the screen of a step shows and asks beyond the recipe's own parameters.

    `facts` are label and value; `live` tags shown while the step is open; `readings` the parameter
    codes that a button takes from a device; `units` the choices per equipment requirement;
    `blockers` are why it cannot be performed now, each fact with who can resolve it.
    """

    facts: tuple[tuple[str, str], ...] = ()
    scans: tuple[ScanField, ...] = ()
    live: tuple[str, ...] = ()
    readings: tuple[str, ...] = ()
    units: tuple[tuple[str, tuple[UnitChoice, ...]], ...] = ()
    target: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    unit: str | None = None
    blockers: tuple[tuple[str, str], ...] = ()


class Kind:
    """Base of all kinds: records the parameters and nothing else happens."""

    def form(self, context: StepContext) -> Form:
        """What the screen shows and asks; a pure read."""
        return Form(live=live_tags(context), readings=device_codes(context))

    def ready(self, context: StepContext) -> None:
        """The flow has reached the step."""

    def start(self, context: StepContext) -> None:
        """A person (or the system) begins with it; may refuse."""

    def record(self, context: StepContext, entry: Entry) -> None:
        """Check the entry and record it with all its effects, or refuse and change nothing."""
        values.record(context, entry)

    def complete(self, context: StepContext) -> None:
        """All signatures and decisions are there; the flow moves on."""


def live_tags(context: StepContext) -> tuple[str, ...]:
    """Tags (of the bound units) that the step's parameters are read from."""
    found = []
    for parameter in context.spec.parameters:
        if parameter.source is not None and (tag := resolve_tag(context, parameter.source)):
            found.append(tag)
    return tuple(dict.fromkeys(found))


def device_codes(context: StepContext) -> tuple[str, ...]:
    """Parameter codes whose value a device gives."""
    return tuple(
        parameter.code
        for parameter in context.spec.parameters
        if parameter.origin is Origin.DEVICE and parameter.source is not None
    )


def resolve_tag(context: StepContext, source: str) -> str | None:
    """The tag of the bound unit (``FBD-01.TI102``) for ``FBD.TI102``; None while unbound."""
    return context.tag_of(source)


class KindRegistry:
    """The kinds of this installation by the name that recipes use."""

    def __init__(self) -> None:
        self._kinds: dict[StepKind, Kind] = {}

    def register(self, name: StepKind, kind: Kind) -> None:
        """Add a kind; a second one of the same name is a mistake of composition."""
        if name in self._kinds:
            raise BrokenPromise(f"step kind {name} is registered twice")
        self._kinds[name] = kind

    def kind(self, name: StepKind) -> Kind:
        """The kind of that name; `BrokenPromise` when nobody carries it out."""
        try:
            return self._kinds[name]
        except KeyError:
            raise BrokenPromise(f"no one carries out the step kind {name}") from None

    def names(self) -> Iterable[StepKind]:
        """All registered names."""
        return self._kinds.keys()


def kind_of(session: Session, name: StepKind) -> Kind:
    """The kind of a step, from the registry of the house."""
    registry: KindRegistry = service(session, "step_kinds")
    return registry.kind(name)
