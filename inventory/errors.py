"""Refusals of inventory; each kind of wrong scan has a rule of its own (URS-MAT-020)."""

from __future__ import annotations

from core.errors import Invalid, NotFound, Refusal


class NoSuchLot(NotFound):
    """There is no lot of that number."""

    rule = "lot.unknown"


class NoSuchMaterial(NotFound):
    """There is no material of that code."""

    rule = "material.unknown"


class NoSuchPlace(NotFound):
    """There is no location of that code."""

    rule = "location.unknown"


class NoSuchContainer(NotFound):
    """No container carries the scanned label."""

    rule = "scan.unknown"


class NoSuchTask(NotFound):
    """There is no stock task of that number."""

    rule = "stock_task.unknown"


class LotExists(Refusal):
    """A lot or container of that number exists already."""

    rule = "lot.exists"


class LotNotReleased(Refusal):
    """The lot is in quarantine, rejected or BLOCKED (URS-MAT-010)."""

    rule = "lot.status"


class LotExpired(Refusal):
    """The lot is past its expiry or retest date, whatever its status says (URS-MAT-010)."""

    rule = "lot.expired"


class LotNotAssayed(Refusal):
    """The pure share of the lot is needed and not known."""

    rule = "lot.assay"


class StatusNotPossible(Refusal):
    """The lot cannot go from its status to the wanted one."""

    rule = "lot.transition"


class WrongMaterial(Refusal):
    """The scanned container holds another material than the step asks for."""

    rule = "scan.material"


class NotFirstToExpire(Invalid):
    """Another lot expires earlier; taking this one needs a reason (URS-MAT-070)."""

    rule = "lot.first_expiry"


class ContainerOfAnotherBatch(Refusal):
    """The scanned container belongs to another batch."""

    rule = "scan.batch"


class ContainerUsed(Refusal):
    """The scanned container is empty, charged or destroyed."""

    rule = "scan.used"


class ContainerNotDispensed(Refusal):
    """The scanned container is not a dispensed portion, or not of the step the recipe names."""

    rule = "scan.not_dispensed"


class WrongPortion(Refusal):
    """The scanned container carries another portion than the step asks for."""

    rule = "scan.portion"


class ContainerNotChecked(Refusal):
    """No second person has checked the container yet (URS-MAT-040)."""

    rule = "scan.not_checked"


class WrongOrder(Refusal):
    """The container is charged out of the order of the recipe (URS-MAT-050)."""

    rule = "scan.order"


class ScannedTwice(Refusal):
    """The same container was scanned twice in one step."""

    rule = "scan.twice"


class ChargeIncomplete(Invalid):
    """Not all containers of the recipe were charged (URS-MAT-050)."""

    rule = "charge.incomplete"


class ScanMissing(Invalid):
    """The step needs a scan that was not given."""

    rule = "scan.missing"


class TaskNotOpen(Refusal):
    """The stock task was closed already."""

    rule = "stock_task.state"


class ScaleNotSuitable(Refusal):
    """The scale cannot be used for this weighing; the fact lists every reason (URS-MAT-030)."""

    rule = "scale.not_suitable"


class NotStable(Refusal):
    """The scale was not at rest when the weight was taken, or shows another weight by now."""

    rule = "scale.not_stable"


class WeightsDisagree(Refusal):
    """Gross, tare and net do not fit together."""

    rule = "weight.parts"


class NothingToWeigh(Refusal):
    """The quantity of the recipe is weighed already."""

    rule = "weight.complete"


class NotEnough(Refusal):
    """More would be taken than there is; the ledger never goes negative (URS-MAT-070)."""

    rule = "stock.negative"


class NotBalanced(Refusal):
    """The lines of a movement do not sum to zero per lot."""

    rule = "stock.balance"


class KeyUsedOtherwise(Refusal):
    """A movement of that key exists with other lines."""

    rule = "stock.replayed"


class QuantityNotCountable(Invalid):
    """The quantity is not positive or finer than the ledger counts."""

    rule = "stock.quantity"


class LabelStateWrong(Refusal):
    """That copy of the label was already used or destroyed, or never printed."""

    rule = "label.state"


class UnknownLabelValue(Refusal):
    """The recipe asks for a value by a code that this step kind does not fill."""

    rule = "recipe.label_value"
