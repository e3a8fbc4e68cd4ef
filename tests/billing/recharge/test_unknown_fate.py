"""Auto-recharge when an answer is lost or a worker dies: money taken becomes credits, once; none is taken twice."""

from datetime import timedelta
from typing import Any

import pytest

from billing import stripe_gateway
from billing.models import PaymentMethod, Purchase
from billing.purchases import settlement
from billing.recharge import charges, consent
from billing.stripe_gateway import charge_off_session
from organizations.models import Organization
from tests.support.billing.payments import Payments
from tests.support.billing.recharges import (
    DECLINING_CARD,
    HOUR,
    LOT,
    LOT_MINOR,
    MINUTE,
    Killed,
    Recharging,
    after,
    killed,
    set_up,
)
from tests.support.billing.shop import prove_books

pytestmark = pytest.mark.django_db

# When a sweep resolves an attempt that was left open.
LATER = 3 * MINUTE


@pytest.fixture
def here(at_stripe: Payments) -> Recharging:
    """Below the threshold, with a good card."""
    found = set_up(at_stripe)
    found.spend(200_000)
    return found


def assert_bought_once(here: Recharging) -> None:
    """One payment, its money and its credits; further sweeps change nothing."""
    for _ in range(3):
        here.sweep(MINUTE)
    assert here.states() == ["succeeded"]
    assert here.taken_minor() == here.granted_minor() == LOT_MINOR
    assert here.available() == 400_000 + LOT
    prove_books()


def lose_replies(here: Recharging, count: int = 3) -> None:
    """Have Stripe do what it is asked, and its answers get lost, retries included."""
    here.payments.control("switch", replies={"drop": count})


def take_money(here: Recharging) -> None:
    """Have the call of the first attempt arrive at Stripe after all."""
    attempt = here.attempts()[0]
    charge_off_session(
        customer=here.shop.organization.stripe_customer.stripe_id,
        payment_method=attempt.payment_method,
        amount_minor=LOT_MINOR,
        currency="EUR",
        purchase_id=attempt.purchase_id,
        description="late",
        key="late",
    )


class TestAnAnswerIsLost:
    def test_the_attempt_is_unknown_and_blocks_others_until_it_is_found_paid(self, here: Recharging) -> None:
        lose_replies(here)
        here.sweep()
        assert here.states() == ["unknown"]
        assert here.taken_minor() == LOT_MINOR

        here.sweep(MINUTE)
        assert here.recharge() is None
        assert len(here.charges()) == 1

        here.sweep(LATER)
        assert_bought_once(here)

    def test_the_call_that_never_arrived_is_made_again_under_the_same_key(self, here: Recharging) -> None:
        here.payments.control("switch", replies={"drop_before": 3})
        here.sweep()
        assert (here.states(), here.charges()) == (["unknown"], [])

        here.sweep(LATER)

        assert_bought_once(here)

    def test_a_server_error_leaves_the_fate_unknown_until_stripe_is_asked(self, here: Recharging) -> None:
        here.payments.checks_contract = False
        here.payments.control("switch", replies={"refuse": {"status": 500, "count": 3, "path": "/v1/payment_intents"}})
        here.sweep()
        assert here.states() == ["unknown"]

        here.sweep(LATER)

        assert_bought_once(here)

    def test_a_decline_whose_answer_was_lost_is_a_decline(self, at_stripe: Payments) -> None:
        here = set_up(at_stripe, card=DECLINING_CARD)
        here.spend(200_000)
        lose_replies(here)
        here.sweep()
        assert here.states() == ["unknown"]

        here.sweep(LATER)

        assert here.states() == ["failed"]
        assert here.row.failures == 1
        assert Purchase.objects.get().state == "failed"

    def test_stripe_is_silent_when_asked_what_became_of_it(self, here: Recharging) -> None:
        lose_replies(here)
        here.sweep()
        here.payments.checks_contract = False
        here.payments.control(
            "switch", replies={"drop": 0, "refuse": {"status": 500, "count": 3, "path": "/v1/payment_intents/search"}}
        )
        here.sweep(LATER)
        assert here.states() == ["unknown"]

        here.sweep(MINUTE)

        assert_bought_once(here)


