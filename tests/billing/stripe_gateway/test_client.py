"""How the gateway calls Stripe: one version, stable keys, time limits, no telemetry, few kinds of errors, no locks."""

import socket
from pathlib import Path
from typing import Any

import pytest
import stripe
from django.db import transaction

from billing import stripe_gateway as gateway
from billing.stripe_gateway import checkouts, client, customers, payments, reversals, subscriptions
from config.celery import app
from tests.support.billing.gateway_acts import customer, key, order
from tests.support.billing.payments import Payments

pytestmark = pytest.mark.django_db


def read_one() -> Any:
    return gateway.read_checkout("cs_test_1")


class TestWhatIsSaid:
    def test_the_pinned_version_is_the_librarys_own(self, at_stripe: Payments) -> None:
        customer()

        assert stripe.api_version == client.API_VERSION
        assert at_stripe.exchanges[-1].request.headers["stripe-version"] == client.API_VERSION

    def test_nothing_is_sent_about_this_installation(
        self, at_stripe: Payments, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)

        customer()
        customer()

        assert not any("telemetry" in name for each in at_stripe.exchanges for name in each.request.headers)
        assert list(tmp_path.rglob("*")) == []

    def test_every_attempt_carries_the_same_key(self, at_stripe: Payments) -> None:
        at_stripe.control("switch", replies={"refuse": {"status": 500, "count": client.RETRIES}})

        customer(key="ours")

        keys = [exchange.request.headers["idempotency-key"] for exchange in at_stripe.exchanges]
        assert keys == ["ours"] * 2

    @pytest.mark.parametrize("bad", ["", "k" * 256])
    def test_a_write_without_a_key_is_a_mistake_of_ours(self, at_stripe: Payments, bad: str) -> None:
        with pytest.raises(ValueError, match="idempotency key"):
            customer(key=bad)
        assert at_stripe.exchanges == []


