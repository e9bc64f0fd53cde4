"""Devices and tag maps of the demonstration site: drawn up by one person, approved by another."""

from __future__ import annotations

from app.acting import Person
from core.actors import Actor
from core.house import House
from hardware import demo_plant, setup_commands


def seed(
    house: House, author: Person, approver: Person, *, opcua: str, modbus: str, by: Actor
) -> None:
    """Every device at these endpoints, every map proposed and approved by two people."""
    for device in demo_plant.devices(opcua=opcua, modbus=modbus):
        house.perform(
            setup_commands.register_device,
            device.name,
            protocol=device.protocol,
            endpoint=device.endpoint,
            unit=device.unit,
            writable=device.writable,
            by=by,
        )
    for unit, specs in demo_plant.tag_maps().items():
        record = f"equipment/{unit}"
        house.perform(setup_commands.propose_tag_map, unit, specs, by=author.actor, record=record)
        house.perform(setup_commands.approve_tag_map, unit, 1, by=approver.actor, record=record)
