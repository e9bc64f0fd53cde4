"""Label: product of the batch goes into drums, each weighed, labelled and entered as stock.

The drums belong to the batch's own lot, in quarantine until the quality unit has decided
(URS-MAT-090). The first replicated mass of the step is the net weight of each drum; `pieces`
counts packs.
"""

from __future__ import annotations

from decimal import Decimal

from ebr import queries, values
from ebr.context import StepContext
from ebr.entry import Entry
from ebr.errors import ValueMissing
from ebr.kinds.base import Form, Kind, device_codes, live_tags
from hardware import queries as plant
from hardware.models import Reading
from inventory import filling, rules, weighing
from inventory import queries as stock
from inventory.commands import dispensing
from inventory.errors import NotStable, WeightsDisagree
from inventory.filling import Filled, Late
from inventory.kinds.weigh import check_containers, place_of
from inventory.models import Container
from workflows.step import Parameter
from workflows.words import Origin

PIECES = "pieces"
"""The parameter that counts what stands on each pallet or in each case."""
NET_CODES = ("net", "drum", PIECES)
BESIDE = ("gross", "tare")


class LabelDrums(Kind):
    """One container of the product for each weight of the step."""

    def form(self, context: StepContext) -> Form:
        """How many drums, which lot, and what the scale shows."""
        drums = drum_parameter(context)
        use = context.spec.materials[0] if context.spec.materials else None
        facts = [("Lot", context.run.number), ("Drums", str(drums.replicates))]
        if use is not None:
            facts.insert(0, ("Product", use.code))
        return Form(
            facts=tuple(facts),
            live=live_tags(context),
            readings=device_codes(context),
            unit=None if drums.code == PIECES else "kg",
        )

    def record(self, context: StepContext, entry: Entry) -> None:
        """Fill the drums. Raises NotStable, WeightsDisagree, LotExists, ValueMissing."""
        _check_rest(context, entry)
        filling.record(context, entry, {}, lambda: _fill(context))

    def complete(self, context: StepContext) -> None:
        """The drums were checked by a second person and carry their labels."""
        check_containers(context)


def drum_parameter(context: StepContext) -> Parameter:
    """The parameter that holds the net weight of each drum. Raises ValueMissing."""
    masses = [
        parameter
        for parameter in context.spec.parameters
        if (parameter.unit == "kg" or parameter.code == PIECES)
        and parameter.origin in (Origin.DEVICE, Origin.MANUAL)
        and parameter.code not in BESIDE
    ]
    masses.sort(key=lambda parameter: parameter.code not in NET_CODES)
    if not masses or not context.spec.materials:
        raise ValueMissing(
            f"{context.spec.name} names no product or no weight of the drums",
            resolver="the recipe author",
        )
    return masses[0]


def _check_rest(context: StepContext, entry: Entry) -> None:
    readings = {each.id: each for each in _readings(context)}
    for measured in entry.measured.get(drum_parameter(context).code, ()):
        reading = next(
            (each for key, each in readings.items() if str(key) == measured.source.get("reading")),
            None,
        )
        if reading is None or not weighing.was_at_rest(context.session, reading):
            raise NotStable(
                f"the scale was not at rest at {measured.text} kg",
                resolver="take that weight again",
            )


def _readings(context: StepContext) -> list[Reading]:
    return list(plant.readings(context.session, context.run.stream))


def _fill(context: StepContext) -> Late:
    drums = _numbers(context, drum_parameter(context).code)
    lot = dispensing.open_lot(
        context.session,
        context.run.number,
        context.spec.materials[0].code,
        place_of(context),
        by=context.by,
        at=context.at,
    )
    made = [
        dispensing.produce(
            context.session,
            lot,
            _filled(context, place, net),
            place_of(context),
            by=context.by,
            at=context.at,
        )
        for place, net in enumerate(drums, start=1)
    ]
    unit = stock.material(context.session, lot.material).unit
    for container in made:
        context.use_material(
            "produced",
            container.material,
            container.lot,
            container.net or Decimal(0),
            unit,
            container=container.label,
        )
    _note_scale(context)
    return _values(context, made)


def _numbers(context: StepContext, code: str) -> list[Decimal]:
    found = queries.current_values(context.session, context.step).get(code, [])
    return [value.number for value in found if value.number is not None]


def _filled(context: StepContext, place: int, net: Decimal) -> dispensing.Filled:
    gross, tare = (_at(_numbers(context, code), place) for code in BESIDE)
    if gross is not None and tare is not None and gross - tare != net:
        raise WeightsDisagree(
            f"drum {place}: gross {gross:f} less tare {tare:f} is not net {net:f} kg",
            resolver="take the weight again",
        )
    prints = context.spec.label_prints
    return dispensing.Filled(
        number=place,
        net=net,
        gross=gross,
        tare=tare,
        template=prints[0].template if prints else "bulk_drum",
    )


def _at(numbers: list[Decimal], place: int) -> Decimal | None:
    return numbers[place - 1] if place <= len(numbers) else None


def _note_scale(context: StepContext) -> None:
    for use in context.spec.equipment:
        unit = plant.equipment(context.session, context.bound(use.requirement))
        due = unit.calibration_due
        context.use_equipment(
            use.requirement, unit.number, "calibrated", None if due is None else f"{due:%F}"
        )


def _values(context: StepContext, made: list[Container]) -> Late:
    source = {"containers": [container.label for container in made]}
    total = sum((container.net or Decimal(0) for container in made), Decimal(0))
    known = filling.known(
        {
            "total": Filled(total, source),
            "lot": Filled(context.run.number, source),
            "drums": Filled(len(made), source),
        }
    )
    return {**known, "tablets_total": lambda: _tablets(context, total)}


def _tablets(context: StepContext, total: Decimal) -> Filled:
    """Whole tablets in all drums, by the mean mass that the step has worked out before."""
    mean = values.current(context, "mean_mass")
    if mean is None or mean.number is None:
        raise ValueMissing("the mean mass is not known", resolver="in-process control")
    return Filled(rules.tablets(total, mean.number), {"mean_mass": f"{mean.number:f} mg"})
