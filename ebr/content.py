"""What a signature on a step covers: everything the signer sees, in canonical form.

The content holds no times and no row ids, so that the rehearsal shown before signing and the
committed record give the same digest; times and names stand in the signature's own manifest.
"""

from __future__ import annotations

import hashlib
from typing import Any

from sqlalchemy import bindparam, select

from audit.signatures import SignedContent
from ebr import queries
from ebr.context import StepContext
from ebr.models import Attachment, ParameterValue, Remark, StepEquipment, StepMaterial
from workflows.scaling import scaled_formula

# Read at every signature and every performance, so built once, and read without objects.
_MATERIALS = (
    select(
        StepMaterial.use,
        StepMaterial.material,
        StepMaterial.lot,
        StepMaterial.container,
        StepMaterial.portion,
        StepMaterial.quantity,
        StepMaterial.unit,
    )
    .where(StepMaterial.step_id == bindparam("step"))
    .order_by(StepMaterial.id)
)
_EQUIPMENT = (
    select(
        StepEquipment.requirement,
        StepEquipment.equipment,
        StepEquipment.state,
        StepEquipment.calibration_due,
    )
    .where(StepEquipment.step_id == bindparam("step"))
    .order_by(StepEquipment.id)
)
_REMARKS = (
    select(Remark.text, Remark.by)
    .where(Remark.run_id == bindparam("run"), Remark.step_id == bindparam("step"))
    .order_by(Remark.at, Remark.id)
)
_ATTACHMENTS = (
    select(Attachment.code, Attachment.digest)
    .where(Attachment.run_id == bindparam("run"), Attachment.step_id == bindparam("step"))
    .order_by(Attachment.id)
)


def of_step(context: StepContext) -> SignedContent:
    """The content of a step at its current revision."""
    step, run = context.step, context.run
    return SignedContent(
        record=run.stream,
        object=step.path,
        version=step.revision,
        content={
            "kind": "step",
            "record": run.number,
            "definition": f"{run.code} {run.version_label}",
            "definition_digest": run.file_digest,
            "step": step.key,
            "name": context.spec.name,
            "occurrence": step.occurrence,
            "revision": step.revision,
            "control_recipe": _control_recipe(context),
            "values": _values(context),
            "materials": _materials(context),
            "equipment": _equipment(context),
            "attachments": _attachments(context),
            "remarks": _remarks(context),
            "exceptions": [
                {
                    "number": case.number,
                    "type": case.type,
                    "severity": case.severity,
                    "text": case.text,
                }
                for case in queries.cases_of(context.session, step)
                if case.type != "late_verification"
            ],
        },
    )


def digest_of(text: str) -> str:
    """SHA-256 of a text, hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def _control_recipe(context: StepContext) -> dict[str, Any] | None:
    """Size and scaled formula, for the step that issues the control recipe (URS-MRC-070)."""
    if "batch.start" not in {gate.name for gate in context.spec.gates} or context.run.size is None:
        return None
    quantities = scaled_formula(context.procedure.header, context.run.size)
    return {
        "content_digest": context.run.content_digest,
        "size": format(context.run.size, "f"),
        "size_unit": context.run.size_unit,
        "quantities": {name: format(value, "f") for name, value in sorted(quantities.items())},
    }


def _values(context: StepContext) -> list[dict[str, Any]]:
    current = queries.current_values(context.session, context.step)
    return [_value(value) for code in sorted(current) for value in current[code]]


def _value(value: ParameterValue) -> dict[str, Any]:
    return {
        "code": value.code,
        "position": value.position,
        "text": value.text,
        "unit": value.unit,
        "grade": value.grade,
        "verdict": value.verdict,
        "limits": value.limits,
        "not_applicable": value.not_applicable,
        "reason": value.reason,
    }


def _materials(context: StepContext) -> list[dict[str, Any]]:
    rows = context.session.execute(_MATERIALS, {"step": context.step.id})
    return [
        {
            "use": row.use,
            "material": row.material,
            "lot": row.lot,
            "container": row.container,
            "portion": row.portion,
            "quantity": format(row.quantity, "f"),
            "unit": row.unit,
        }
        for row in rows
    ]


def _equipment(context: StepContext) -> list[dict[str, Any]]:
    rows = context.session.execute(_EQUIPMENT, {"step": context.step.id})
    return [
        {
            "requirement": row.requirement,
            "equipment": row.equipment,
            "state": row.state,
            "calibration_due": row.calibration_due,
        }
        for row in rows
    ]


def _asked(context: StepContext) -> dict[str, Any]:
    return {"run": context.run.id, "step": context.step.id}


def _remarks(context: StepContext) -> list[dict[str, Any]]:
    rows = context.session.execute(_REMARKS, _asked(context))
    return [{"text": text, "by": by} for text, by in rows]


def _attachments(context: StepContext) -> list[dict[str, Any]]:
    rows = context.session.execute(_ATTACHMENTS, _asked(context))
    return [{"code": code, "digest": digest} for code, digest in rows]
