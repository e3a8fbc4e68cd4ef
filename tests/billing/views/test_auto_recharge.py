"""The owners' pages of auto-recharge: what they show, what they refuse, and that nothing happens twice."""

from html import unescape
from typing import Any

import pytest
from django.test import Client

from billing.models import AutoRecharge, Purchase, SaleTerms
from credits.models import Program
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.recharges import ASKING_CARD, DECLINING_CARD, HOUR, LOT_MINOR, MINUTE, Recharging, set_up
from tests.support.pages.owner_pages import assert_for_owners_alone, signed_in

URL = "/o/acme/auto-recharge/"
REVIEW = f"{URL}review/"
RULE = {"pack": "standard", "threshold": "500000", "monthly_limit": "50"}

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(at_stripe: Payments) -> Recharging:
    """A card on file and no rule yet."""
    found = set_up(at_stripe)
    AutoRecharge.objects.all().delete()
    return found


@pytest.fixture
def alice(here: Recharging) -> Client:
    return signed_in(here.shop.owner)


def text_of(response: Any) -> str:
    return " ".join(unescape(response.content.decode()).split())


def agree(alice: Client, **changed: str) -> Any:
    """Read what would be agreed to, then agree to it."""
    shown = alice.get(REVIEW, RULE).context["shown"]
    return alice.post(REVIEW, {**RULE, "shown": shown, **changed})


class TestWhoMayComeIn:
    @pytest.mark.parametrize("url", [URL, REVIEW])
    def test_owners_alone(self, here: Recharging, url: str) -> None:
        if url == URL:
            assert_for_owners_alone(url, organization=here.shop.organization, owner=here.shop.owner)
            return
        bob = factories.person("Bob")
        factories.member(here.shop.organization, bob)
        assert signed_in(bob).post(url, RULE).status_code == 403
        assert signed_in(factories.person("Charlie")).post(url, RULE).status_code == 404
        assert Client().post(url, RULE).status_code == 302

    @pytest.mark.parametrize("act", ["off/", "restart/", "018f0000-0000-7000-8000-000000000000/pay/"])
    def test_acts_are_posted_by_owners(self, here: Recharging, alice: Client, act: str) -> None:
        bob = factories.person("Bob")
        factories.member(here.shop.organization, bob)

        assert alice.get(URL + act).status_code == 405
        assert signed_in(bob).post(URL + act).status_code == 403

    def test_an_attempt_of_others_can_not_be_paid(self, alice: Client) -> None:
        assert alice.post(f"{URL}018f0000-0000-7000-8000-000000000000/pay/").status_code == 404


class TestTurningItOn:
    def test_the_form_begins_with_what_the_program_proposes(self, alice: Client) -> None:
        page = alice.get(URL).content.decode()

        assert 'value="500000"' in page
        assert 'value="50.00"' in page
        assert "Standard · €10.00" in page

    def test_the_next_page_says_what_it_would_have_done_and_what_is_agreed_to(
        self, here: Recharging, alice: Client
    ) -> None:
        here.spend(200_000)

        page = text_of(alice.get(REVIEW, RULE))

        assert "With these settings, auto-recharge would have bought once, for €10.00." in page
        assert "When your balance falls below 500,000 tokens" in page
        assert "at most €50.00" in page
        assert "2,500,000 tokens, €10.00" in page
        assert "Europe/Berlin" in page
        assert AutoRecharge.objects.count() == 0

    def test_agreeing_keeps_the_text_with_who_and_when(self, here: Recharging, alice: Client) -> None:
        answer = agree(alice)

        assert (answer.status_code, answer["Location"]) == (302, URL)
        row = here.row
        assert (row.is_on, row.threshold, row.monthly_limit_minor, row.lot_minor) == (True, 500_000, 5_000, LOT_MINOR)
        assert row.consented_by == here.shop.owner
        assert "at most €50.00" in row.consent_text
        event = AuditEvent.objects.filter(action="auto_recharge.turned_on").latest("created_at")
        assert event.details["consent"] == row.consent_text
        assert event.actor == here.shop.owner

    def test_a_double_click_agrees_once(self, here: Recharging, alice: Client) -> None:
        before = AuditEvent.objects.filter(action="auto_recharge.turned_on").count()
        agree(alice)
        agree(alice)

        assert AuditEvent.objects.filter(action="auto_recharge.turned_on").count() == before + 1

    @pytest.mark.parametrize("changed", [{"threshold": "600000"}, {"monthly_limit": "60"}, {"pack": "plus"}])
    def test_other_figures_than_those_shown_are_not_agreed_to(
        self, here: Recharging, alice: Client, changed: dict[str, str]
    ) -> None:
        answer = agree(alice, **changed)

        assert answer.status_code == 409
        assert "The terms have changed since you opened this page." in text_of(answer)
        assert AutoRecharge.objects.count() == 0

    @pytest.mark.parametrize(
        ("wrong", "sentence"),
        [
            ({"monthly_limit": "9.99"}, "one recharge is 1 × Standard for €10.00"),
            ({"threshold": "20000000"}, "one recharge is 8 × Standard for €80.00"),
            ({"threshold": "0"}, "greater than or equal to 1"),
            ({"threshold": "1.5"}, "whole credits"),
            ({"threshold": "-5"}, "greater than or equal to 1"),
            ({"threshold": "NaN"}, "Enter a number."),
            ({"threshold": ""}, "This field is required."),
            ({"monthly_limit": "50.001"}, "Enter at most 2 decimals."),
            ({"monthly_limit": "1e30"}, "less than or equal to"),
            ({"pack": "nothing"}, "Select a valid choice."),
            ({"threshold": "999999999999"}, "A single payment would be too large."),
        ],
    )
    def test_a_rule_that_can_not_be_kept_is_refused_with_its_sentence(
        self, alice: Client, wrong: dict[str, str], sentence: str
    ) -> None:
        for answer in (alice.get(REVIEW, {**RULE, **wrong}), alice.post(REVIEW, {**RULE, **wrong, "shown": "x"})):
            assert answer.status_code == 422
            assert sentence in text_of(answer)
        assert AutoRecharge.objects.count() == 0

    def test_a_rule_that_would_pass_the_holding_limit_is_refused(self, alice: Client) -> None:
        Program.objects.update(holding_limit=2_600_000)

        answer = alice.get(REVIEW, RULE)

        assert answer.status_code == 422
        assert "Your organization can hold up to 2,600,000 tokens." in text_of(answer)

    def test_without_a_payment_method_there_is_nothing_to_agree_to(self, here: Recharging, alice: Client) -> None:
        here.shop.organization.payment_methods.update(detached_at=here.now, is_default=False)

        page = text_of(alice.get(REVIEW, RULE))
        answer = agree(alice)

        assert "Add a payment method" in page
        assert answer.status_code == 409
        assert "Add a payment method first." in text_of(answer)

    def test_where_the_program_offers_none_the_page_says_so(self, alice: Client) -> None:
        SaleTerms.objects.update(recharge_pack=None, recharge_threshold=None)

        assert "Auto-recharge is not available for your organization" in text_of(alice.get(URL))
        assert alice.post(REVIEW, RULE).status_code == 409

    def test_an_organization_without_credits_yet_sees_the_same(self, here: Recharging) -> None:
        dora = factories.person("Dora")
        factories.organization(dora, slug="empty")

        assert signed_in(dora).get("/o/empty/auto-recharge/").status_code == 200


