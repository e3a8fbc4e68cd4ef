"""Processing Stripe's events: one worker at a time, again after a failure, from ids alone, left to staff at the end."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import accumulate
from typing import Any
from uuid import uuid4

import pytest

from billing import stripe_gateway, tasks
from billing.models import EventState, Purchase, StripeCustomer, StripeEvent
from billing.stripe_events import handlers, inbox
from billing.stripe_events.inbox import WAITS, process, process_due
from tests.support import factories
from tests.support.billing.stripe_events import event
from tests.support.races import run_together

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
# When an event of NOW is tried if every try fails at once.
TRIES = list(accumulate(WAITS, lambda at, wait: at + wait, initial=NOW))

pytestmark = pytest.mark.django_db


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the handlers asked to be settled, in order; nothing is settled really."""
    calls: list[Any] = []

    def stand_in(name: str) -> Callable[[Any], Any]:
        def settle(subject: Any) -> Any:
            calls.append((name, subject))
            return subject

        return settle

    for name in ("settle_purchase", "settle_reversal", "settle_subscription", "refresh_methods"):
        monkeypatch.setattr(handlers, name, stand_in(name))
    monkeypatch.setattr(
        stripe_gateway, "read_payment", lambda identifier: pytest.fail(f"Stripe was asked for {identifier}")
    )
    return calls


@pytest.fixture
def purchase() -> Purchase:
    """An order that payment pi_1 paid, as far as an event is concerned."""
    organization = factories.organization()
    StripeCustomer.objects.create(organization=organization, stripe_id="cus_1")
    return Purchase.objects.create(
        reference="DD-1",
        organization=organization,
        credits=5_000,
        list_amount_minor=10_000,
        amount_minor=10_000,
        currency="JPY",
        method="card",
        form_token="token",
        created_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        stripe_payment_intent_id="pi_1",
    )


def keep(sent: dict[str, Any], *, at: datetime = NOW) -> StripeEvent:
    """Keep an event as the webhook does."""
    return inbox.receive(
        stripe_gateway.VerifiedEvent(
            id=sent["id"],
            type=sent["type"],
            account="",
            is_live=sent["livemode"],
            api_version=sent["api_version"],
            object_id=sent["data"]["object"]["id"],
            created_at=NOW,
            payload=sent,
        ),
        now=at,
    )


def of_order(purchase_id: Any, kind: str = "payment_intent.succeeded", **fields: Any) -> dict[str, Any]:
    return event(kind, {"metadata": {"purchase_id": str(purchase_id)}, **fields})


def after(row: StripeEvent) -> tuple[str, int, str]:
    row.refresh_from_db()
    return row.state, row.attempts, row.note


