"""Payments through the real library: charging a saved card, finding what was taken, methods on file."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from billing import stripe_gateway as gateway
from tests.support.billing.gateway_acts import BACK, charge, customer, key, order, save_card
from tests.support.billing.payments import Payments

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_stripe")]

INSUFFICIENT_LATER = "4000000000000341"
ALWAYS_ASKS = "4000002760003184"
ASKS_UNLESS_SET_UP = "4000002500003155"


class TestChargingOffSession:
    def test_a_good_card_is_charged(self, at_stripe: Payments) -> None:
        buyer, purchase = customer(), uuid4()
        card = save_card(at_stripe, buyer)

        payment = charge(buyer, card, purchase_id=purchase)

        assert (payment.status, payment.received_minor, payment.refunded_minor) == ("succeeded", 2_000, 0)
        assert (payment.purchase_id, payment.payment_method, payment.is_disputed) == (purchase, card, False)
        assert (payment.failure_code, payment.failure_message) == ("", "")
        assert gateway.read_payment(payment.id) == payment

    def test_a_card_that_was_set_up_needs_nobody(self, at_stripe: Payments) -> None:
        buyer = customer()

        assert charge(buyer, save_card(at_stripe, buyer, ASKS_UNLESS_SET_UP)).status == "succeeded"

    def test_a_decline_names_the_payment_that_exists_all_the_same(self, at_stripe: Payments) -> None:
        buyer = customer()
        card = save_card(at_stripe, buyer, INSUFFICIENT_LATER)

        with pytest.raises(gateway.Declined) as declined:
            charge(buyer, card)

        assert not isinstance(declined.value, gateway.AuthenticationRequired)
        assert declined.value.code == "card_declined"
        assert declined.value.decline_code
        assert declined.value.message
        failed = gateway.read_payment(declined.value.payment_id or "")
        assert (failed.status, failed.received_minor) == ("requires_payment_method", 0)
        assert failed.failure_code == declined.value.decline_code
        assert failed.failure_message == declined.value.message

    def test_a_bank_that_wants_to_see_the_customer(self, at_stripe: Payments) -> None:
        buyer = customer()
        card = save_card(at_stripe, buyer, ALWAYS_ASKS)

        with pytest.raises(gateway.AuthenticationRequired) as asked:
            charge(buyer, card)

        assert gateway.read_payment(asked.value.payment_id or "").status == "requires_payment_method"

    def test_the_same_key_charges_once(self, at_stripe: Payments) -> None:
        buyer, same, purchase = customer(), key(), uuid4()
        card = save_card(at_stripe, buyer)

        first = charge(buyer, card, purchase_id=purchase, key=same)

        assert charge(buyer, card, purchase_id=purchase, key=same).id == first.id
        assert len(gateway.find_payments_of(purchase)) == 1

    def test_a_declined_key_stays_declined(self, at_stripe: Payments) -> None:
        buyer, same, purchase = customer(), key(), uuid4()
        card = save_card(at_stripe, buyer, INSUFFICIENT_LATER)
        for _ in range(2):
            with pytest.raises(gateway.Declined):
                charge(buyer, card, purchase_id=purchase, key=same)

        assert len(gateway.find_payments_of(purchase)) == 1

    def test_a_card_that_nobody_has_is_no_decline(self) -> None:
        with pytest.raises(gateway.Refused) as refused:
            charge(customer(), "pm_nothing")
        assert not isinstance(refused.value, gateway.Declined)
        assert refused.value.code == "resource_missing"


class TestAnswersThatGetLost:
    def test_what_was_taken_is_found_with_the_same_key(self, at_stripe: Payments) -> None:
        buyer, same, purchase = customer(), key(), uuid4()
        card = save_card(at_stripe, buyer)
        at_stripe.control("switch", replies={"drop": 3})
        with pytest.raises(gateway.OutcomeUnknown):
            charge(buyer, card, purchase_id=purchase, key=same)

        payment = charge(buyer, card, purchase_id=purchase, key=same)

        assert payment.status == "succeeded"
        assert gateway.find_payments_of(purchase) == [payment]

    def test_one_lost_answer_is_asked_for_again_unseen(self, at_stripe: Payments) -> None:
        buyer, purchase = customer(), uuid4()
        card = save_card(at_stripe, buyer)
        at_stripe.control("switch", replies={"drop": 1})

        assert charge(buyer, card, purchase_id=purchase).status == "succeeded"
        assert len(gateway.find_payments_of(purchase)) == 1


class TestFinding:
    def test_payments_since_an_instant(self, at_stripe: Payments) -> None:
        buyer = customer()
        card = save_card(at_stripe, buyer)
        made = [charge(buyer, card).id for _ in range(3)]
        now = datetime.now(UTC)

        assert {payment.id for payment in gateway.find_payments(since=now - timedelta(hours=1))} == set(made)
        assert list(gateway.find_payments(since=now + timedelta(hours=1))) == []

    def test_more_than_a_page_of_them(self, at_stripe: Payments) -> None:
        buyer = customer()
        card = save_card(at_stripe, buyer)
        for _ in range(102):
            charge(buyer, card)

        found = [payment.id for payment in gateway.find_payments(since=datetime.now(UTC) - timedelta(hours=1))]

        assert len(found) == len(set(found)) == 102

    def test_an_orders_payments_are_its_own(self, at_stripe: Payments) -> None:
        asked = order(customer())
        checkout = gateway.create_checkout(asked, key=key())
        at_stripe.pay(checkout.url)

        assert [payment.purchase_id for payment in gateway.find_payments_of(asked.purchase_id)] == [asked.purchase_id]
        assert gateway.find_payments_of(uuid4()) == []


class TestOnFile:
    def test_a_customer_is_made_once_for_a_key(self) -> None:
        same = key()

        assert customer(key=same) == customer(key=same)
        assert customer() != customer()

    def test_nobody_has_a_mail_address_by_force(self) -> None:
        assert customer(email="")

    def test_the_default_is_what_was_set(self, at_stripe: Payments) -> None:
        buyer = customer()
        assert gateway.default_payment_method(buyer) is None
        card = save_card(at_stripe, buyer)

        gateway.set_default_payment_method(customer=buyer, payment_method=card, key=key())

        assert gateway.default_payment_method(buyer) == card

    def test_a_detached_card_is_gone(self, at_stripe: Payments) -> None:
        buyer = customer()
        gateway.detach_payment_method(payment_method=save_card(at_stripe, buyer), key=key())

        assert gateway.list_payment_methods(buyer) == []

    def test_the_portal_has_an_address(self) -> None:
        assert gateway.create_portal(customer=customer(), return_url=BACK, locale="ja", key=key()).startswith("http")