class TestItIsGivenUp:
    @pytest.fixture(autouse=True)
    def _never_arrived(self, here: Recharging) -> None:
        here.payments.control("switch", replies={"drop_before": 3})
        here.sweep()
        assert (here.states(), here.charges()) == (["unknown"], [])

    def test_an_owner_turned_it_off_meanwhile_so_no_call_is_made_again(self, here: Recharging) -> None:
        consent.turn_off(organization=here.shop.organization, actor=here.shop.owner, now=here.now)
        for _ in range(6):
            here.sweep(10 * MINUTE)

        assert (here.states(), here.charges()) == (["failed"], [])
        assert here.attempts()[0].error_code == "never_arrived"
        assert here.row.failures == 0

    def test_a_manual_purchase_came_first_so_no_call_is_made_again(self, here: Recharging) -> None:
        here.shop.buy(now=here.now)
        for _ in range(7):
            here.sweep(10 * MINUTE)

        assert (here.states(), here.charges()) == (["failed"], [])

    def test_another_card_is_not_charged_under_the_old_key(self, here: Recharging) -> None:
        here.put_card_on_file("5555555555554444")
        here.sweep(LATER)
        assert (here.states(), here.charges()) == (["unknown"], [])

        here.sweep(HOUR)
        assert here.states() == ["failed", "succeeded"]
        assert here.taken_minor() == LOT_MINOR

    def test_the_key_is_not_used_after_a_day(self, here: Recharging, monkeypatch: pytest.MonkeyPatch) -> None:
        asked: list[str] = []

        def charge(**named: Any) -> stripe_gateway.PaymentState:
            asked.append(named["key"])
            return charge_off_session(**named)

        monkeypatch.setattr(stripe_gateway, "charge_off_session", charge)
        first = here.attempts()[0]
        here.sweep(timedelta(hours=25))

        assert here.states() == ["failed", "succeeded"]
        assert str(first.pk) not in "".join(asked)

    def test_a_payment_that_the_search_missed_is_found_in_the_list(
        self, here: Recharging, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        take_money(here)
        monkeypatch.setattr(stripe_gateway, "find_payments_of", lambda purchase_id: [])

        here.sweep(HOUR)

        assert_bought_once(here)

    def test_money_that_comes_after_all_becomes_credits_and_counts(self, here: Recharging) -> None:
        consent.turn_off(organization=here.shop.organization, actor=here.shop.owner, now=here.now)
        here.sweep(2 * HOUR)
        assert here.states() == ["failed"]
        take_money(here)
        settlement.settle(here.attempts()[0].purchase_id, now=here.now)

        assert_bought_once(here)


def die(here: Recharging, monkeypatch: pytest.MonkeyPatch, module: Any, name: str, death: Any) -> None:
    """Recharge, and be killed at the call named."""
    with monkeypatch.context() as dying:
        dying.setattr(module, name, death)
        with pytest.raises(Killed):
            here.recharge()


class TestAWorkerIsKilled:
    def test_between_the_commit_and_the_call(self, here: Recharging, monkeypatch: pytest.MonkeyPatch) -> None:
        die(here, monkeypatch, stripe_gateway, "charge_off_session", killed)
        assert (here.states(), here.charges()) == (["pending"], [])
        assert here.recharge() is None

        here.sweep(LATER)

        assert_bought_once(here)

    def test_between_the_call_and_its_answer(self, here: Recharging, monkeypatch: pytest.MonkeyPatch) -> None:
        die(here, monkeypatch, stripe_gateway, "charge_off_session", after(charge_off_session, killed))
        assert here.states() == ["pending"]
        assert here.taken_minor() == LOT_MINOR

        here.sweep(LATER)

        assert_bought_once(here)

    def test_between_the_answer_and_the_grant(self, here: Recharging, monkeypatch: pytest.MonkeyPatch) -> None:
        die(here, monkeypatch, settlement, "settle", killed)
        assert (here.states(), here.granted_minor()) == (["pending"], 0)

        here.sweep(LATER)

        assert_bought_once(here)

    def test_between_the_grant_and_the_end_of_the_attempt(
        self, here: Recharging, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        die(here, monkeypatch, charges, "close", killed)
        assert (here.states(), here.granted_minor()) == (["pending"], LOT_MINOR)

        here.sweep(LATER)

        assert_bought_once(here)

    def test_the_webhook_may_come_first(self, here: Recharging, monkeypatch: pytest.MonkeyPatch) -> None:
        die(here, monkeypatch, stripe_gateway, "charge_off_session", after(charge_off_session, killed))
        settlement.settle(here.attempts()[0].purchase_id, now=here.now)

        here.sweep(LATER)

        assert_bought_once(here)


class TestTheWorldChangesWhileAChargeIsInFlight:
    """Money taken becomes credits, whatever else is true by then."""

    @pytest.fixture
    def meanwhile(self, here: Recharging, monkeypatch: pytest.MonkeyPatch) -> Any:
        def have(change: Any) -> None:
            with monkeypatch.context() as changing:
                changing.setattr(
                    stripe_gateway, "charge_off_session", lambda **named: (charge_off_session(**named), change())[0]
                )
                here.recharge()

        return have

    def test_an_owner_turns_it_off(self, here: Recharging, meanwhile: Any) -> None:
        meanwhile(lambda: consent.turn_off(organization=here.shop.organization, actor=here.shop.owner, now=here.now))

        assert_bought_once(here)
        assert not here.row.is_on

    def test_the_card_is_removed(self, here: Recharging, meanwhile: Any) -> None:
        meanwhile(lambda: PaymentMethod.objects.update(detached_at=here.now, is_default=False))

        assert_bought_once(here)

    def test_the_organization_is_closed(self, here: Recharging, meanwhile: Any) -> None:
        meanwhile(lambda: Organization.objects.filter(pk=here.shop.organization.pk).update(closed_at=here.now))

        assert_bought_once(here)

    def test_the_webhook_settles_the_order_first(self, here: Recharging, meanwhile: Any) -> None:
        meanwhile(lambda: settlement.settle(here.attempts()[0].purchase_id, now=here.now))

        assert_bought_once(here)


def test_already_paid_on_a_retry_is_success(here: Recharging) -> None:
    """The first call took the money, its answer was lost, and the retry is refused: nothing is left to confirm."""
    lose_replies(here, 1)

    here.sweep()

    assert_bought_once(here)
