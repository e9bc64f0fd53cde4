"""Rows of the database, edited behind the application; the triggers stand again afterwards."""

from __future__ import annotations

from uuid import uuid4

from app.attack.forging import Database, change, one
from app.attack.model import Catalogue, Detector, Family, Means
from app.attack.scene import Scene

ROWS = Catalogue(Family.ROWS, Means.DATABASE)
AN_HOUR = 3_600_000_000
A_DAY = 24 * AN_HOUR


@ROWS.found_by(Detector.ROWS)
def recorded_value_edited(scene: Scene) -> None:
    """A measured value of a batch record is edited."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM parameter_value WHERE number IS NOT NULL ORDER BY id")
        change(
            database, "UPDATE parameter_value SET text='1.23', number='1.23' WHERE id=?", found[0]
        )


@ROWS.found_by(Detector.ROWS)
def limit_of_a_value_edited(scene: Scene) -> None:
    """The limits that a recorded value was judged by are taken away."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM parameter_value WHERE limits IS NOT NULL ORDER BY id")
        change(database, "UPDATE parameter_value SET limits=NULL WHERE id=?", found[0])


@ROWS.found_by(Detector.ROWS)
def performer_of_a_step_edited(scene: Scene) -> None:
    """Another person stands as performer of a step."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM step WHERE performed_by IS NOT NULL ORDER BY id")
        change(database, "UPDATE step SET performed_by='P-999' WHERE id=?", found[0])


@ROWS.found_by(Detector.ROWS)
def state_of_a_batch_edited(scene: Scene) -> None:
    """The state of a batch record is edited."""
    with scene.behind() as database:
        change(database, "UPDATE procedure_run SET state='ABORTED' WHERE stream=?",
               scene.loot.record)  # fmt: skip


@ROWS.found_by(Detector.ROWS)
def exception_deleted(scene: Scene) -> None:
    """An exception of a batch record is deleted."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM exception_case ORDER BY id DESC")
        change(database, "DELETE FROM exception_case WHERE id=?", found[0])


@ROWS.found_by(Detector.ROWS)
def deviation_closed(scene: Scene) -> None:
    """A deviation is closed without its signature."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM deviation ORDER BY (state = 'closed'), id")
        change(
            database,
            "UPDATE deviation SET state='closed', closed_at=1, closed_by='P-107',"
            " conclusion='no influence on the product' WHERE id=?",
            found[0],
        )


@ROWS.found_by(Detector.ROWS)
def gap_marker_removed(scene: Scene) -> None:
    """The marker of a time without data from a machine is removed."""
    with scene.behind() as database:
        found = one(database, "SELECT gap FROM gap_event ORDER BY id")
        change(database, "DELETE FROM gap_event WHERE gap=?", found[0])


@ROWS.found_by(Detector.ROWS)
def lot_status_edited(scene: Scene) -> None:
    """A lot gets another status without a decision."""
    with scene.behind() as database:
        status, lot = one(database, "SELECT status, id FROM lot ORDER BY id")
        wanted = "blocked" if status == "released" else "released"
        change(database, "UPDATE lot SET status=? WHERE id=?", wanted, lot)


@ROWS.found_by(Detector.ROWS, Detector.STOCK)
def ledger_quantity_edited(scene: Scene) -> None:
    """The quantity of a stock movement is edited."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM movement_line ORDER BY id")
        change(database, "UPDATE movement_line SET amount = amount + 7 WHERE id=?", found[0])


@ROWS.found_by(Detector.STOCK)
def stock_balance_edited(scene: Scene) -> None:
    """A stock balance, which follows from movements, is edited."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM stock_balance ORDER BY id")
        change(database, "UPDATE stock_balance SET amount = amount + 7 WHERE id=?", found[0])


@ROWS.found_by(Detector.ROWS)
def calibration_date_edited(scene: Scene) -> None:
    """The next calibration of a unit is due later."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM equipment WHERE calibration_due IS NOT NULL")
        change(database, "UPDATE equipment SET calibration_due = calibration_due + ? WHERE id=?",
               30 * A_DAY, found[0])  # fmt: skip


@ROWS.found_by(Detector.ROWS)
def tag_limit_edited_after_approval(scene: Scene) -> None:
    """The range of a tag is widened after its tag map was approved."""
    with scene.behind() as database:
        found = one(database, "SELECT id FROM tag ORDER BY id")
        change(database, "UPDATE tag SET range_high='9999' WHERE id=?", found[0])


@ROWS.found_by(Detector.ROWS)
def recipe_file_edited(scene: Scene) -> None:
    """The stored file of a recipe is edited."""
    with scene.behind() as database:
        found = one(database, "SELECT id, body FROM definition_file ORDER BY id")
        body = str(found[1]).replace("</", " </", 1)
        change(database, "UPDATE definition_file SET body=? WHERE id=?", body, found[0])


@ROWS.found_by(Detector.ROWS)
def site_mode_edited(scene: Scene) -> None:
    """A demonstration site passes for one that makes medicine, or the other way round."""
    with scene.behind() as database:
        change(
            database,
            "UPDATE site SET mode = CASE mode WHEN 'GMP' THEN 'DEMONSTRATION' ELSE 'GMP' END",
        )


@ROWS.found_by(Detector.ALARMS)
def alarm_job_deleted(scene: Scene) -> None:
    """The job that would ring at the end of a wait is deleted."""
    with scene.behind() as database:
        change(database, "DELETE FROM job WHERE id=?", _alarm(database))


@ROWS.found_by(Detector.ALARMS)
def alarm_job_postponed(scene: Scene) -> None:
    """The job that would ring at the end of a wait rings a day later."""
    with scene.behind() as database:
        change(database, "UPDATE job SET due_at = due_at + ? WHERE id=?", A_DAY, _alarm(database))


@ROWS.by_design(
    "a job that prints or exports is plumbing: deleted, the work does not happen, which who asked"
    " for it sees; no record says that it was done"
)
def printing_job_deleted(scene: Scene) -> None:
    """Jobs that are done or only print are deleted."""
    with scene.behind() as database:
        database.execute("DELETE FROM job WHERE state = 'done' OR kind LIKE 'ebr.issue%'")


@ROWS.found_by(Detector.ROWS)
def remark_invented(scene: Scene) -> None:
    """A remark is inserted into a record in somebody's name."""
    with scene.behind() as database:
        found = one(database, "SELECT site_id, id, started_at FROM procedure_run WHERE stream=?",
                    scene.loot.record)  # fmt: skip
        database.execute(
            "INSERT INTO remark (id, site_id, run_id, at, text, by, by_name)"
            " VALUES (?,?,?,?,'all was well',?,'Somebody')",
            (uuid4().hex, *found, scene.loot.victim),
        )


def _alarm(database: Database) -> str:
    found: str = one(
        database,
        "SELECT j.id FROM job j JOIN engine_subscription s ON s.job_id = j.id"
        " WHERE j.state = 'waiting' AND s.state = 'open' AND s.kind = 'timer'"
        " UNION SELECT j.id FROM job j JOIN hold_time h ON h.job_id = j.id"
        " WHERE j.state = 'waiting' AND h.ended_at IS NULL AND NOT h.exceeded",
    )[0]
    return found
