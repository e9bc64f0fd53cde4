"""The one door for files: safe XML, outline, schema, model, profile.

`read_file` takes any BPMN 2.0 file: it answers what the file shows and everything that keeps it
from running. `import_procedure` takes a file that is executed exactly as drawn, or refuses it with
every mistake (URS-MRC-040, URS-MRC-090).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from workflows.bpmn import B, Drawn, read_definitions
from workflows.digests import content_digest, file_digest
from workflows.errors import DefinitionRefused, Finding
from workflows.foreign.completing import further_findings
from workflows.foreign.outline import Outline, outline_of
from workflows.model import Procedure
from workflows.profile import check_profile
from workflows.recipe import Header
from workflows.safexml import read_xml


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """A definition that has passed every check, with its two digests."""

    procedure: Procedure
    file_digest: str
    content_digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A BPMN file read: what it shows; the definition when it is executable, else `findings`.

    `header` is the recipe header where the file has one that can be read.
    """

    outline: Outline
    file_digest: str
    findings: tuple[Finding, ...]
    header: Header | None
    imported: Imported | None


def import_procedure(data: bytes) -> Imported:
    """Read and check a file. Raises DefinitionRefused with the complete list of findings."""
    root = _bpmn(data)
    imported, findings, _drawn = _checked(root, file_digest(data))
    if imported is None:
        raise DefinitionRefused(findings)
    return imported


def read_file(data: bytes) -> Reading:
    """Read any BPMN 2.0 file. Raises DefinitionRefused when it is none, or not safe to read."""
    root = _bpmn(data)
    imported, findings, drawn = _checked(root, file_digest(data))
    return Reading(
        outline=outline_of(root),
        file_digest=file_digest(data),
        findings=findings,
        header=drawn.headers[0] if drawn.headers else None,
        imported=imported,
    )


def _bpmn(data: bytes) -> etree._Element:
    root = read_xml(data)
    if root.tag != f"{B}definitions":
        raise DefinitionRefused(read_definitions(root).findings)
    return root


def _checked(
    root: etree._Element, digest: str
) -> tuple[Imported | None, tuple[Finding, ...], Drawn]:
    drawn = read_definitions(root)
    drawn.findings += _counted(drawn)
    if drawn.findings:
        return None, _whole_list(drawn.findings, further_findings(root)), drawn
    procedure = Procedure(
        header=drawn.headers[0], entry=drawn.entries[0], levels=tuple(drawn.levels)
    )
    findings = check_profile(procedure, drawn.lines)
    if findings:
        return None, _whole_list(findings, further_findings(root)), drawn
    imported = Imported(
        procedure=procedure, file_digest=digest, content_digest=content_digest(procedure)
    )
    return imported, (), drawn


def _whole_list(*found: list[Finding]) -> tuple[Finding, ...]:
    """Each finding once, in the order of the file."""
    once = dict.fromkeys(finding for part in found for finding in part)
    return tuple(sorted(once, key=lambda finding: finding.line))


def _counted(drawn: Drawn) -> Iterator[Finding]:
    """A finding for header and entry each when there is not exactly one."""
    for code, count, what in (
        ("header.count", len(drawn.headers), "header (bw:recipe)"),
        ("level.entry", len(drawn.entries), "entry process (bw:level entry)"),
    ):
        if count != 1:
            yield Finding(
                code=code,
                message=f"exactly one {what} is needed, the file has {count or 'none'}",
                remedy="Give it exactly one, on the process that runs first.",
            )
