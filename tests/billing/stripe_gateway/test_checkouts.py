"""Checkout through the real library: what is requested is what the page charges, and its state is read back."""

from datetime import timedelta
from urllib.parse import unquote_plus

import pytest

from billing import stripe_gateway as gateway
from tests.support.billing.gateway_acts import BACK, DONE, customer, key, order, subscribe
from tests.support.billing.payments import Payments

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_stripe")]


class TestPaying:
    def test_a_new_checkout_waits_for_its_payment(self) -> None:
        buyer = customer()
        asked = order(buyer)
        checkout = gateway.create_checkout(asked, key=key())

        state = gateway.read_checkout(checkout.session_id)

        assert checkout.url.startswith("http")
        assert (state.status, state.payment_status, state.mode) == ("open", "unpaid", "payment")
        assert (state.amount_minor, state.currency, state.customer) == (10_000, "JPY", buyer)
        assert (state.purchase_id, state.payment_id) == (asked.purchase_id, None)
        assert state.expires_at is not None
        assert abs(state.expires_at - asked.expires_at) < timedelta(seconds=2)

    def test_a_paid_one_names_its_payment(self, at_stripe: Payments) -> None:
        asked = order(customer())
        checkout = gateway.create_checkout(asked, key=key())
        at_stripe.pay(checkout.url)

        state = gateway.read_checkout(checkout.session_id)
        payment = gateway.read_payment(state.payment_id or "")

        assert (state.status, state.payment_status, state.url) == ("complete", "paid", "")
        assert (payment.status, payment.received_minor, payment.currency) == ("succeeded", 10_000, "JPY")
        assert (payment.purchase_id, payment.customer) == (asked.purchase_id, asked.customer)
        assert payment.receipt_url.startswith("http")
        assert payment.charge_id is not None
        assert state.invoice_id is not None
        invoice = gateway.read_invoice(state.invoice_id)
        assert (invoice.status, invoice.purchase_id, invoice.subscription_id) == ("paid", asked.purchase_id, None)
        assert invoice.pdf_url

    def test_what_else_is_given_along_comes_with_the_payment(self, at_stripe: Payments) -> None:
        checkout = gateway.create_checkout(order(customer(), metadata={"program": "growi"}), key=key())
        at_stripe.pay(checkout.url)

        session = at_stripe.stripe().v1.checkout.sessions.retrieve(checkout.session_id)
        assert session.metadata is not None
        assert session.metadata["program"] == "growi"

    @pytest.mark.parametrize(
        ("amount", "currency"), [(1_050, "EUR"), (9_900, "KRW"), (100_000_00, "USD"), (100, "ISK"), (1_230, "KWD")]
    )
    def test_amounts_go_in_the_currencys_own_smallest_unit(
        self, at_stripe: Payments, amount: int, currency: str
    ) -> None:
        checkout = gateway.create_checkout(order(customer(), amount_minor=amount, currency=currency), key=key())
        at_stripe.pay(checkout.url)

        payment = gateway.read_payment(gateway.read_checkout(checkout.session_id).payment_id or "")
        assert (payment.received_minor, payment.currency) == (amount, currency)

    @pytest.mark.parametrize(
        ("amount", "currency"), [(1_000, "UGX"), (1_000, "XXQ"), (150, "ISK"), (1_234, "KWD"), (0, "EUR"), (-5, "EUR")]
    )
    def test_what_cannot_be_charged_is_refused_before_anyone_is_asked(
        self, at_stripe: Payments, amount: int, currency: str
    ) -> None:
        buyer = customer()
        before = len(at_stripe.exchanges)

        with pytest.raises(gateway.Refused):
            gateway.create_checkout(order(buyer, amount_minor=amount, currency=currency), key=key())
        assert len(at_stripe.exchanges) == before

    def test_the_same_key_opens_the_same_page(self) -> None:
        asked, same = order(customer()), key()

        assert gateway.create_checkout(asked, key=same) == gateway.create_checkout(asked, key=same)

    def test_stripes_no_is_ours(self) -> None:
        with pytest.raises(gateway.Refused, match="No such customer") as refused:
            gateway.create_checkout(order("cus_nobody"), key=key())
        assert refused.value.code == "resource_missing"


class TestExpiring:
    def test_an_open_one_is_closed(self) -> None:
        checkout = gateway.create_checkout(order(customer()), key=key())

        assert gateway.expire_checkout(checkout.session_id).status == "expired"
        assert gateway.expire_checkout(checkout.session_id).status == "expired"

    def test_a_paid_one_stays_paid(self, at_stripe: Payments) -> None:
        checkout = gateway.create_checkout(order(customer()), key=key())
        at_stripe.pay(checkout.url)

        assert gateway.expire_checkout(checkout.session_id).status == "complete"

    def test_one_that_never_was(self) -> None:
        with pytest.raises(gateway.Refused):
            gateway.expire_checkout("cs_test_nothing")


class TestOtherPages:
    def test_a_card_is_put_on_file(self, at_stripe: Payments) -> None:
        buyer = customer()
        checkout = gateway.create_setup_checkout(
            customer=buyer, currency="JPY", locale="ja", success_url=DONE, cancel_url=BACK, key=key()
        )
        at_stripe.pay(checkout.url, "5555555555554444")

        state = gateway.read_checkout(checkout.session_id)
        (card,) = gateway.list_payment_methods(buyer)

        assert (state.mode, state.status, state.payment_status) == ("setup", "complete", "no_payment_required")
        assert state.setup_id is not None
        assert (card.kind, card.brand, card.last4, card.customer) == ("card", "mastercard", "4444", buyer)
        assert card.exp_month == 12
        assert card.exp_year == 2040

    def test_a_plan_is_subscribed_to(self, at_stripe: Payments) -> None:
        buyer = customer()
        subscription = subscribe(at_stripe, buyer)

        assert (subscription.status, subscription.customer, subscription.organization_id) == ("active", buyer, 7)

    @pytest.mark.parametrize("offers_link", [True, False])
    def test_link_is_offered_only_where_it_should_be(self, at_stripe: Payments, offers_link: bool) -> None:
        gateway.create_checkout(order(customer(), offers_link=offers_link), key=key())

        assert ("wallet_options[link][display]=never" in asked_last(at_stripe)) is not offers_link

    @pytest.mark.parametrize("saves_method", [True, False])
    def test_saving_the_card_is_the_payers_choice(self, at_stripe: Payments, saves_method: bool) -> None:
        gateway.create_checkout(order(customer(), saves_method=saves_method), key=key())

        chosen = "enabled" if saves_method else "disabled"
        assert f"saved_payment_method_options[payment_method_save]={chosen}" in asked_last(at_stripe)


def asked_last(payments: Payments) -> str:
    """The form that was sent last."""
    return unquote_plus(payments.exchanges[-1].request.body)
