"""What a verification found: problems with their place, counts, and what it did not check."""

from __future__ import annotations

from dataclasses import dataclass, field

from audit.errors import TamperedTrail


@dataclass(frozen=True, slots=True)
class Problem:
    """Something does not hold; `place` names table, row, entry or record."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}"


@dataclass(slots=True)
class Report:
    """The result of a verification; `ok` only when nothing is wrong."""

    problems: list[Problem] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    streams: int = 0
    entries: int = 0
    signatures: int = 0
    rows: int = 0
    logged: int = 0
    waiting: int = 0
    checkpoint: str | None = None
    """Origin, size and root of the newest checkpoint, to compare with one kept outside."""

    @property
    def ok(self) -> bool:
        """True when no problem was found."""
        return not self.problems

    def add(self, place: str, what: str) -> None:
        """Note a problem."""
        self.problems.append(Problem(place, what))

    def join(self, other: Report) -> None:
        """Add what another process found in streams of its own."""
        self.problems += other.problems
        self.not_checked += other.not_checked
        self.streams += other.streams
        self.entries += other.entries
        self.signatures += other.signatures

    def require(self) -> None:
        """`TamperedTrail` naming the first problems, when there are any."""
        if self.problems:
            named = "; ".join(str(problem) for problem in self.problems[:5])
            raise TamperedTrail(f"{len(self.problems)} problems: {named}")

    def lines(self) -> list[str]:
        """The report for a person, line by line; problems first."""
        told = [f"PROBLEM {problem}" for problem in self.problems]
        told.append(
            f"{self.streams} records, {self.entries} entries ({self.logged} in the log, "
            f"{self.waiting} waiting), {self.signatures} signatures, {self.rows} rows"
        )
        told.append(f"checkpoint {self.checkpoint or 'none yet'}")
        told += [f"not checked: {name}" for name in self.not_checked]
        return [*told, "everything holds" if self.ok else f"{len(self.problems)} problems"]
