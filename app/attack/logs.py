"""The log and its checkpoints, and whole databases set back to an older state."""

from __future__ import annotations

import shutil
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from app.attack.forging import add_checkpoint, change, entries_of, one, order_of_log, relog
from app.attack.model import Catalogue, Detector, Family, Means
from app.attack.scene import CUT, DATABASE, Scene, act
from audit import checkpoints, verifier
from audit.keys import LogSigner
from audit.sequencer import sequence_pending
from audit.streams import SITE
from core.actors import Actor

LOG = Catalogue(Family.LOG, Means.DATABASE)
HISTORY = Catalogue(Family.HISTORY, Means.BACKUP)
WORK = Actor.service("stores", trigger="daily work")


@LOG.found_by(Detector.LOG)
def log_leaf_edited(scene: Scene) -> None:
    """A leaf of the log is changed."""
    with scene.behind() as database:
        change(database, "UPDATE log_leaf SET leaf=? WHERE idx=3", b"x" * 32)


@LOG.found_by(Detector.LOG)
def log_node_edited(scene: Scene) -> None:
    """An inner node of the log is changed."""
    with scene.behind() as database:
        change(database, "UPDATE log_node SET hash=? WHERE level=1 AND idx=1", b"x" * 32)


@LOG.found_by(Detector.LOG)
def waiting_entry_deleted_from_the_list(scene: Scene) -> None:
    """An entry that waits for the log is taken off the waiting list."""
    with scene.house() as house:
        act(house, "waiting", by=WORK)
    with scene.behind() as database:
        change(database, "DELETE FROM pending_entry")


@LOG.found_by(Detector.CHECKPOINT)
def checkpoint_forged(scene: Scene) -> None:
    """A checkpoint of a log that never was is inserted, signed with a key of the attacker."""
    signer = LogSigner(scene.loot.origin, Ed25519PrivateKey.generate())
    _insert(scene, signer)


@LOG.found_by(Detector.CHECKPOINT)
def checkpoint_of_another_site(scene: Scene) -> None:
    """A good checkpoint of another site is inserted."""
    _insert(scene, LogSigner("batchwright/elsewhere", Ed25519PrivateKey.generate()))


@LOG.found_by(Detector.CHECKPOINT, means=(Means.DATABASE, Means.SERVER))
def checkpoint_of_a_second_history(scene: Scene) -> None:
    """The stolen log key signs another root for a size that the log already had."""
    _insert(scene, scene.keys.log)


@LOG.found_by(Detector.CHECKPOINT, Detector.OUTSIDE)
def tail_cut(scene: Scene) -> None:
    """The last entries disappear from record and log; the checkpoints stay."""
    _cut(scene)


@LOG.found_by(Detector.OUTSIDE, Detector.GUARD)
def tail_cut_with_its_checkpoints(scene: Scene) -> None:
    """The last entries disappear, and with them every checkpoint that covers them."""
    _cut(scene, checkpoints_too=True)


@HISTORY.found_by(Detector.OUTSIDE, Detector.GUARD)
def old_database_restored(scene: Scene) -> None:
    """An old copy of the database takes the place of the new one."""
    shutil.copyfile(scene.loot.old, scene.home / DATABASE)


@HISTORY.found_by(Detector.OUTSIDE, Detector.GUARD, means=(Means.BACKUP, Means.SERVER))
def old_database_restored_and_continued(scene: Scene) -> None:
    """An old copy takes the place of the new one, and work goes on until the log is longer
    than ever; the server signs it as always."""
    shutil.copyfile(scene.loot.old, scene.home / DATABASE)
    _work(scene, 4 * CUT, "new")


@HISTORY.found_by(Detector.OUTSIDE, Detector.GUARD, means=(Means.DATABASE, Means.SERVER))
def fork_signed_with_the_log_key(scene: Scene) -> None:
    """The last entries are replaced by others; the stolen log key signs the new history."""
    _cut(scene, checkpoints_too=True)
    _work(scene, CUT, "fork")


def _work(scene: Scene, count: int, what: str) -> None:
    """The application goes on as always, and the log is signed."""
    with scene.house(later=timedelta(hours=3)) as house:
        for number in range(count):
            act(house, f"{what} {number}", by=WORK)
        sequence_pending(house, scene.keys)


def _insert(scene: Scene, signer: LogSigner) -> None:
    root = b"\x07" * 32
    with scene.behind() as database:
        site, at = one(database, "SELECT site_id, at FROM checkpoint ORDER BY size DESC")
        (known,) = database.execute("SELECT group_concat(size) FROM checkpoint").fetchone()
        size = next(n for n in range(2, 1 << 30) if str(n) not in known.split(","))
        add_checkpoint(database, size, root, checkpoints.sign(signer, size, root), site, at)


def _cut(scene: Scene, *, checkpoints_too: bool = False) -> None:
    """Remove the last entries of the site's own stream, which were made last of all."""
    with scene.behind() as database:
        rec = str(SITE)
        entries = entries_of(database, rec)
        gone = {row_id for row_id, _ in entries[-CUT:]}
        order = [each for each in order_of_log(database) if each not in gone]
        end = entries[-CUT - 1][0]
        for row_id in gone:
            database.execute("DELETE FROM entry WHERE id=?", [row_id])
        payload = one(database, "SELECT payload FROM entry WHERE id=?", end)[0]
        database.execute(
            "UPDATE stream_head SET rseq=?, hash=? WHERE rec=?",
            [len(entries) - CUT, verifier.sha256(payload), rec],
        )
        if checkpoints_too:
            database.execute("DELETE FROM checkpoint WHERE size > ?", [len(order)])
        relog(database, order)
