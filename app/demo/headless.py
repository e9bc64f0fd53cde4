"""The script of the headless batch B-2045 (demo plant, section 11)."""

from __future__ import annotations

from app.demo.script import LossOnDrying, Script, Weighing

PARACETAMOL = (
    Weighing(key="D040", lot="PA-0411", scale="WGH-01", net="25.00", tare="1.50"),
    Weighing(key="D040", lot="PA-0411", scale="WGH-01", net="11.50", tare="1.50"),
    Weighing(key="D040", lot="PA-0457", scale="WGH-01", net="22.00", tare="1.50"),
    Weighing(key="D040", lot="PA-0457", scale="WGH-01", net="22.00", tare="1.50"),
)
OTHERS = (
    Weighing(key="D060", lot="MC-2210", scale="WGH-02", net="8.000", tare="0.600"),
    Weighing(key="D070", lot="ST-0907", scale="WGH-02", net="4.000", tare="0.400"),
    Weighing(key="D080", lot="CC-0802", scale="WGH-02", net="1.500", tare="0.300"),
    Weighing(key="D090", lot="CC-0802", scale="WGH-02", net="1.500", tare="0.300"),
    Weighing(key="D100", lot="PV-3301", scale="WGH-02", net="3.000", tare="0.400"),
    Weighing(key="D110", lot="SI-0119", scale="BAL-01", net="0.50000", tare="0.20000"),
    Weighing(key="D120", lot="MG-0552", scale="WGH-02", net="1.000", tare="0.300"),
)
SCRIPT = Script(
    order="PO-7732",
    weighings=(*PARACETAMOL, *OTHERS),
    lod=(
        LossOnDrying(first="2.68", second="2.72"),
        LossOnDrying(first="1.92", second="1.88", misread="1.98"),
    ),
    control_mass="623.3",
    control_masses={4: "638.2"},
    refusals=True,
    cut_seconds=40,
    late_verification=21,
)