class TestWhomItIsAbout:
    @pytest.mark.parametrize("kind", ["payment_intent.succeeded", "charge.updated", "checkout.session.completed"])
    def test_an_order_is_found_by_what_we_gave_along(self, settled: list[Any], purchase: Purchase, kind: str) -> None:
        row = keep(of_order(purchase.pk, kind, payment_intent="pi_2"))

        assert process(row.pk, now=NOW) == EventState.PROCESSED
        assert settled == [("settle_purchase", purchase.pk)]

    def test_or_by_its_payment(self, settled: list[Any], purchase: Purchase) -> None:
        process(keep(event("charge.succeeded", {"id": "ch_1", "object": "charge", "payment_intent": "pi_1"})).pk)

        assert settled == [("settle_purchase", purchase.pk)]

    @pytest.mark.parametrize(
        ("kind", "subject"),
        [
            ("charge.refunded", {"object": "charge", "payment_intent": "pi_1"}),
            ("charge.refund.updated", {"object": "refund", "payment_intent": {"id": "pi_1"}}),
            ("refund.failed", {"object": "refund", "payment_intent": "pi_1"}),
            ("charge.dispute.closed", {"object": "dispute", "payment_intent": "pi_1"}),
        ],
    )
    def test_money_going_back_is_settled_by_payment(
        self, settled: list[Any], purchase: Purchase, kind: str, subject: dict[str, Any]
    ) -> None:
        process(keep(event(kind, subject)).pk)

        assert settled == [("settle_purchase", purchase.pk), ("settle_reversal", "pi_1")]

    @pytest.mark.parametrize(
        ("kind", "subject"),
        [
            ("customer.subscription.updated", {"id": "sub_1", "object": "subscription"}),
            ("checkout.session.completed", {"mode": "subscription", "subscription": "sub_1"}),
            ("invoice.paid", {"object": "invoice", "parent": {"subscription_details": {"subscription": "sub_1"}}}),
        ],
    )
    def test_a_plan_is_settled_by_subscription(self, settled: list[Any], kind: str, subject: dict[str, Any]) -> None:
        process(keep(event(kind, subject)).pk)

        assert settled == [("settle_subscription", "sub_1")]

    def test_the_invoice_of_an_order_is_the_orders(self, settled: list[Any], purchase: Purchase) -> None:
        process(keep(of_order(purchase.pk, "invoice.paid", object="invoice", parent=None)).pk)

        assert settled == [("settle_purchase", purchase.pk)]

    @pytest.mark.parametrize(
        ("kind", "subject", "more"),
        [
            ("payment_method.attached", {"object": "payment_method", "customer": "cus_1"}, {}),
            ("payment_method.detached", {"object": "payment_method", "customer": None}, {"customer": "cus_1"}),
            ("customer.updated", {"object": "customer", "id": "cus_1"}, {}),
            ("setup_intent.succeeded", {"object": "setup_intent", "customer": "cus_1"}, {}),
            ("checkout.session.completed", {"mode": "setup", "customer": "cus_1"}, {}),
        ],
    )
    def test_what_is_on_file_is_refreshed(
        self, settled: list[Any], purchase: Purchase, kind: str, subject: dict[str, Any], more: dict[str, Any]
    ) -> None:
        sent = event(kind, subject)
        sent["data"]["previous_attributes"] = more

        process(keep(sent).pk)

        assert settled == [("refresh_methods", purchase.organization)]

    @pytest.mark.parametrize(
        ("kind", "subject"),
        [
            ("payment_method.attached", {"object": "payment_method", "customer": "cus_other"}),
            ("charge.dispute.created", {"object": "dispute", "payment_intent": None}),
            ("checkout.session.completed", {"mode": "subscription", "subscription": None}),
            ("checkout.session.completed", {"object": "checkout.session", "mode": "payment", "metadata": None}),
            ("charge.succeeded", {"object": "charge", "metadata": {"purchase_id": "7"}, "payment_intent": None}),
        ],
    )
    def test_events_of_others_are_ignored(
        self, settled: list[Any], purchase: Purchase, kind: str, subject: dict[str, Any]
    ) -> None:
        row = keep(event(kind, subject))

        assert process(row.pk) == EventState.IGNORED
        assert after(row)[2] != ""
        assert settled == []


def test_a_subscription_of_another_installation_is_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "settle_subscription", lambda _subscription_id: None)

    assert process(keep(event("customer.subscription.updated", {"id": "sub_1"})).pk) == EventState.IGNORED


