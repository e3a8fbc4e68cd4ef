"""Refunds and disputes raced with real connections, and killed between their steps: money back equals credits taken."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing import stripe_gateway as gateway
from billing.models import Purchase, Refund, RefundMode, RefundState
from billing.refunds import calls, clawback, disputes, settlement
from credits.ledger import rows
from sql.statements import execute
from tests.support.billing.payments import Payments
from tests.support.billing.reversal_stage import Bought, assert_clean, buy, seller
from tests.support.credits.lock_controls import LOCK
from tests.support.races import run_many, run_together

pytestmark = pytest.mark.django_db(transaction=True)

SOON = timedelta(minutes=5)


class Killed(BaseException):
    """The process is gone: nothing of ours catches this."""


@pytest.fixture
def bought(at_stripe: Payments) -> Bought:
    """100 credits for ¥2,000."""
    return buy(at_stripe, seller())


def named(results: list[Any]) -> list[str]:
    return sorted(type(result).__name__ for result in results)


class TestRaces:
    def test_many_settle_the_same_refund(self, bought: Bought) -> None:
        bought.refund_in_dashboard(1_000)

        results = run_many(lambda: settlement.settle(bought.payment_id), 6)

        assert named(results) == ["Purchase"] * 6
        assert bought.stand() == (50, 50, 0)
        assert Refund.objects.count() == 1
        assert_clean(bought.wallet)

    def test_control_without_the_locks(self, bought: Bought, monkeypatch: pytest.MonkeyPatch) -> None:
        bought.refund_in_dashboard(1_000)
        both_have_read = threading.Barrier(2, timeout=20)
        have_waited = threading.local()
        read_after_lock = rows.read_after_lock

        def read_together(*arguments: Any) -> Any:
            found = read_after_lock(*arguments)
            if not getattr(have_waited, "once", False):
                have_waited.once = True
                both_have_read.wait()
            return found

        monkeypatch.setattr(rows, "execute", lambda sql, parameters: execute(sql.replace(LOCK, ""), parameters))
        monkeypatch.setattr(rows, "read_after_lock", read_together)
        monkeypatch.setattr(
            clawback, "_lock", lambda pk: Purchase.objects.select_related("organization__wallet__program").get(pk=pk)
        )

        assert named(run_many(lambda: settlement.settle(bought.payment_id), 2)) == ["IntegrityError", "Purchase"]

    def test_two_of_the_staff_refund_the_same_money(self, bought: Bought) -> None:
        results = run_many(lambda: bought.refund(1_500, mode=RefundMode.ALL), 2)

        assert named(results) == ["Refund", "RefundRefused"]
        assert gateway.read_payment(bought.payment_id).refunded_minor == 1_500
        assert bought.stand() == (25, 25, 0)
        assert_clean(bought.wallet)

    def test_one_form_is_sent_four_times_at_once(self, bought: Bought) -> None:
        token = bought.purchase.pk

        results = run_many(lambda: bought.refund(500, refund_id=token), 4)

        assert named(results) == ["Refund"] * 4
        assert gateway.read_payment(bought.payment_id).refunded_minor == 500
        assert bought.stand() == (75, 75, 0)

    def test_what_is_refunded_is_not_spent_meanwhile(self, bought: Bought) -> None:
        spends: list[Callable[[], object]] = [lambda: bought.spend(10) for _ in range(6)]

        results = run_together([lambda: bought.refund(1_000), *spends])

        spent = 10 * named(results).count("Recorded")
        back = gateway.read_payment(bought.payment_id).refunded_minor // 20
        assert bought.stand() == (100 - spent - back, 100 - spent - back, 0)
        assert spent + back <= 100
        assert_clean(bought.wallet)

    def test_a_dispute_and_a_refund_are_settled_at_once(self, bought: Bought) -> None:
        bought.spend(30)
        bought.refund_in_dashboard(1_000)
        bought.payments.control("open_dispute", charge=bought.charge_id)
        dispute = gateway.read_disputes(bought.payment_id)[0]
        bought.payments.control("lose_dispute", dispute=dispute.id)

        run_many(lambda: settlement.settle(bought.payment_id), 4)

        assert bought.stand() == (0, -30, 30)
        assert_clean(bought.wallet)


class TestKilled:
    """The process dies at a point between attempt, call and answer; what is left is found out later."""

    @pytest.mark.parametrize("point", ["before the call", "after the call"])
    def test_money_back_equals_credits_taken_in_the_end(
        self, bought: Bought, monkeypatch: pytest.MonkeyPatch, point: str
    ) -> None:
        create_refund = gateway.create_refund

        def die(**call: Any) -> Any:
            if point == "after the call":
                create_refund(**call)
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(gateway, "create_refund", die)
            with pytest.raises(Killed):
                bought.refund(500)
        assert Refund.objects.get().state == RefundState.PENDING
        assert bought.stand() == (75, 75, 0)

        calls.resolve_due(now=datetime.now(UTC) + SOON)

        assert Refund.objects.get().state == RefundState.SUCCEEDED
        assert gateway.read_payment(bought.payment_id).refunded_minor == 500
        assert bought.stand() == (75, 75, 0)
        assert_clean(bought.wallet)

    def test_dying_before_the_attempt_is_committed_leaves_nothing(
        self, bought: Bought, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def die(*_all: Any, **_named: Any) -> Any:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(disputes, "hold", die)
            with pytest.raises(Killed):
                bought.refund(500)

        assert not Refund.objects.exists()
        assert bought.stand() == (100, 100, 0)

    def test_dying_before_the_answer_is_written_down(self, bought: Bought, monkeypatch: pytest.MonkeyPatch) -> None:
        def die(*_all: Any, **_named: Any) -> Any:
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(calls.RefundCall, "follow", die)
            with pytest.raises(Killed):
                bought.refund(500)

        settlement.settle(bought.payment_id)

        assert Refund.objects.get().state == RefundState.SUCCEEDED
        assert bought.stand() == (75, 75, 0)
        assert_clean(bought.wallet)
