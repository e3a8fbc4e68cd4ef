"""Pages have no fault that axe can find, fit a phone, and raise no objection from the browser (CSP among them)."""

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("sample_pages"),
    # The live server hands out static files itself; collecting them is for production.
    pytest.mark.filterwarnings("ignore:No directory at"),
]

PAGES = [
    "/accounts/login/",
    "/accounts/signup/",
    "/accounts/password/reset/",
    "/o/acme/",
    "/o/acme/history/",
    "/o/acme/settings/",
]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("address", PAGES)
def test_a_page_is_accessible_and_fits_its_screen(
    address: str, width: int, scheme: Literal["light", "dark"], page: Page
) -> None:
    objections: list[str] = []
    page.on("console", lambda message: objections.append(message.text) if message.type == "error" else None)
    page.set_viewport_size({"width": width, "height": 900})
    page.emulate_media(color_scheme=scheme)
    page.goto(address)

    results = Axe().run(page)

    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert objections == []


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/o/acme/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_wrong_input_is_announced_beside_its_field(page: Page) -> None:
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill("nobody@example.com")
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in", exact=True).click()
    assert page.get_by_role("alert").is_visible()
    assert Axe().run(page).violations_count == 0
