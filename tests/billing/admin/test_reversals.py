"""Staff refund in the admin: they see what it would do before they do it, say why, and do it once."""

import re
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.urls import reverse

from billing import stripe_gateway as gateway
from billing.models import Method, Refund, RefundPolicy, RefundRequest, RefundState
from billing.purchases.payments import grant_paid
from billing.refunds import requests, settlement
from organizations.accounts.people import give_totp
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.reversal_stage import Bought, assert_clean, buy, order, seller
from tests.support.factories import TOTP_SECRET

pytestmark = pytest.mark.django_db


@pytest.fixture
def bought(at_stripe: Payments) -> Bought:
    """100 credits for ¥2,000, 30 of them spent."""
    bought = buy(at_stripe, seller())
    bought.spend(30)
    return bought


@pytest.fixture
def browser(bought: Bought) -> Client:
    client = Client()
    client.force_login(bought.staff)
    return client


def page_of(bought: Bought) -> str:
    return reverse("admin:billing_refund_of", args=[bought.purchase.reference])


def asked(**fields: str) -> dict[str, str]:
    return {"amount": "1400", "mode": "unspent", "reason": "Asked by mail.", "token": str(uuid4()), **fields}


def confirm(browser: Client, url: str, form: dict[str, str]) -> str:
    """Press both buttons; what the first page said it would do."""
    page = browser.post(url, form).content.decode()
    word = re.search(r'name="shown" value="([^"]+)"', page)
    assert word is not None, page
    assert browser.post(url, {**form, "shown": word[1]}).status_code == 302
    return page


def test_it_shows_the_position_of_the_purchase(browser: Client, bought: Bought) -> None:
    page = browser.get(page_of(bought)).content.decode()

    for line in ["¥2,000", "¥1,400", "100 credits", "70 credits", "30 credits"]:
        assert line in page
    assert 'value="1400"' in page


def test_it_shows_what_a_refund_would_do_before_it_does_it(browser: Client, bought: Bought) -> None:
    page = browser.post(page_of(bought), asked(amount="2000", mode="all")).content.decode()

    assert "\N{MINUS SIGN}30 credits" in page
    assert "Refund as shown" in page
    assert not Refund.objects.exists()
    assert bought.stand() == (70, 70, 0)


def test_then_it_does_it_once_however_often_it_is_confirmed(browser: Client, bought: Bought) -> None:
    form = asked(amount="2000", mode="all")
    confirm(browser, page_of(bought), form)
    again = browser.post(page_of(bought), form)

    refund = Refund.objects.get()
    assert again["Location"] == reverse("admin:billing_refund_change", args=[refund.pk])
    assert (refund.state, refund.refunded_by, refund.reason) == (
        RefundState.SUCCEEDED,
        bought.staff,
        "Asked by mail.",
    )
    assert bought.stand() == (0, -30, 30)
    assert gateway.read_payment(bought.payment_id).refunded_minor == 2_000
    assert_clean(bought.wallet)


def test_what_has_changed_meanwhile_is_shown_again(browser: Client, bought: Bought) -> None:
    form = asked(amount="2000", mode="all")
    page = browser.post(page_of(bought), form).content.decode()
    word = re.search(r'name="shown" value="([^"]+)"', page)
    assert word is not None
    bought.spend(10)

    page = browser.post(page_of(bought), {**form, "shown": word[1]}).content.decode()

    assert "\N{MINUS SIGN}40 credits" in page
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"reason": ""}, "This field is required."),
        ({"amount": "1401"}, "worth ¥1,400"),
        ({"amount": "2001", "mode": "all"}, "At most ¥2,000"),
        ({"amount": "0.5"}, "above zero"),
        ({"amount": "-1"}, "above zero"),
        ({"amount": "much"}, "Enter a number."),
        ({"mode": "some"}, "Select a valid choice."),
    ],
)
def test_bad_input_gets_a_sentence(browser: Client, bought: Bought, wrong: dict[str, str], sentence: str) -> None:
    answer = browser.post(page_of(bought), asked(**wrong))

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not Refund.objects.exists()


def test_a_program_that_never_refunds_says_so(at_stripe: Payments) -> None:
    bought = buy(at_stripe, seller(policy=RefundPolicy.NEVER))
    browser = Client()
    browser.force_login(bought.staff)

    assert "t refund purchases" in browser.get(page_of(bought)).content.decode()
    assert browser.post(page_of(bought), asked()).status_code == 422


def test_staff_without_the_right_are_refused(bought: Bought) -> None:
    helper = factories.staff("Henry")
    helper.is_superuser = False
    helper.save()
    helper.user_permissions.set(Permission.objects.filter(codename__startswith="view_"))
    give_totp(helper, TOTP_SECRET)
    browser = Client()
    browser.force_login(helper)

    assert browser.get(page_of(bought)).status_code == 403
    assert browser.post(page_of(bought), asked()).status_code == 403


