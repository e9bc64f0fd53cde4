"""The one door through which a file becomes a definition: safe XML, schema, model, profile.

A file comes in whole or not at all; the refusal names every mistake (URS-MRC-040, URS-MRC-090).
"""

from __future__ import annotations

from dataclasses import dataclass

from workflows.bpmn import Drawn, read_definitions
from workflows.digests import content_digest, file_digest
from workflows.errors import DefinitionRefused, Finding
from workflows.model import Procedure
from workflows.profile import check_profile
from workflows.safexml import read_xml


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A definition that has passed every check, with its two digests."""

    procedure: Procedure
    file_digest: str
    content_digest: str


def import_procedure(data: bytes) -> Imported:
    """Read and check a file. Raises DefinitionRefused with the complete list of findings."""
    drawn = read_definitions(read_xml(data))
    procedure = _assembled(drawn)
    if procedure is not None:
        drawn.findings += check_profile(procedure, drawn.lines)
    if drawn.findings or procedure is None:
        raise DefinitionRefused(sorted(drawn.findings, key=lambda finding: finding.line))
    return Imported(
        procedure=procedure,
        file_digest=file_digest(data),
        content_digest=content_digest(procedure),
    )


def _assembled(drawn: Drawn) -> Procedure | None:
    """The procedure, or None (with a finding) when header or entry is not exactly one."""
    for code, count, what in (
        ("header.count", len(drawn.headers), "header (bw:recipe)"),
        ("level.entry", len(drawn.entries), "entry process (bw:level entry)"),
    ):
        if count != 1:
            drawn.findings.append(
                Finding(
                    code=code,
                    message=f"the file has {count} times a {what}",
                    remedy="Give it exactly one, on the process that runs first.",
                )
            )
    if len(drawn.headers) != 1 or len(drawn.entries) != 1:
        return None
    return Procedure(header=drawn.headers[0], entry=drawn.entries[0], levels=tuple(drawn.levels))
