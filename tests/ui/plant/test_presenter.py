"""The presenter page plays a real simulated cell: a drum on a scale, a line that is cut."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from app import cell
from app.cell import Cell
from app.presenter import SERVICE, Presenter
from tests.support.browser import sign_in
from tests.support.records import RecordPlant
from tests.support.web import settings_in

pytestmark = pytest.mark.xdist_group("planned_site")

TOKEN = "a token of the test cell"


@pytest.fixture
def control(plant: RecordPlant, tmp_path: Path) -> Iterator[Cell]:
    """A running cell that the site knows."""
    folder = tmp_path / "cell"
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    process = subprocess.Popen(
        [sys.executable, "-m", "hardware.simulators.host",
         "--pki", str(folder), "--token-file", str(folder / "token"), "--offset", "0"],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    ports = json.loads(process.stdout.readline())
    found = Cell(
        opcua=f"opc.tcp://127.0.0.1:{ports['opcua_port']}",
        modbus=f"127.0.0.1:{ports['modbus_port']}",
        control_port=ports["control_port"],
        token=TOKEN,
    )
    settings = settings_in(tmp_path / "site")
    (settings.home / cell.PLACE).write_text(
        json.dumps({name: getattr(found, name) for name in found.__slots__})
    )
    plant.house.services[SERVICE] = Presenter(plant.house, settings)
    yield found
    process.terminate()
    process.communicate(timeout=20)


@pytest.mark.urs("URS-AUD-010")
def test_a_presenter_puts_a_drum_on_a_scale_and_cuts_a_line(
    screen: Page, address: str, plant: RecordPlant, control: Cell
) -> None:
    sign_in(screen, address, "P-105")
    screen.get_by_role("link", name="Plant presenter").click()
    scale = screen.get_by_role("listitem").filter(
        has=screen.get_by_role("heading", name="WGH-01", exact=True)
    )
    scale.get_by_label("Gross mass (kg)").fill("25,4")
    scale.get_by_label("Label").fill("D-1")
    scale.get_by_role("button", name="Put on").click()
    expect(screen.get_by_role("status").filter(has_text="place")).to_be_visible()
    expect(scale).to_contain_text("D-1")
    lines = screen.get_by_role("listitem").filter(has_text="GRAN")
    lines.get_by_role("button", name="Cut", exact=True).click()
    expect(lines.get_by_role("button", name="Restore")).to_be_visible()
    with control.client() as client:
        assert client.state()["units"]["WGH-01"]["model"]["label"] == "D-1"
        assert client.state()["lines"] == {"GRAN": "cut"}
    lines.get_by_role("button", name="Restore").click()
    expect(lines.get_by_role("button", name="Cut", exact=True)).to_be_visible()
    assert plant.actions("site").count("plant.played") == 3


def test_a_silent_cell_is_told_and_the_clock_stays_usable(
    screen: Page, address: str, plant: RecordPlant, tmp_path: Path
) -> None:
    plant.house.services[SERVICE] = Presenter(plant.house, settings_in(tmp_path / "site"))
    sign_in(screen, address, "P-105")
    screen.goto(f"{address}/plant")
    expect(screen.get_by_role("alert").first).to_contain_text("does not answer")
    expect(screen.get_by_role("button", name="+ 5 min")).to_be_visible()
