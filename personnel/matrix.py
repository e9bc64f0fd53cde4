"""The table from role to permissions; pure data, so that a test can list the whole matrix.

URS-IAM-020 (role based, deny by default, least privilege) and URS-IAM-030: no permission of GMP
work is given to the administrator, none of administration to anybody else.
"""

from __future__ import annotations

from core.errors import BrokenPromise
from personnel.rules import Role

READING = frozenset({"record.read", "recipe.read", "equipment.read", "lot.read", "audit.read"})
SHOP_FLOOR = READING | {
    "step.perform",
    "step.verify",
    "exception.raise",
    "exception.comment",
    "correction.make",
    "attachment.add",
    "lot.move",
    "lot.label",
    "lot.weigh",
    "equipment.clean",
    "equipment.log",
}
SUPERVISION = {
    "batch.plan",
    "batch.issue",
    "batch.hold",
    "batch.restart",
    "batch.stop",
    "batch.abort",
    "message.send",
    "exception.decide_minor",
    "exception.decide_major",
    "review.production",
    "step.approve",
    "step.unplanned",
    "training.record",
    "equipment.block",
    "recipe.check",
    "export.bundle",
}
QUALITY_UNIT = READING | {
    "exception.raise",
    "exception.comment",
    "exception.decide_minor",
    "exception.dispose",
    "review.quality",
    "release.decide",
    "lot.decide",
    "lot.block",
    "equipment.block",
    "equipment.unblock",
    "batch.hold",
    "deviation.manage",
    "recipe.approve",
    "recipe.withdraw",
    "training.record",
    "credential.confirm",
    "attachment.add",
    "step.approve",
    "export.bundle",
    "restore.decide",
    "keys.decide",
    "keys.confirm",
    "restore.confirm",
    "drill.sign",
}
ADMINISTRATION = frozenset(
    {
        "admin.people",
        "admin.roles",
        "admin.credentials",
        "admin.site",
        "credential.confirm",
        "audit.read",
        "restore.confirm",
        "keys.confirm",
        "drill.sign",
    }
)
DEMONSTRATION = frozenset({"clock.advance", "plant.present"})
"""Only at a DEMONSTRATION site: moving its clock, playing the plant at the presenter page."""

TABLE: dict[Role, frozenset[str]] = {
    Role.DI: frozenset(SHOP_FLOOR),
    Role.OP: frozenset(SHOP_FLOOR),
    Role.SU: frozenset(SHOP_FLOOR | SUPERVISION),
    Role.QC: READING
    | {
        "step.perform",
        "step.verify",
        "exception.raise",
        "exception.comment",
        "correction.make",
        "attachment.add",
        "lot.sample",
        "lot.label",
        "sample.record",
        "certificate.enter",
    },
    Role.QA: frozenset(QUALITY_UNIT),
    Role.QP: READING
    | {
        "exception.comment",
        "review.quality",
        "release.certify",
        "lot.decide",
        "export.bundle",
    },
    Role.WH: READING
    | {
        "step.perform",
        "step.verify",
        "exception.raise",
        "exception.comment",
        "correction.make",
        "attachment.add",
        "lot.receive",
        "lot.move",
        "lot.label",
        "lot.count",
        "lot.adjust",
    },
    Role.ME: READING
    | {
        "step.perform",
        "step.verify",
        "exception.raise",
        "exception.comment",
        "attachment.add",
        "calibration.record",
        "maintenance.plan",
        "maintenance.perform",
        "equipment.block",
        "equipment.log",
    },
    Role.AUTHOR: READING | {"recipe.author", "exception.comment"},
    Role.ADMIN: ADMINISTRATION,
    Role.INSPECTOR: READING | {"export.bundle"},
}
ALL = frozenset().union(*TABLE.values()) | DEMONSTRATION
SERVICES: dict[str, frozenset[str]] = {"presenter": DEMONSTRATION}
"""What services may do by themselves; everything else they do follows from acts of people."""


def roles_with(permission: str) -> list[Role]:
    """The roles that hold the permission; a name outside the table is a mistake of ours."""
    if permission not in ALL:
        raise BrokenPromise(f"{permission} is not in the table of permissions")
    if permission in DEMONSTRATION:
        return [role for role in TABLE if role is not Role.INSPECTOR]
    return [role for role, granted in TABLE.items() if permission in granted]
