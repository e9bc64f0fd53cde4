"""What is worked out once for each definition: its steps by key, its names, its expressions.

Safe to remember by file digest: `workflows.queries.load` has checked that the procedure is the one
of that digest, and a procedure never changes.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from threading import Lock

from workflows.expressions import language
from workflows.expressions.language import Compiled
from workflows.expressions.types import Type
from workflows.model import Procedure
from workflows.names import declared_names
from workflows.step import Interval, Step
from workflows.words import Since

CACHED = 32
_known: OrderedDict[str, Definition] = OrderedDict()
_lock = Lock()


class Definition:
    """A procedure with quick ways to its parts."""

    def __init__(self, procedure: Procedure) -> None:
        self.procedure = procedure
        self.types: dict[str, Type] = declared_names(procedure)
        self._steps = {step.key: step for step in procedure.steps()}
        self._limited: dict[tuple[str, Since], list[tuple[str, Interval]]] = {}
        for step in procedure.steps():
            for each in step.intervals:
                if each.maximum is not None:
                    place = self._limited.setdefault((each.after, each.since), [])
                    place.append((each.name_before(step.key), each))
        self._compiled: dict[tuple[str, str | None], Compiled] = {}
        self._conditions: dict[str, Compiled] = {}

    def step(self, key: str) -> Step:
        """The step with this key. Raises KeyError."""
        return self._steps[key]

    def limited_from(self, key: str, since: Since) -> Sequence[tuple[str, Interval]]:
        """The maximum times that count from the start (end) of that step, each with its name."""
        return self._limited.get((key, since), ())

    @property
    def limited(self) -> frozenset[str]:
        """The names of all maximum times between two steps."""
        return frozenset(name for found in self._limited.values() for name, _ in found)

    def expression(self, text: str, unit: str | None) -> Compiled:
        """A compiled expression whose number counts in `unit`. Raises ExpressionError."""
        compiled = self._compiled.get((text, unit))
        if compiled is None:
            compiled = language.compile(text, self.types, unit=unit)
            self._compiled[text, unit] = compiled
        return compiled

    def condition(self, text: str) -> Compiled:
        """A compiled condition. Raises ExpressionError."""
        compiled = self._conditions.get(text)
        if compiled is None:
            compiled = language.compile_condition(text, self.types)
            self._conditions[text] = compiled
        return compiled


def of(digest: str, procedure: Procedure) -> Definition:
    """The definition of a file digest; `procedure` was loaded, and so checked, by that digest."""
    with _lock:
        found = _known.get(digest)
        if found is not None and found.procedure is procedure:
            _known.move_to_end(digest)
            return found
    made = Definition(procedure)
    with _lock:
        _known[digest] = made
        while len(_known) > CACHED:
            _known.popitem(last=False)
    return made