def test_an_owner_does_not_get_in(bought: Bought) -> None:
    browser = Client()
    browser.force_login(bought.purchase.organization.memberships.get().user)
    assert browser.get(page_of(bought)).status_code != 200


def test_a_bank_transfer_is_paid_back_by_hand(at_stripe: Payments) -> None:
    purchase = order(seller(), method=Method.BANK_TRANSFER)
    bought = Bought(at_stripe, grant_paid(purchase, payment_id=f"deposit:{purchase.pk}"), factories.staff())
    browser = Client()
    browser.force_login(bought.staff)
    page = confirm(browser, page_of(bought), asked(amount="1000"))
    assert "back by hand" in page
    refund = Refund.objects.get()
    assert "Paid back" in browser.get(reverse("admin:billing_refund_change", args=[refund.pk])).content.decode()
    url = reverse("admin:billing_refund_paid_back", args=[refund.pk])

    assert browser.post(url, {"reason": "", "token": str(uuid4())}).status_code == 422
    for _ in range(2):
        browser.post(url, {"reason": "Sent today.", "token": str(uuid4())})

    refund.refresh_from_db()
    assert refund.state == RefundState.SUCCEEDED
    assert AuditEvent.objects.get(action="refund.succeeded").reason == "Sent today."


def test_a_purchase_is_found_by_its_reference(browser: Client, bought: Bought) -> None:
    assert "/admin/billing/refund/of/" in browser.get("/admin/billing/refund/").content.decode()
    reference = bought.purchase.reference

    assert browser.get("/admin/billing/refund/of/").status_code == 200
    found = browser.get("/admin/billing/refund/of/", {"reference": f" {reference.lower()}"})
    lost = browser.get("/admin/billing/refund/of/", {"reference": "DD-0000-XXXX"})

    assert found["Location"] == page_of(bought)
    assert lost.status_code == 422
    assert "no purchase with this reference" in lost.content.decode()


def test_disputes_can_be_found_and_read(browser: Client, bought: Bought) -> None:
    bought.payments.control("open_dispute", charge=bought.charge_id)
    settlement.settle(bought.payment_id)

    page = browser.get("/admin/billing/dispute/", {"q": bought.purchase.reference}).content.decode()

    assert "needs_response" in page
    assert browser.get("/admin/billing/dispute/", {"status__exact": "won"}).status_code == 200


class TestRequests:
    @pytest.fixture
    def request_(self, bought: Bought) -> RefundRequest:
        owner = bought.purchase.organization.memberships.get().user
        return requests.request(bought.purchase, message="Bought by mistake.", actor=owner)

    def test_one_is_declined_with_an_answer_that_is_mailed(
        self,
        browser: Client,
        request_: RefundRequest,
        django_capture_on_commit_callbacks: pytest.FixtureRequest,
    ) -> None:
        organization = request_.purchase.organization
        organization.language = "ja"
        organization.save()
        url = reverse("admin:billing_refundrequest_decline", args=[request_.pk])
        assert browser.post(url, {"reason": "", "token": str(uuid4())}).status_code == 422

        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            for _ in range(2):
                browser.post(url, {"reason": "They are used up.", "token": str(uuid4())})

        request_.refresh_from_db()
        assert (request_.state, request_.answer) == ("declined", "They are used up.")
        (sent,) = mail.outbox
        assert sent.to == [request_.requested_by.email]
        assert "They are used up." in sent.body
        assert f"/purchases/{request_.purchase.reference}/refund/" in sent.body
        assert AuditEvent.objects.filter(action="refund_request.declined").count() == 1

    def test_one_stays_open_while_nobody_knows_whether_the_money_went(
        self, browser: Client, bought: Bought, request_: RefundRequest
    ) -> None:
        bought.payments.control("switch", replies={"drop": 3})

        confirm(browser, page_of(bought), asked())

        request_.refresh_from_db()
        assert (request_.state, Refund.objects.get().state) == ("open", RefundState.UNKNOWN)

    def test_one_is_granted_by_the_refund(self, browser: Client, bought: Bought, request_: RefundRequest) -> None:
        row = browser.get(reverse("admin:billing_refundrequest_change", args=[request_.pk])).content.decode()
        assert page_of(bought) in row
        assert "Bought by mistake." in browser.get(page_of(bought)).content.decode()

        confirm(browser, page_of(bought), asked())

        request_.refresh_from_db()
        assert (request_.state, request_.answer) == ("granted", "¥1,400 is being refunded.")