class TestTrying:
    def test_one_that_came_before_our_row_is_stored_and_processed_later(
        self, settled: list[Any], purchase: Purchase
    ) -> None:
        early = uuid4()
        row = keep(of_order(early))
        assert process(row.pk, now=NOW) == EventState.FAILED
        Purchase.objects.filter(pk=purchase.pk).update(id=early)

        assert process_due(now=NOW + MINUTE / 2) == 0, "its turn has not come"
        assert process_due(now=NOW + MINUTE) == 1

        assert settled == [("settle_purchase", early)]
        assert after(row) == ("processed", 2, "")

    def test_one_that_stays_without_an_order_is_given_up(self, settled: list[Any]) -> None:
        row = keep(of_order(uuid4()))
        for at in TRIES:
            process_due(now=at)

        state, attempts, note = after(row)
        assert (state, attempts) == (EventState.IGNORED, len(TRIES))
        assert note.startswith("There is no order")

    def test_a_failure_is_noted_and_tried_again_with_growing_pauses(
        self, settled: list[Any], purchase: Purchase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = keep(of_order(purchase.pk))
        monkeypatch.setattr(handlers, "settle_purchase", fail(stripe_gateway.Unavailable("no answer")))
        for attempt, at in enumerate(TRIES, start=1):
            assert process_due(now=at - MINUTE / 60) == 0
            assert process_due(now=at) == 1
            assert after(row) == ("failed", attempt, "Unavailable: no answer")

        assert process_due(now=NOW + 365 * timedelta(days=1)) == 0, "it is left to staff"

    def test_a_sweep_finds_what_was_kept_and_never_begun(self, settled: list[Any], purchase: Purchase) -> None:
        """The web server died between keeping it and nudging, or the nudge was lost."""
        row = keep(of_order(purchase.pk))

        assert process_due(now=NOW) == 1
        assert after(row) == ("processed", 1, "")

    def test_a_worker_killed_in_the_middle_leaves_it_to_the_next(
        self, settled: list[Any], purchase: Purchase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = keep(of_order(purchase.pk))
        with monkeypatch.context() as patch:
            patch.setattr(handlers, "settle_purchase", fail(KeyboardInterrupt()))
            with pytest.raises(KeyboardInterrupt):
                process(row.pk, now=NOW)
        assert after(row) == ("received", 1, "")

        process_due(now=NOW + MINUTE)

        assert after(row) == ("processed", 2, "")

    def test_one_that_killed_its_last_worker_is_tried_once_more_and_then_left_to_staff(
        self, settled: list[Any], purchase: Purchase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = keep(of_order(purchase.pk))
        StripeEvent.objects.update(attempts=len(WAITS) + 1, next_try_at=NOW)
        monkeypatch.setattr(handlers, "settle_purchase", fail(stripe_gateway.Unavailable("no answer")))

        assert process_due(now=NOW) == 1
        assert after(row) == ("failed", len(WAITS) + 2, "Unavailable: no answer")
        assert process_due(now=NOW + 365 * timedelta(days=1)) == 0

    def test_what_a_person_asks_for_is_left_to_the_worker_that_is_at_it(
        self, settled: list[Any], purchase: Purchase, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        row = keep(of_order(purchase.pk))
        asked: list[EventState | None] = []
        monkeypatch.setattr(
            handlers, "settle_purchase", lambda _id: asked.append(process(row.pk, now=NOW, is_asked_for=True))
        )

        assert process(row.pk, now=NOW) == EventState.PROCESSED
        assert asked == [None]
        assert after(row) == ("processed", 1, "")

    def test_what_is_done_is_not_done_again(self, settled: list[Any], purchase: Purchase) -> None:
        row = keep(of_order(purchase.pk))
        tasks.process_stripe_event(row.pk)
        tasks.process_stripe_event(row.pk)
        tasks.process_stripe_events()

        assert len(settled) == 1

    def test_one_bad_event_does_not_hold_up_the_others(self, settled: list[Any], purchase: Purchase) -> None:
        bad = keep(of_order(purchase.pk))
        StripeEvent.objects.filter(pk=bad.pk).update(payload={"data": {}})
        good = keep(of_order(purchase.pk), at=NOW + MINUTE)

        assert process_due(now=NOW + MINUTE) == 2
        assert after(bad)[0] == EventState.FAILED
        assert after(good)[0] == EventState.PROCESSED

    @pytest.mark.django_db(transaction=True)
    def test_twenty_workers_share_twenty_events(self, settled: list[Any], purchase: Purchase) -> None:
        rows = [keep(of_order(purchase.pk)) for _ in range(20)]

        run_together([lambda: process_due(now=NOW)] * 4)

        assert len(settled) == 20
        assert all(after(row) == ("processed", 1, "") for row in rows)


class TestCatchingUp:
    def test_events_that_never_came_are_kept_once(self, monkeypatch: pytest.MonkeyPatch, purchase: Purchase) -> None:
        came = keep(of_order(purchase.pk))
        missed = of_order(purchase.pk)
        verified = [
            stripe_gateway.VerifiedEvent(
                id=sent["id"],
                type=sent["type"],
                account="",
                is_live=False,
                api_version="",
                object_id="pi_1",
                created_at=NOW,
                payload=sent,
            )
            for sent in (missed, came.payload)
        ]
        monkeypatch.setattr(stripe_gateway, "find_events", lambda _since: iter(verified))

        assert inbox.catch_up(since=NOW - MINUTE, now=NOW) == 1
        assert inbox.catch_up(since=NOW - MINUTE, now=NOW) == 0


def fail(error: BaseException) -> Callable[..., None]:
    def call(*_args: object) -> None:
        raise error

    return call
