"""Auto-recharge with real connections, all at once: one charge, within the limit; each race has its control."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.db import connection

from billing import stripe_gateway
from billing.models import Purchase, RechargeAttempt
from billing.purchases.payments import grant_paid
from billing.recharge import attempts, charges, consent, sweep
from credits.balance.queries import balance_of
from tests.support.billing.payments import Payments
from tests.support.billing.recharges import LOT, LOT_MINOR, MINUTE, Killed, Recharging, after, killed, set_up
from tests.support.billing.shop import prove_books
from tests.support.credits.lock_controls import without_the_lock
from tests.support.races import run_many, run_together

pytestmark = pytest.mark.django_db(transaction=True)

# A hundred spends, on as many connections as the database of the tests can spare.
AT_ONCE, SPENDS_EACH = 20, 5
ONE = "recharge_attempt_is_alone_under_way"


@pytest.fixture
def here(at_stripe: Payments) -> Recharging:
    """500,000 tokens: the next spend falls below the threshold."""
    return set_up(at_stripe, credits=500_000)


def assert_one_charge(here: Recharging) -> None:
    assert here.states() == ["succeeded"]
    assert len(here.charges()) == 1
    assert here.taken_minor() == here.granted_minor() == LOT_MINOR
    prove_books()


class TestManySpendsAtOnce:
    def test_a_hundred_cross_the_threshold_and_one_charge_is_made(
        self, here: Recharging, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Every spend is followed by a recharge, as if each had nudged."""
        spend = here.driver.spend

        def spend_and_recharge() -> None:
            for _ in range(SPENDS_EACH):
                spend(1_000)
                charges.recharge(here.wallet_id, now=here.now)

        results = run_many(spend_and_recharge, AT_ONCE)

        assert [result for result in results if isinstance(result, Exception)] == []
        assert_one_charge(here)
        assert here.available() == 500_000 - AT_ONCE * SPENDS_EACH * 1_000 + LOT

    def test_twenty_jobs_of_one_message_make_one_call(self, here: Recharging) -> None:
        here.spend(1)

        run_many(lambda: charges.recharge(here.wallet_id, now=here.now), 20)

        assert_one_charge(here)

    def test_control_without_lock_and_constraint_more_than_one_is_made(
        self, here: Recharging, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here.spend(1)
        with without_the_constraint(), without_the_lock(monkeypatch, meeting=4):
            begun = run_many(lambda: attempts.begin(here.wallet_id, here.now), 4)

        assert [type(result) for result in begun].count(RechargeAttempt) > 1


@contextmanager
def without_the_constraint() -> Iterator[None]:
    """Take away what keeps attempts from being under way together, and put it back with the table empty."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = %s", [ONE])
        (definition,) = cursor.fetchone()
        cursor.execute(f"DROP INDEX {ONE}")
        try:
            yield
        finally:
            cursor.execute("DELETE FROM billing_rechargeattempt")
            cursor.execute(definition)


class TestOthersAtTheSameTime:
    def test_a_manual_purchase_and_a_recharge_both_bring_their_credits(self, here: Recharging) -> None:
        here.spend(1)
        order = here.shop.order(now=here.now)
        run_together(
            [
                lambda: charges.recharge(here.wallet_id, now=here.now),
                lambda: grant_paid(order, payment_id="pi_manual", now=here.now),
            ]
        )

        paid = Purchase.objects.filter(state="paid")
        brought = sum(purchase.credits for purchase in paid)
        assert balance_of(here.shop.wallet, here.now).available == 499_999 + brought
        assert paid.filter(method="card").count() == 1
        assert here.taken_minor() == sum(p.amount_minor for p in paid.filter(method="auto_recharge"))
        prove_books()

    def test_turning_it_off_and_recharging_leave_no_charge_without_its_credits(self, here: Recharging) -> None:
        here.spend(1)
        owner, organization = here.shop.owner, here.shop.organization
        run_together(
            [lambda: consent.turn_off(organization=organization, actor=owner, now=here.now)]
            + [lambda: charges.recharge(here.wallet_id, now=here.now)] * 3
        )

        assert here.taken_minor() == here.granted_minor()
        assert len(here.charges()) <= 1
        assert not here.row.is_on

    def test_ten_sweeps_after_a_death_settle_it_once(self, here: Recharging, monkeypatch: pytest.MonkeyPatch) -> None:
        here.spend(1)
        with monkeypatch.context() as dying:
            dying.setattr(stripe_gateway, "charge_off_session", after(stripe_gateway.charge_off_session, killed))
            with pytest.raises(Killed):
                here.recharge()
        here.now += 3 * MINUTE

        run_many(lambda: sweep.sweep(now=here.now), 10)
        here.sweep(MINUTE)

        assert_one_charge(here)

    def test_ten_sweeps_after_a_call_that_was_never_made_make_it_once(
        self, here: Recharging, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        here.spend(1)
        with monkeypatch.context() as dying:
            dying.setattr(stripe_gateway, "charge_off_session", killed)
            with pytest.raises(Killed):
                here.recharge()
        here.now += 3 * MINUTE

        run_many(lambda: sweep.sweep(now=here.now), 10)
        for _ in range(3):
            here.sweep(MINUTE)

        assert_one_charge(here)


class TestTheLastOfTheLimit:
    def test_many_at_once_never_pass_it(self, here: Recharging) -> None:
        """Between the rounds everything is spent; in each, ten want the next pack."""
        here.agree(limit=2_000)
        for _ in range(4):
            here.now += MINUTE
            here.spend(here.available())
            run_many(lambda: charges.recharge(here.wallet_id, now=here.now), 10)

        assert here.taken_minor() == here.granted_minor() == 2_000
        prove_books()
