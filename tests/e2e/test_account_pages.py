"""The account pages of a person who is signed in are accessible too, from sign-in to security keys."""

import pytest
from allauth.account.models import EmailAddress
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from organizations.models import User

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at"),
]

PASSWORD = "a password for tests"
PAGES = [
    "/accounts/email/",
    "/accounts/password/change/",
    "/accounts/logout/",
    "/accounts/2fa/",
    "/accounts/2fa/totp/activate/",
    "/accounts/2fa/webauthn/",
    "/accounts/2fa/webauthn/add/",
    "/accounts/sessions/",
]


@pytest.fixture
def signed_in_page(page: Page) -> Page:
    """A browser in which Mia signed in a moment ago, so that no page asks her password again."""
    mia = User.objects.create_user("mia@acme.example", PASSWORD, name="Mia")
    EmailAddress.objects.create(user=mia, email=mia.email, verified=True, primary=True)
    page.goto("/accounts/login/")
    page.get_by_label("Email").fill(mia.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("button", name="Sign out").wait_for()
    return page


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("address", PAGES)
def test_an_account_page_is_accessible_and_fits_its_screen(address: str, width: int, signed_in_page: Page) -> None:
    objections: list[str] = []
    signed_in_page.on("console", lambda message: objections.append(message.text) if message.type == "error" else None)
    signed_in_page.set_viewport_size({"width": width, "height": 900})
    signed_in_page.goto(address)
    if "/reauthenticate/" in signed_in_page.url:
        assert Axe().run(signed_in_page).violations_count == 0
        signed_in_page.get_by_label("Password", exact=True).fill(PASSWORD)
        signed_in_page.get_by_role("button", name="Confirm").click()
    assert signed_in_page.url.endswith(address)

    results = Axe().run(signed_in_page)

    assert results.violations_count == 0, results.generate_report()
    assert signed_in_page.evaluate("document.documentElement.scrollWidth") <= width
    assert objections == []