class TestHowItStands:
    def test_what_was_spent_of_the_limit_and_the_last_attempts(self, here: Recharging, alice: Client) -> None:
        here.agree()
        here.spend(200_000)
        here.sweep()

        page = text_of(alice.get(URL))

        assert "€10.00 of €50.00" in page
        assert Purchase.objects.get().reference in page
        assert "paid" in page

    def test_why_nothing_would_be_bought(self, here: Recharging, alice: Client) -> None:
        here.agree()
        here.shop.organization.payment_methods.update(detached_at=here.now, is_default=False)

        assert "You have no saved payment method." in text_of(alice.get(URL))

    def test_a_handful_of_queries(self, here: Recharging, alice: Client, django_assert_max_num_queries: Any) -> None:
        here.agree()
        for _ in range(3):
            here.now += MINUTE
            here.spend(here.available() - 1)
            here.sweep()

        with django_assert_max_num_queries(35):
            alice.get(URL)

    def test_turning_it_off_twice_is_recorded_once(self, here: Recharging, alice: Client) -> None:
        here.agree()

        assert alice.post(f"{URL}off/")["Location"] == URL
        alice.post(f"{URL}off/")

        assert not here.row.is_on
        assert AuditEvent.objects.filter(action="auto_recharge.turned_off").count() == 1

    def test_after_failures_it_says_why_and_is_started_again(self, here: Recharging, alice: Client) -> None:
        here.put_card_on_file(DECLINING_CARD)
        here.agree()
        here.spend(200_000)
        for _ in range(3):
            here.sweep(HOUR)
        page = text_of(alice.get(URL))
        assert "three payments failed" in page
        assert "Your card was declined." in page

        alice.post(f"{URL}restart/")

        assert here.row.paused_at is None
        assert "It has stopped" not in text_of(alice.get(URL))

    def test_what_support_paused_an_owner_can_not_start(self, here: Recharging, alice: Client) -> None:
        from billing.recharge import consent

        here.agree()
        consent.pause(organization=here.shop.organization, actor=factories.staff(), reason="odd")

        assert "Resume" not in text_of(alice.get(URL))
        answer = alice.post(f"{URL}restart/")
        assert answer.status_code == 409
        assert "Auto-recharge was paused by support." in text_of(answer)


class TestPayingInPerson:
    @pytest.fixture
    def asked(self, here: Recharging) -> Recharging:
        """The bank wanted to see the owner."""
        here.put_card_on_file(ASKING_CARD)
        here.agree()
        here.spend(200_000)
        here.sweep()
        return here

    def test_the_owner_pays_on_stripes_page_and_the_credits_come(self, asked: Recharging, alice: Client) -> None:
        (attempt,) = asked.attempts()
        assert "the bank needs confirmation" in text_of(alice.get(URL))

        first, second = (alice.post(f"{URL}{attempt.pk}/pay/") for _ in range(2))

        assert first.status_code == 302
        assert first["Location"] == second["Location"]
        asked.payments.pay(first["Location"])
        order = Purchase.objects.get(method="card")
        alice.get(f"/o/acme/purchases/{order.reference}/return/")
        order.refresh_from_db()
        assert (order.state, order.credits, order.bought_by) == ("paid", attempt.purchase.credits, asked.shop.owner)
        assert alice.post(f"{URL}{attempt.pk}/pay/").status_code == 409
        assert "Confirm and pay" not in text_of(alice.get(URL))

    def test_what_is_paid_or_under_way_can_not_be_paid_again(self, here: Recharging, alice: Client) -> None:
        here.agree()
        here.spend(200_000)
        here.sweep()

        answer = alice.post(f"{URL}{here.attempts()[0].pk}/pay/")

        assert answer.status_code == 409
        assert "This payment is no longer open." in text_of(answer)

    def test_stripe_does_not_answer(self, asked: Recharging, alice: Client) -> None:
        asked.payments.control("switch", replies={"drop": 9})

        answer = alice.post(f"{URL}{asked.attempts()[0].pk}/pay/")

        assert answer.status_code == 503
