"""The API's documentation works offline, in a real browser, under the content policy of every page."""

import pytest
from playwright.sync_api import Browser, Page, expect

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at"),
]


@pytest.mark.parametrize("width", [390, 1280])
def test_it_shows_every_call_without_a_word_from_the_content_policy(page: Page, base_url: str, width: int) -> None:
    objections: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: objections.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: objections.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/api/docs")
    # Eight calls, and the six types of events that webhooks tell.
    expect(page.locator(".opblock")).to_have_count(8 + 6)
    page.locator(".opblock-summary-control").nth(2).click()
    expect(page.get_by_text("Idempotency-Key").first).to_be_visible()
    page.locator(".opblock").nth(2).get_by_role("button", name="Try it out").click()
    expect(page.get_by_role("button", name="Execute")).to_be_visible()
    assert objections == []
    assert [url for url in asked if not url.startswith((base_url, "data:"))] == []


def test_it_lists_the_calls_without_javascript(browser: Browser, base_url: str) -> None:
    context = browser.new_context(java_script_enabled=False, base_url=base_url)
    page = context.new_page()
    page.goto("/api/docs")
    expect(page.get_by_text("POST /api/v1/usage/batch")).to_be_visible()
    page.get_by_role("link", name="insufficient_credits").click()
    expect(page.get_by_role("heading", name="Insufficient credits")).to_be_visible()
    context.close()
