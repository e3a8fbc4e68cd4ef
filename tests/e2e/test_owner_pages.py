"""The dashboard, the change history and the usage pages in a real browser: accessible, fitting, without objections."""

from datetime import timedelta

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.utils import timezone
from playwright.sync_api import Page

from credits.ledger.thresholds.events import DEPLETED
from credits.models import Source
from organizations.models import User
from tests.support import factories, occasions
from tests.support.credits.wallet_driver import WalletDriver
from tests.support.pages.owner_pages import signed_in
from tests.support.usage.usage_stage import Stage, set_up
from usage.limits.setting import set_limit
from usage.metering.meter import meter
from usage.models import Service
from webhooks.endpoints import create_endpoint

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings("ignore:No directory at"),
]

PAGES = [
    "",
    "history/",
    "history/?kind=usage",
    "history/?since=nonsense",
    "usage/",
    "usage/?range=last_30_days",
    "usage/?range=last_90_days&feature=report&compare=no",
    "usage/?range=for-ever",
    "my-usage/",
    "notices/",
    "notices/settings/",
    "limits/",
    "limits/add/",
    "services/",
    "webhooks/",
]
MEMBERS_PAGES = ["my-usage/", "notices/"]


@pytest.fixture
def stage(page: Page, base_url: str) -> Stage:
    """Twenty days of use, limits, a notice, an endpoint, with long names; Alice is signed in; AI is off once."""
    stage = set_up(credits=0)
    now = timezone.now()
    driver = WalletDriver(stage.wallet, now - timedelta(days=20))
    driver.grant(10_000, source=Source.CARD, cost_minor=1_000, cost_currency="JPY")
    driver.grant(700, source=Source.PLAN, days=4)
    driver.grant(500, days=30)
    for days in range(18, 0, -1):
        use = stage.use(f"u{days}", resource={"project": "P" * 90}, via="a product server", service=f"service-{days}")
        meter([use], now=now - timedelta(days=days))
    Service.objects.filter(key="service-3").update(is_ai_on=False, switched_at=now)
    team = factories.team(stage.organization, "T" * 90)
    set_limit(organization=stage.organization, credits=5_000, actor=stage.owner, team=team)
    set_limit(organization=stage.organization, credits=500, actor=stage.owner, user=stage.owner)
    occasions.give(stage.organization, DEPLETED)
    address = f"https://hooks.acme.example/{'p' * 150}"
    create_endpoint(organization=stage.organization, url=address, actor=stage.owner, now=now)
    sign_in(page, stage.owner, base_url)
    return stage


def sign_in(page: Page, person: User, base_url: str) -> None:
    session = signed_in(person).cookies["session"].value
    page.context.add_cookies([{"name": "session", "value": session, "url": base_url}])


def objections(page: Page) -> list[str]:
    found: list[str] = []
    page.on("console", lambda message: found.append(message.text) if "Content Security" in message.text else None)
    return found


@pytest.mark.parametrize("width", [390, 1280])
def test_each_page_is_accessible_and_fits_its_screen(stage: Stage, page: Page, base_url: str, width: int) -> None:
    refused = objections(page)
    page.set_viewport_size({"width": width, "height": 900})
    for address in PAGES:
        look_at(page, address, width)
    bob = factories.person("Bob")
    factories.member(stage.organization, bob)
    sign_in(page, bob, base_url)
    for address in MEMBERS_PAGES:
        look_at(page, address, width)
    assert refused == []


def look_at(page: Page, address: str, width: int) -> None:
    """Fail where a page is refused, not accessible, or wider than its screen."""
    answer = page.goto(f"/o/acme/{address}")
    assert answer is not None
    assert answer.status in {200, 422}
    results = Axe().run(page)
    assert results.violations_count == 0, results.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width, address


def test_an_operation_opens_from_the_list(stage: Stage, page: Page) -> None:
    page.goto("/o/acme/history/?kind=usage")
    page.get_by_role("link", name="Usage", exact=True).nth(1).click()

    assert page.get_by_role("heading", level=1).inner_text() == "Usage"
    assert page.get_by_role("cell", name="−50").is_visible()
    assert Axe().run(page).violations_count == 0


def test_alice_switches_a_service_on_again(stage: Stage, page: Page) -> None:
    page.goto("/o/acme/")
    page.get_by_role("button", name="service-3").click()

    assert page.get_by_text("AI turned on in service-3.").is_visible()
    assert page.get_by_role("heading", name="AI is turned off").count() == 0


def test_a_person_opens_to_features_by_hover_and_by_key(stage: Stage, page: Page) -> None:
    page.goto("/o/acme/usage/?range=last_30_days")
    features = page.locator(".opens li", has_text="Report")
    assert not features.is_visible()
    page.locator(".opens summary").hover()
    assert features.is_visible()
    page.mouse.move(0, 0)
    assert not features.is_visible()

    page.locator(".opens summary").focus()
    page.keyboard.press("Enter")
    assert features.is_visible()
    assert Axe().run(page).violations_count == 0
    page.get_by_role("link", name="Show only this user").click()
    assert page.get_by_text("· User: Alice").is_visible()


def test_the_picture_has_a_name_and_its_figures_open_by_keyboard(stage: Stage, page: Page) -> None:
    page.goto("/o/acme/")
    assert page.get_by_role("img", name="Balance over time").is_visible()
    summary = page.get_by_text("View as table")
    summary.focus()
    page.keyboard.press("Enter")

    assert page.get_by_role("rowheader").first.is_visible()
