"""Owners request a refund where the program allows it: once, with a reason, and read the answer."""

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import Purchase, RefundRequest
from billing.purchases.payments import grant_paid
from billing.refunds import requests
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.billing.reversal_stage import order, seller
from tests.support.pages.owner_pages import signed_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def purchase() -> Purchase:
    """Paid, of Acme."""
    waiting = order(seller())
    return grant_paid(waiting, payment_id=f"demo:{waiting.pk}")


@pytest.fixture
def alice(purchase: Purchase) -> User:
    return purchase.organization.memberships.get().user


def url_of(purchase: Purchase) -> str:
    return reverse("refund_request", args=[purchase.organization.slug, purchase.reference])


def ask(browser: Client, purchase: Purchase, message: str = "Bought by mistake.") -> int:
    return browser.post(url_of(purchase), {"message": message}).status_code


def test_it_is_for_owners_alone(purchase: Purchase, alice: User) -> None:
    bob, charlie = factories.person("Bob"), factories.person("Charlie")
    factories.member(purchase.organization, bob)
    factories.organization(charlie, slug="globex")

    assert signed_in(alice).get(url_of(purchase)).status_code == 200
    assert signed_in(bob).post(url_of(purchase), {"message": "?"}).status_code == 403
    assert signed_in(charlie).get(url_of(purchase)).status_code == 404
    assert Client().get(url_of(purchase)).status_code == 302
    assert signed_in(alice).put(url_of(purchase)).status_code == 405
    assert not RefundRequest.objects.exists()


def test_a_purchase_of_others_is_not_found(purchase: Purchase, alice: User) -> None:
    other = factories.organization(factories.person("Dora"), slug="hooli")
    address = reverse("refund_request", args=["acme", order(other).reference])

    assert signed_in(alice).get(address).status_code == 404


def test_it_asks_once_and_leaves_an_audit_event(purchase: Purchase, alice: User) -> None:
    browser = signed_in(alice)

    assert [ask(browser, purchase), ask(browser, purchase)] == [302, 302]

    request = RefundRequest.objects.get()
    assert (request.message, request.requested_by, request.state) == ("Bought by mistake.", alice, "open")
    assert AuditEvent.objects.get(action="refund.requested").target == purchase.reference
    assert "We will answer" in browser.get(url_of(purchase)).content.decode()


@pytest.mark.parametrize("message", ["", "   ", "x" * 2_001, "a\0b"])
def test_a_reason_is_needed(purchase: Purchase, alice: User, message: str) -> None:
    assert ask(signed_in(alice), purchase, message) == 422
    assert not RefundRequest.objects.exists()


def test_a_program_that_never_refunds_offers_no_form(purchase: Purchase, alice: User) -> None:
    purchase.organization.wallet.program.sale_terms.delete()
    browser = signed_in(alice)

    assert "Request refund" not in browser.get(url_of(purchase)).content.decode()
    assert ask(browser, purchase) == 409
    assert not RefundRequest.objects.exists()


def test_neither_does_an_order_that_is_not_paid(purchase: Purchase, alice: User) -> None:
    waiting = order(purchase.organization)
    assert ask(signed_in(alice), waiting) == 409


def test_the_answer_is_read_here_and_one_may_ask_again(purchase: Purchase, alice: User) -> None:
    browser = signed_in(alice)
    ask(browser, purchase)
    requests.decline(RefundRequest.objects.get(), answer="They are <used> up.", actor=factories.staff())

    page = browser.get(url_of(purchase)).content.decode()

    assert "They are &lt;used&gt; up." in page
    assert "Request refund" in page


def test_the_page_needs_few_queries(
    purchase: Purchase, alice: User, django_assert_max_num_queries: pytest.FixtureRequest
) -> None:
    browser = signed_in(alice)
    browser.get(url_of(purchase))
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        browser.get(url_of(purchase))
