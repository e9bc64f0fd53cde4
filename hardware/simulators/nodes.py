"""OPC UA nodes of server GRAN (demo plant, section 10): namespace `urn:demo:gran`.

The table is the simulators' own, written from the plant description and not from the tag map of
the gateway, so that a wrong name or range on either side is found on the wire.
"""

from __future__ import annotations

from dataclasses import dataclass

NAMESPACE = "urn:demo:gran"
APPLICATION_URI = "urn:demo:gran:server"

# UCUM unit: common code of UNECE recommendation 20, and its name.
UNIT_CODES = {
    "/min": ("RPM", "revolutions per minute"),
    "kW": ("KWT", "kilowatt"),
    "Cel": ("CEL", "degree Celsius"),
    "kg": ("KGM", "kilogram"),
    "kg/min": ("F31", "kilogram per minute"),
    "m3/h": ("MQH", "cubic metre per hour"),
    "Pa": ("PAL", "pascal"),
    "%": ("P1", "percent"),
}


@dataclass(frozen=True, slots=True)
class PlantNode:
    """One variable: its unit on the line, tag, UCUM unit, instrument range and resolution.

    `step` is the resolution of the instrument in the tag's unit; `writable` set points carry the
    written range in the model. A node without unit of measure is an Int32 state or command word.
    """

    group: str
    tag: str
    device: str
    ucum: str = ""
    low: float = 0.0
    high: float = 0.0
    step: float = 1.0
    writable: bool = False

    @property
    def identifier(self) -> str:
        """The string identifier of the node, such as GRA01.SI101."""
        return f"{self.group}.{self.tag}"

    @property
    def is_word(self) -> bool:
        """True for Int32 state and command words."""
        return not self.ucum

    def shown(self, value: float | int) -> float | int:
        """The value as the instrument shows it: inside its range, in whole steps."""
        if self.is_word:
            return int(value)
        steps = round(min(self.high, max(self.low, value)) / self.step)
        return round(steps * self.step, 6)


def unit_id(code: str) -> int:
    """The UnitId of OPC UA part 8 for a UNECE common code: its characters as a number."""
    number = 0
    for character in code:
        number = number << 8 | ord(character)
    return number


def _granulator() -> tuple[PlantNode, ...]:
    group, device = "GRA01", "GRA-01"
    return (
        PlantNode(group, "SI101", device, "/min", 0, 200, 0.1),
        PlantNode(group, "SC101", device, "/min", 0, 200, 0.1, writable=True),
        PlantNode(group, "SI102", device, "/min", 0, 3500, 1),
        PlantNode(group, "SC102", device, "/min", 0, 3500, 1, writable=True),
        PlantNode(group, "JI101", device, "kW", 0, 30, 0.01),
        PlantNode(group, "TI101", device, "Cel", 0, 80, 0.1),
        PlantNode(group, "FI101", device, "kg/min", 0, 8, 0.01),
        PlantNode(group, "FQ101", device, "kg", 0, 50, 0.01),
        PlantNode(group, "XS101", device),
        PlantNode(group, "XC101", device, writable=True),
        PlantNode("BV01", "WI111", device, "kg", 0, 80, 0.01),
    )


def _dryer() -> tuple[PlantNode, ...]:
    group, device = "FBD01", "FBD-01"
    return (
        PlantNode(group, "TI102", device, "Cel", 0, 100, 0.1),
        PlantNode(group, "TI104", device, "Cel", 0, 100, 0.1),
        PlantNode(group, "TI103", device, "Cel", 0, 120, 0.1),
        PlantNode(group, "TC103", device, "Cel", 0, 120, 0.1, writable=True),
        PlantNode(group, "FI102", device, "m3/h", 0, 4000, 1),
        PlantNode(group, "FC102", device, "m3/h", 0, 4000, 1, writable=True),
        PlantNode(group, "PDI102", device, "Pa", 0, 5000, 1),
        PlantNode(group, "MI102", device, "%", 0, 30, 0.01),
        PlantNode(group, "XS102", device),
        PlantNode(group, "XC102", device, writable=True),
    )


NODES: tuple[PlantNode, ...] = (*_granulator(), *_dryer())
