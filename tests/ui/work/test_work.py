"""The story of one step in a real browser: perform, sign, verify, lock, lost connection."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.support.records import PEOPLE, RecordPlant

STEP = "/records/B-2045/steps/A/1"


def begin(page: Page, address: str) -> None:
    page.goto(address + STEP)
    page.get_by_role("button", name="Start this step").click()
    expect(page.get_by_label("Net mass").first).to_be_visible()


def ask(page: Page, mass: str) -> None:
    page.get_by_label("Net mass").first.fill(mass)
    page.get_by_role("button", name="Save and sign").click()
    expect(page.locator("#sign-dialog")).to_be_visible()


def sign(page: Page, badge: str, passphrase: str) -> None:
    dialog = page.locator("#sign-dialog")
    dialog.get_by_label("Badge").fill(badge)
    dialog.get_by_label("Passphrase").fill(passphrase)
    dialog.get_by_role("button", name="Sign", exact=True).click()


@pytest.mark.urs("URS-EXE-030", "URS-SIG-040")
def test_an_operator_performs_a_step_and_another_verifies_it(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    begin(operator, address)
    ask(operator, "10.05")
    expect(operator.locator("#sign-dialog")).to_contain_text("Anna Kern (P-101)")
    sign(operator, "P-101", PEOPLE["P-101"].passphrase)
    operator.get_by_role("button", name="Verify").click()
    sign(operator, "P-102", PEOPLE["P-102"].passphrase)
    expect(operator.get_by_text("This step is complete.")).to_be_visible()
    expect(operator.locator(".menu")).to_contain_text("Anna Kern")
    assert plant.step("A").state == "complete"


@pytest.mark.urs("URS-SIG-080")
def test_a_wrong_passphrase_keeps_the_dialog_and_the_value(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    begin(operator, address)
    ask(operator, "10.05")
    sign(operator, "P-101", "not this one")
    dialog = operator.locator("#sign-dialog")
    expect(dialog.get_by_role("alert")).to_contain_text("2 tries left")
    expect(dialog).to_contain_text("10.05")
    sign(operator, "P-101", PEOPLE["P-101"].passphrase)
    expect(operator.get_by_text("Waits for")).to_be_visible()
    assert plant.actions().count("step.performed") == 1


@pytest.mark.urs("URS-EXE-060")
def test_limits_stand_before_typing_and_the_breach_is_told_while_typing(
    operator: Page, address: str
) -> None:
    operator.goto(address + STEP)
    expect(operator.locator(".scale-words")).to_contain_text("9.50 … 10.50")
    begin(operator, address)
    field = operator.get_by_label("Net mass").first
    for typed, said in (
        ("10.05", "within limits"),
        ("10.31", "alert limit passed"),
        ("10.91", "out of action limit"),
        ("abc", ""),
    ):
        field.fill(typed)
        expect(operator.locator("[data-verdict=mass]")).to_contain_text(said)


def test_a_refused_value_is_marked_and_stays_on_the_screen(operator: Page, address: str) -> None:
    begin(operator, address)
    field = operator.get_by_label("Net mass").first
    field.fill("10,05")
    operator.get_by_role("button", name="Save and sign").click()
    expect(operator.get_by_role("alert").filter(has_text="value.format")).to_be_focused()
    expect(field).to_have_value("10,05")
    expect(field).to_have_attribute("aria-invalid", "true")


def test_a_double_click_sends_one_request(operator: Page, address: str, plant: RecordPlant) -> None:
    operator.goto(address + STEP)
    operator.get_by_role("button", name="Start this step").dblclick()
    expect(operator.get_by_label("Net mass").first).to_be_visible()
    assert plant.actions().count("step.started") == 1
    assert "attempt.refused" not in plant.actions()


@pytest.mark.urs("URS-IAM-100")
def test_locking_covers_the_page_and_what_was_typed_is_there_afterwards(
    operator: Page, address: str
) -> None:
    begin(operator, address)
    operator.get_by_label("Net mass").first.fill("10.05")
    operator.get_by_role("button", name="Lock").click()
    box = operator.locator("#lock-dialog")
    expect(box).to_be_visible()
    operator.keyboard.press("Escape")
    expect(box).to_be_visible()
    box.get_by_label("Passphrase").fill("not this one")
    box.get_by_role("button", name="Unlock").click()
    expect(box.get_by_role("alert")).to_contain_text("Badge or passphrase is wrong")
    box.get_by_label("Passphrase").fill(PEOPLE["P-101"].passphrase)
    box.get_by_role("button", name="Unlock").click()
    expect(box).to_be_hidden()
    expect(operator.get_by_label("Net mass").first).to_have_value("10.05")
    ask(operator, "10.05")


@pytest.mark.urs("URS-IAM-100")
def test_an_idle_session_locks_the_page_by_itself(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    operator.goto(address + STEP)
    plant.later(minutes=11)
    expect(operator.locator("#lock-dialog")).to_be_visible(timeout=9000)


def test_a_lost_connection_is_told_and_nothing_can_be_sent(operator: Page, address: str) -> None:
    operator.goto(address + STEP)
    operator.route("**/live?*", lambda route: route.abort("connectionrefused"))
    expect(operator.locator("#lost")).to_contain_text("NOT recorded", timeout=15000)
    expect(operator.get_by_role("button", name="Start this step")).to_be_disabled()
    operator.unroute("**/live?*")
    expect(operator.locator("#lost")).to_be_hidden(timeout=15000)
    expect(operator.get_by_role("button", name="Start this step")).to_be_enabled()


def test_a_scanned_badge_goes_to_its_field_wherever_the_focus_is(screen: Page) -> None:
    screen.get_by_label("Passphrase").focus()
    screen.evaluate(
        "[...'P-101', 'Enter'].forEach(key => document.activeElement.dispatchEvent("
        "new KeyboardEvent('keydown', {key, bubbles: true, cancelable: true})))"
    )
    expect(screen.get_by_label("Badge")).to_have_value("P-101")
    expect(screen.get_by_label("Passphrase")).to_have_value("")


def test_the_number_keys_write_into_the_field_and_the_focus_returns(
    operator: Page, address: str
) -> None:
    begin(operator, address)
    opener = operator.get_by_role("button", name="123")
    opener.click()
    pad = operator.locator("#keypad")
    for key in ("1", "0", ".", "0", "5", "Take over"):
        pad.get_by_role("button", name=key, exact=True).click()
    expect(operator.get_by_label("Net mass").first).to_have_value("10.05")
    expect(opener).to_be_focused()


@pytest.mark.urs("URS-EXE-030", "URS-SIG-040")
def test_a_step_is_done_and_verified_by_a_second_person_by_keyboard_alone(
    operator: Page, address: str, plant: RecordPlant
) -> None:
    keys = operator.keyboard
    operator.goto(address + STEP)
    _tab_to(operator, "Start this step")
    keys.press("Enter")
    expect(operator.get_by_label("Net mass").first).to_be_visible()
    operator.get_by_label("Net mass").first.focus()
    keys.type("10.05", delay=90)
    keys.press("Enter")
    expect(operator.get_by_role("button", name="Save and sign")).to_be_focused()
    keys.press("Enter")
    expect(operator.get_by_label("Badge")).to_be_focused()
    keys.type("P-101", delay=90)
    keys.press("Tab")
    keys.type(PEOPLE["P-101"].passphrase)
    keys.press("Enter")
    expect(operator.get_by_text("Waits for")).to_be_visible()
    assert plant.step("A").state == "performed"
    _tab_to(operator, "Verify…")
    keys.press("Enter")
    expect(operator.get_by_label("Badge of the second person")).to_be_focused()
    keys.type("P-102", delay=90)
    keys.press("Tab")
    keys.type(PEOPLE["P-102"].passphrase)
    keys.press("Enter")
    expect(operator.get_by_text("This step is complete.")).to_be_visible()
    assert plant.step("A").state == "complete"


def _tab_to(page: Page, text: str) -> None:
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent.trim()") == text:
            return
    raise AssertionError(f"{text} cannot be reached by the Tab key")
