"""The scenes of a batch, from issuing its recipe to the bulk store, as its script wants them.

Menon dispenses, Roth verifies, Kern runs the line, Duarte controls, Vogel supervises. Refusals
that the script wants are asked for and must come with their rule; a refusal that it does not want
stops the story.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from sqlalchemy.orm import Session

from app.demo import entries
from app.demo.dispensing import drums, scans_for, store
from app.demo.entries import printout, ticked, typed
from app.demo.script import LossOnDrying
from app.demo.stage import Stage
from app.demo.wording import spec
from ebr import queries
from ebr.commands.corrections import Correction, correct_value
from ebr.commands.steps import StepReference
from ebr.entry import Entry
from ebr.models import StepState
from production import commands as production

KERN, ROTH, WOJCIK, MENON, VOGEL, DUARTE = "P-101", "P-102", "P-103", "P-104", "P-105", "P-106"
UNITS = {
    "GRA": "GRA-01", "BV": "BV-01", "WMIL": "MIL-02", "SIF": "SIF-01", "FBD": "FBD-01",
    "MIL": "MIL-01", "BIN": "IBC-04", "BLE": "BLE-01", "TAB": "TAB-01", "TS": "TS-12",
    "WGH1": "WGH-01", "WGH2": "WGH-02", "BAL": "BAL-01", "WGH3": "WGH-03", "PW": "PW-03",
    "EMS": "EMS-01", "MOI": "MOI-01", "MET": "MET-01", "TTS": "TTS-01", "FRI": "FRI-01",
    "DIS": "DIS-01",
}  # fmt: skip
BIN_TARE = Decimal("62.90")
MOST_CONTROLS = 12
STOPPED_AFTER = 3
"""Controls made before the press is stopped, where the script wants that."""


def preparation(stage: Stage) -> None:
    """P: the control recipe is checked and issued, units are bound."""
    stage.say("P   preparation")
    stage.acting(VOGEL).do(production.open_batch, stage.number, record=stage.record)
    stage.do(
        VOGEL,
        "P010",
        ticked(spec(stage, "P010"), size="100.000", order=stage.script.order, batch=stage.number),
    )
    if stage.script.refusals:
        claim = partial(stage.start, WOJCIK, "P020")
        stage.refused("claim by Wójcik", "person.qualification", claim)
    stage.do(KERN, "P020", Entry(units=UNITS))
    stage.step("D010")


def drying_and_granulation(stage: Stage) -> None:
    """G: granulation, then drying to the end."""
    granulate(stage)
    dry(stage)
    dry_to_the_end(stage)


def granulate(stage: Stage) -> None:
    """Binder in one branch, charging and dry mixing in the other, up to the wet mass."""
    stage.say("G   granulation and drying")
    stage.do(KERN, "G010", ticked(spec(stage, "G010")), verifier=ROTH)
    stage.do(KERN, "G020", ticked(spec(stage, "G020"), filter_bag="FB_02"), verifier=ROTH)
    _binder(stage)
    _dry_mix(stage)
    _wet_granulation(stage)


def _binder(stage: Stage) -> None:
    stage.cell.charge("BV-01", "water", 17.00)
    stage.wait(1, "water runs in")
    water = {
        "water": [stage.take(KERN, "G030", "BV-01.WI111")],
        "conductivity": [stage.take(KERN, "G030", "PW-03.QI601")],
    }
    stage.do(KERN, "G030", readings=water)
    stage.cell.charge("BV-01", "povidone", 3.00)
    stage.do(KERN, "G040", charged(stage, "G040"), verifier=ROTH)
    stage.start(KERN, "G050")


def charged(stage: Stage, key: str) -> Entry:
    """The containers that a charge step takes, scanned in the order of the recipe."""
    return Entry(scans=scans_for(stage, key))


def _dry_mix(stage: Stage) -> None:
    stage.do(KERN, "G060", charged(stage, "G060"), verifier=ROTH)
    stage.cell.charge("GRA-01", "powder", 94.0)
    write(stage, "G070")
    stage.wait_for("G080", most=6, why="dry mixing")
    stage.sign(KERN, "G080", "confirmer")
    stage.wait(18, "the binder is stirred until clear")
    solution = {"solution": [stage.take(KERN, "G050", "BV-01.WI111")]}
    stage.do(KERN, "G050", typed(clear="conforms"), readings=solution)


def write(stage: Stage, key: str) -> None:
    """Download set points, look at what was read back, sign."""
    stage.start(KERN, key)
    stage.writes()
    stage.do(KERN, key)


def _wet_granulation(stage: Stage) -> None:
    for key, most, why in (("G090", 6, "adding binder"), ("G100", 6, "wet massing")):
        stage.wait_for(key, most=most, why=why)
        stage.sign(KERN, key, "confirmer")
    stage.sweep()
    end_point = {
        "power": [stage.take(KERN, "G110", "GRA-01.JI101")],
        "product": [stage.take(KERN, "G110", "GRA-01.TI101")],
    }
    stage.do(KERN, "G110", typed(appearance="conforms"), verifier=ROTH, readings=end_point)
    stage.start(KERN, "G130")
    stage.writes()
    stage.wait(8, "discharging through the wet mill")
    stage.do(KERN, "G130")


def dry(stage: Stage) -> None:
    """G140, G150: the wet mass is dried once."""
    if stage.script.wet_mass_waits:
        stage.wait(stage.script.wet_mass_waits, "the wet mass waits for the dryer")
        stage.go_on()
    write(stage, "G140")
    path = stage.path("G150")
    stage.writes()
    stage.wait(20, "drying")
    if stage.script.cut_seconds:
        stage.say(f"    the line to the dryer is cut for {stage.script.cut_seconds:g} s")
        stage.cell.cut("FBD-01", stage.script.cut_seconds)
        stage.wait(2, "the link is lost and comes back")
    stage.wait(70, "drying to the end point", until=lambda: stage.is_over(path))
    stage.sign(KERN, "G150", "confirmer")
    stage.go_on()


def dry_to_the_end(stage: Stage) -> None:
    """G170 to G190: loss on drying, dried again while it is too high, cooled."""
    for number, round_ in enumerate(stage.script.lod):
        if number:
            stage.wait_for("G180", most=20, why="drying 10 min more")
            stage.sign(KERN, "G180", "confirmer")
        loss_on_drying(stage, round_)
        stage.sign(ROTH, "G170", "verifier")
    stage.wait_for("G190", most=20, why="cooling")


def loss_on_drying(stage: Stage, round_: LossOnDrying) -> None:
    """Two determinations, performed by QC and still to be verified."""
    stage.do(KERN, "G160")
    stage.wait(8, "two determinations of loss on drying")
    text = f"MOI-01 loss on drying, 105 Cel, automatic stop: {round_.first} % and {round_.second} %"
    values = {"lod": (round_.first, round_.misread or round_.second)}
    stage.do(DUARTE, "G170", Entry(values=values, files={"printout": printout("lod", text)}))
    if round_.misread is not None:
        _correct(stage, round_.second)


def _correct(stage: Stage, text: str) -> None:
    """What was mistyped is corrected, signed by who typed it."""
    step = stage.step("G170")
    stage.acting(DUARTE, "QC").sign(
        correct_value,
        StepReference(record=stage.record, path=step.path, revision=step.revision),
        Correction(
            code="lod",
            position=1,
            text=text,
            reason="typing error, corrected against the printout",
        ),
        meaning="performed",
        record=stage.record,
        shown=lambda outcome: outcome.shown,
    )


def blending(stage: Stage) -> None:
    """B: milling, yield, blending."""
    stage.say("B   milling and blending")
    stage.do(KERN, "B010", ticked(spec(stage, "B010")), verifier=ROTH)
    stage.do(
        KERN,
        "B012",
        Entry(
            values={
                "bin": (UNITS["BIN"],),
                "tare": (f"{BIN_TARE}",),
                "speed": ("1200",),
                "screen_before": ("whole",),
                "screen_after": ("whole",),
            },
            files={"photo": entries.photo("screen")},
        ),
    )
    weighed(stage, "B014", stage.script.granules)
    stage.do(KERN, "B020", charged(stage, "B020"), verifier=ROTH)
    blend(stage, "B030", 120)
    stage.do(KERN, "B040", charged(stage, "B040"))
    if stage.script.late_verification:
        stage.wait(stage.script.late_verification, "the second person comes late")
    stage.sign(ROTH, "B040", "verifier")
    stage.go_on()
    blend(stage, "B050", 36)
    stage.do(KERN, "B060", verifier=ROTH)
    stage.do(
        DUARTE,
        "B070",
        typed(lod="1.70", density="0.52", result="QC-88121", decision="released"),
    )
    weighed(stage, "B080", stage.script.blend)


def weighed(stage: Stage, key: str, net: str) -> None:
    """The bin stands on the floor scale; its gross weight is taken."""
    stage.cell.place("WGH-03", float(BIN_TARE + Decimal(net)), UNITS["BIN"])
    stage.wait(0.2, "the scale settles")
    gross = {"gross": [stage.take(KERN, key, "WGH-03.WI502")]}
    stage.do(KERN, key, verifier=ROTH, readings=gross)
    stage.cell.remove("WGH-03")


def blend(stage: Stage, key: str, revolutions: int) -> None:
    """The blender is started by hand with a preset number of revolutions."""
    stage.step(key)
    stage.cell.start("BLE-01", speed=12, revolutions=revolutions)
    stage.wait_for(key, most=20, why="blending")
    stage.sign(KERN, key, "confirmer")


def press_set_up(stage: Stage) -> None:
    """C010 to C030, beside milling and blending."""
    stage.say("C   press set-up, beside milling")
    stage.do(KERN, "C010", ticked(spec(stage, "C010")), verifier=ROTH)
    stage.do(
        KERN,
        "C020",
        Entry(
            values={
                "stations": ("36",),
                "diameter": ("12.5",),
                "tablets": ("4900000",),
                "condition": ("conforms",),
            },
            units={"TS": UNITS["TS"]},
        ),
        verifier=ROTH,
    )
    stage.do(KERN, "C030", typed(fe="3", non_fe="3", steel="3"))


def compression(stage: Stage) -> None:
    """C040 to C130: set-up run, compression with its controls, end of run."""
    stage.say("C   compression")
    bin_and_press = Entry(values={"blend": ("released",)}, scans=(UNITS["BIN"], UNITS["TAB"]))
    stage.do(KERN, "C040", bin_and_press, verifier=ROTH)
    stage.cell.charge("TAB-01", "blend", float(stage.script.blend))
    write(stage, "C050")
    stage.cell.start("TAB-01", mode="setup")
    stage.wait(1, "the set-up run")
    full = entries.tablets(stage.script.full_mass, full=True)
    stage.do(KERN, "C060", typed(**full), verifier=ROTH)
    stage.do(VOGEL, "C070", ticked(spec(stage, "C070")))
    _run(stage)
    end = full | {"fe": "3", "non_fe": "3", "steel": "3"}
    if stage.script.end_disintegration is not None:
        end |= {"times": entries.slow(stage.script.end_disintegration)}
    stage.do(KERN, "C130", typed(**end), verifier=ROTH)
    stage.go_on()


def _run(stage: Stage) -> None:
    path = stage.path("C080")
    stage.cell.start("TAB-01", mode="production")
    rounds = 0
    while not stage.is_over(path) and rounds <= MOST_CONTROLS:
        stage.wait(15, "compressing", until=_any(stage, path))
        before, rounds = rounds, _controls(stage, rounds)
        if before < rounds == STOPPED_AFTER and stage.script.press_stops:
            _stop_press(stage)
    stage.sign(KERN, "C080", "confirmer")


def _stop_press(stage: Stage) -> None:
    """The press stands for a while; nobody says why."""
    stage.cell.stop("TAB-01")
    stage.wait(stage.script.press_stops, "the press stands")
    stage.cell.start("TAB-01", mode="production")


def _any(stage: Stage, path: str) -> Callable[[], bool]:
    def happened() -> bool:
        found: bool = stage.ask(_is_over_or_due, stage.record, path)
        return found

    return happened


def _is_over_or_due(session: Session, record: str, path: str) -> bool:
    """Compression has ended, or a control has become due: one look at each step of the clock."""
    run = queries.run_of(session, record)
    return queries.step_of(session, run, path).state != StepState.STARTED or any(
        step.key in ("C090", "C100") and step.state in (StepState.READY, StepState.STARTED)
        for step in queries.open_steps(session, run)
    )


def _controls(stage: Stage, rounds: int) -> int:
    if stage.is_open("C100"):
        stage.do(DUARTE, "C100", typed(**entries.friability()))
    if stage.is_open("C090"):
        rounds += 1
        mass = stage.script.control_masses.get(rounds, stage.script.control_mass)
        stage.do(KERN, "C090", typed(**entries.tablets(mass)))
    return rounds


def bulk_and_close(stage: Stage) -> None:
    """C140 to Z030: drums, samples, yields, waste, store."""
    stage.say("C   bulk tablets, yields")
    drums(stage)
    stage.do(KERN, "C150", typed(laboratory="200", reserve="100"), verifier=ROTH)
    script = stage.script
    lost = typed(rejects=script.rejects, samples=script.samples, waste=script.waste)
    stage.do(KERN, "C160", lost, verifier=ROTH)
    stage.go_on()
    stage.say("Z   close-out")
    stage.do(KERN, "Z020", typed(waste=script.waste), verifier=ROTH)
    store(stage)
