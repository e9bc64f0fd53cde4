"""What the application relies on at its start: triggers, schema, keys. There is no switch for the
audit trail, so none can be set; what can be broken is broken here."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing

from app.attack.forging import change, one
from app.attack.model import Catalogue, Detector, Family, Means
from app.attack.scene import Scene
from core import appendonly

TRIGGER = f"{appendonly.PREFIX}signature_update"
GUARDS = Catalogue(Family.GUARDS, Means.DATABASE)


@GUARDS.found_by(Detector.START, Detector.TRIGGERS)
def triggers_dropped(scene: Scene) -> None:
    """The append-only triggers are dropped and stay away."""
    with scene.behind(restore=False):
        pass


@GUARDS.found_by(Detector.START, Detector.TRIGGERS)
def trigger_disarmed(scene: Scene) -> None:
    """A trigger keeps its name and does nothing any more."""
    with closing(sqlite3.connect(scene.database)) as database:
        database.execute(f"DROP TRIGGER {TRIGGER}")
        database.execute(f"CREATE TRIGGER {TRIGGER} BEFORE UPDATE ON signature BEGIN SELECT 1; END")


@GUARDS.found_by(Detector.ROWS)
def trigger_dropped_and_restored(scene: Scene) -> None:
    """A trigger is dropped, the reason of a signature is edited, the trigger is put back."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM signature ORDER BY id")
        change(database, "UPDATE signature SET reason='for the record' WHERE id=?", found[0])


@GUARDS.found_by(Detector.START)
def schema_of_another_version(scene: Scene) -> None:
    """The database claims to be of another version of the product."""
    with scene.behind() as database:
        change(database, "UPDATE alembic_version SET version_num='0123456789ab'")


@GUARDS.found_by(Detector.START, means=(Means.FILES,))
def log_key_open_to_others(scene: Scene) -> None:
    """The file of the log key is made readable for everybody."""
    (scene.settings.keys / "log.key").chmod(0o644)


@GUARDS.found_by(Detector.START, means=(Means.FILES,))
def pepper_removed(scene: Scene) -> None:
    """The file without which no stored secret can be tried is removed."""
    (scene.settings.keys / "pepper").unlink()


@GUARDS.found_by(Detector.CHECKPOINT, Detector.OUTSIDE, means=(Means.FILES,))
def log_key_exchanged(scene: Scene) -> None:
    """The file of the log key is deleted, so that the next start makes a new one."""
    (scene.settings.keys / "log.key").unlink()


@GUARDS.found_by(Detector.OUTSIDE, means=(Means.BACKUP, Means.FILES))
def guard_switched_off_in_the_settings(scene: Scene) -> None:
    """The anchor file is taken out of the settings and an old database put in place: the start
    compares nothing, a reader with a printed checkpoint does."""
    scene.anchors = ""
    shutil.copyfile(scene.loot.old, scene.database)
