"""Auto-recharge in the admin: found, read, paused and let go on with a reason, and nothing else."""

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from billing.models import RechargeAttempt
from organizations.accounts.people import give_totp
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.recharges import Recharging, set_up

RULES = "/admin/billing/autorecharge/"
ATTEMPTS = "/admin/billing/rechargeattempt/"

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(at_stripe: Payments) -> Recharging:
    return set_up(at_stripe)


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(factories.staff())
    return client


def answered(browser: Client, url: str, reason: str = "odd") -> dict[str, str]:
    return {"token": str(browser.get(url).context["form"]["token"].value()), "reason": reason}


def test_rules_are_found_by_organization_and_by_mail(here: Recharging, browser: Client) -> None:
    for words in ("acme", "alice@example.com"):
        assert "€50.00" in browser.get(RULES, {"q": words}).content.decode()
    assert "€50.00" not in browser.get(RULES, {"q": "nobody"}).content.decode()


def test_a_rule_is_paused_and_let_go_on_with_a_reason(here: Recharging, browser: Client) -> None:
    row = f"{RULES}{here.shop.organization.pk}/"
    page = browser.get(f"{row}change/").content.decode()
    assert f"{row}pause/" in page
    assert f"{row}resume/" not in page

    sent = answered(browser, f"{row}pause/")
    for _ in range(2):
        assert browser.post(f"{row}pause/", sent).status_code == 302

    assert here.row.pause_reason == "staff"
    event = AuditEvent.objects.get(action="auto_recharge.paused")
    assert (event.reason, event.actor and event.actor.name) == ("odd", "Stella")
    browser.post(f"{row}resume/", answered(browser, f"{row}resume/", "fine"))
    assert here.row.paused_at is None
    assert AuditEvent.objects.get(action="auto_recharge.resumed").reason == "fine"


def test_without_a_reason_nothing_happens(here: Recharging, browser: Client) -> None:
    url = f"{RULES}{here.shop.organization.pk}/pause/"

    assert browser.post(url, answered(browser, url, "")).status_code == 422
    assert here.row.paused_at is None


def test_who_may_only_view_may_not_pause(here: Recharging) -> None:
    onlooker = User.objects.create_user("olaf@desk.example", is_staff=True)
    give_totp(onlooker, factories.TOTP_SECRET)
    onlooker.user_permissions.add(Permission.objects.get(codename="view_autorecharge"))
    client = Client()
    client.force_login(onlooker)
    row = f"{RULES}{here.shop.organization.pk}/"

    assert f"{row}pause/" not in client.get(f"{row}change/").content.decode()
    assert client.post(f"{row}pause/", {"reason": "odd"}).status_code == 403


def test_attempts_are_found_by_the_orders_reference_and_its_payment(here: Recharging, browser: Client) -> None:
    here.spend(200_000)
    here.sweep()
    attempt = RechargeAttempt.objects.select_related("purchase").get()

    for words in (attempt.purchase.reference, str(attempt.purchase.stripe_payment_intent_id)):
        assert attempt.purchase.reference in browser.get(ATTEMPTS, {"q": words}).content.decode()
    page = browser.get(f"{ATTEMPTS}{attempt.pk}/change/").content.decode()
    assert "€10.00" in page
    assert browser.post(f"{ATTEMPTS}{attempt.pk}/change/", {}).status_code == 403