class TestWhatGoesWrong:
    @pytest.mark.parametrize("status", [409, 429, 500, 502, 503])
    def test_an_answer_that_says_nothing(self, at_stripe: Payments, status: int) -> None:
        at_stripe.control("switch", replies={"refuse": {"status": status, "count": 9}})

        with pytest.raises(gateway.OutcomeUnknown):
            customer()
        with pytest.raises(gateway.Unavailable):
            read_one()
        with pytest.raises(gateway.Unavailable):
            list(gateway.list_payment_methods("cus_1"))

    def test_no_answer_in_time(self, at_stripe: Payments, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "READ_SECONDS", 0.05)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            settings.PAYMENTS_SANDBOX_URL = f"http://127.0.0.1:{silent.getsockname()[1]}"

            with pytest.raises(gateway.OutcomeUnknown):
                customer()
            with pytest.raises(gateway.Unavailable):
                read_one()

    def test_all_attempts_together_end_before_a_background_job_must(self) -> None:
        longest = (1 + client.RETRIES) * (client.CONNECT_SECONDS + client.READ_SECONDS) + 2

        assert longest < app.conf.task_soft_time_limit

    def test_nobody_there(self, at_stripe: Payments, settings: Any) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            settings.PAYMENTS_SANDBOX_URL = f"http://127.0.0.1:{taken.getsockname()[1]}"

            with pytest.raises(gateway.OutcomeUnknown):
                customer()
            with pytest.raises(gateway.Unavailable):
                read_one()

    def test_a_key_used_before_for_something_else_leaves_the_first_fate_open(self, at_stripe: Payments) -> None:
        same = key()
        customer(key=same)

        with pytest.raises(gateway.OutcomeUnknown):
            customer(key=same, name="Another")

    def test_what_is_not_there(self, at_stripe: Payments) -> None:
        with pytest.raises(gateway.Refused) as refused:
            gateway.read_payment("pi_nothing")
        assert refused.value.code == "resource_missing"
        assert refused.value.message.startswith("No such payment_intent")

    def test_a_key_that_stripe_does_not_take(self, at_stripe: Payments, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = "sk_live_no"

        for call in (customer, read_one):
            with pytest.raises(gateway.Refused):
                call()

    def test_without_a_key_nobody_is_asked(self, at_stripe: Payments, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = ""

        assert not gateway.is_set_up()
        for call in (customer, read_one):
            with pytest.raises(gateway.NotSetUp):
                call()
        assert at_stripe.exchanges == []

    def test_no_error_contains_the_key(self, at_stripe: Payments, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = "sk_live_s3cret"

        with pytest.raises(gateway.Refused) as refused:
            customer()
        assert "s3cret" not in f"{refused.value} {refused.value.message}"

    @pytest.mark.parametrize(
        ("code", "decline_code"),
        [("authentication_required", ""), ("card_declined", "authentication_required")],
    )
    def test_a_soft_decline_is_recognized_by_either_code(self, code: str, decline_code: str) -> None:
        body = {"error": {"code": code, "decline_code": decline_code, "payment_intent": {"id": "pi_1"}}}
        card_error: Any = stripe.CardError
        error = card_error("Declined.", "", code, http_status=402, json_body=body)

        found = client._refusal(error)

        assert isinstance(found, gateway.AuthenticationRequired)
        assert found.payment_id == "pi_1"


class TestTransactions:
    def test_stripe_is_never_called_inside_one(self, at_stripe: Payments) -> None:
        for call in (customer, read_one, lambda: gateway.read_refunds("pi_1")):
            with transaction.atomic(), pytest.raises(RuntimeError, match="inside a database transaction"):
                call()
        assert at_stripe.exchanges == []

    @pytest.mark.django_db(transaction=True)
    def test_nor_where_no_test_wraps_it(self, at_stripe: Payments) -> None:
        with transaction.atomic(), pytest.raises(RuntimeError, match="inside a database transaction"):
            customer()
        assert customer()

    def test_a_list_can_be_gone_through_with_a_transaction_for_each(self, at_stripe: Payments) -> None:
        buyer = customer()
        for _ in range(2):
            gateway.create_checkout(order(buyer), key=key())

        for _event in gateway.find_events(since=order(buyer).expires_at.replace(year=2020)):
            with transaction.atomic():
                pass


class TestFieldsThatMayBeMissing:
    @pytest.mark.parametrize(
        ("reader", "kind"),
        [
            (checkouts._state, stripe.checkout.Session),
            (payments._state, stripe.PaymentIntent),
            (customers._state, stripe.PaymentMethod),
            (reversals._refund, stripe.Refund),
            (reversals._dispute, stripe.Dispute),
            (subscriptions._subscription, stripe.Subscription),
            (subscriptions._invoice, stripe.Invoice),
        ],
    )
    def test_an_object_may_have_nothing_but_its_id(self, reader: Any, kind: Any) -> None:
        bare = kind.construct_from({"id": "x_1"}, "sk_test")
        state = reader(bare)

        assert "x_1" in {getattr(state, "id", None), getattr(state, "session_id", None)}

    def test_a_charge_may_be_expanded_or_not(self) -> None:
        plain = stripe.PaymentIntent.construct_from({"id": "pi_1", "latest_charge": "ch_1"}, "sk_test")
        full = stripe.PaymentIntent.construct_from(
            {"id": "pi_1", "latest_charge": {"id": "ch_1", "amount_refunded": 5, "disputed": True}}, "sk_test"
        )

        assert payments._state(plain).charge_id == payments._state(full).charge_id == "ch_1"
        assert (payments._state(plain).refunded_minor, payments._state(full).refunded_minor) == (0, 5)

    @pytest.mark.parametrize("mark", ["", "7", "order-1", "zzzzzzzz-zzzz-zzzz-zzzz-zzzzzzzzzzzz"])
    def test_somebody_elses_metadata_holds_no_ids_of_ours(self, mark: str) -> None:
        found = stripe.PaymentIntent.construct_from({"id": "pi_1", "metadata": {"purchase_id": mark}}, "sk_test")

        assert payments._state(found).purchase_id is None
