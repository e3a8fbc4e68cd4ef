"""Auto-recharge at work against the sandbox: when it buys, how much, within which bounds."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from billing import stripe_calls, tasks
from billing.models import Dispute, PackPrice, PaymentMethod, Purchase, RechargeAttempt, Subscription
from billing.recharge import consent, sweep
from credits import ledger
from credits.models import Grant, Program, Wallet
from jobs import nudges
from organizations.models import AuditEvent, Organization
from tests.support.billing.payments import Payments
from tests.support.billing.recharges import HOUR, LIMIT, LOT, LOT_MINOR, MINUTE, THRESHOLD, Recharging, set_up
from tests.support.billing.shop import prove_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def here(at_stripe: Payments) -> Recharging:
    """600,000 tokens, a good card, a rule that buys Standard below 500,000."""
    return set_up(at_stripe)


class TestWhenItBuys:
    def test_a_spend_below_the_threshold_brings_a_pack_and_the_money_is_taken_once(self, here: Recharging) -> None:
        here.spend(200_000)

        attempt = here.recharge()

        assert attempt is not None
        assert attempt.state == "succeeded"
        assert here.available() == 400_000 + LOT
        assert here.taken_minor() == here.granted_minor() == LOT_MINOR
        purchase = Purchase.objects.get()
        assert (purchase.state, purchase.method, purchase.bought_by) == ("paid", "auto_recharge", None)
        assert Grant.objects.get(purchase=purchase).source == "auto_recharge"
        assert here.recharge() is None
        prove_books()

    def test_at_the_threshold_it_does_not(self, here: Recharging) -> None:
        here.spend(100_000)

        assert here.recharge() is None
        here.spend(1)
        assert here.recharge() is not None

    def test_the_sweep_finds_it_without_any_nudge(self, here: Recharging) -> None:
        here.spend(200_000)

        tasks.sweep_recharges()

        assert here.states() == ["succeeded"]

    def test_credits_that_have_expired_unswept_are_not_counted(self, at_stripe: Payments) -> None:
        here = set_up(at_stripe, credits=0)
        here.driver.grant(900_000, days=1)
        here.sweep()
        assert here.states() == []

        here.sweep(timedelta(days=1))

        assert here.states() == ["succeeded"]

    def test_a_deep_gap_is_closed_by_several_lots_at_once(self, at_stripe: Payments) -> None:
        here = set_up(at_stripe)
        here.agree(pack="starter", threshold=2_000_000, limit=2_500)
        here.sweep()

        assert Purchase.objects.get().lots == 2
        assert here.available() == 600_000 + 2 * 1_000_000
        here.sweep(MINUTE)
        assert len(here.attempts()) == 1

    def test_the_debt_is_bought_as_well(self, at_stripe: Payments) -> None:
        here = set_up(at_stripe, credits=0)
        grant = here.driver.grant(3_000_000)
        here.spend(3_000_000)
        here.driver.void(grant, 3_000_000, rest_as_debt=True)

        here.sweep()

        assert here.available() == 2 * LOT - 3_000_000

    def test_without_keys_nothing_is_tried(self, here: Recharging, settings: Any) -> None:
        here.spend(200_000)
        settings.STRIPE_SECRET_KEY = ""

        assert here.recharge() is None
        assert here.attempts() == []


class TestWhatIsInTheWay:
    """Nothing is charged, and no row is written."""

    @pytest.fixture(autouse=True)
    def _low(self, here: Recharging) -> None:
        here.spend(200_000)

    @pytest.fixture
    def nothing_happens(self, here: Recharging) -> Any:
        yield
        assert here.recharge() is None
        here.sweep()
        assert (here.attempts(), here.charges()) == ([], [])

    def test_it_is_off(self, here: Recharging, nothing_happens: None) -> None:
        consent.turn_off(organization=here.shop.organization, actor=here.shop.owner, now=here.now)

    def test_the_card_is_gone(self, here: Recharging, nothing_happens: None) -> None:
        PaymentMethod.objects.update(detached_at=here.now, is_default=False)

    def test_the_organization_is_closed(self, here: Recharging, nothing_happens: None) -> None:
        Organization.objects.filter(pk=here.shop.organization.pk).update(closed_at=here.now)

    def test_the_paid_plan_has_ended(self, here: Recharging, nothing_happens: None) -> None:
        Subscription.objects.update(state="canceled")

    def test_the_price_has_risen_since_consent(self, here: Recharging, nothing_happens: None) -> None:
        PackPrice.objects.filter(pack=here.row.pack).update(amount_minor=LOT_MINOR + 1)

    def test_the_holding_limit_leaves_no_room(self, here: Recharging, nothing_happens: None) -> None:
        Program.objects.update(holding_limit=LOT)

    def test_a_payment_is_disputed(self, here: Recharging) -> None:
        bought = here.shop.buy(now=here.now)
        here.spend(here.available() - 400_000)
        Dispute.objects.create(
            purchase=bought, stripe_id="dp_1", status="needs_response", amount_minor=1_000, opened_at=here.now
        )

        assert here.recharge() is None
        Dispute.objects.update(closed_at=here.now)
        assert here.recharge() is not None


class TestTheMonthlyLimit:
    def drain_and_recharge(self, here: Recharging) -> None:
        here.now += MINUTE
        here.spend(here.available() - 1)
        here.sweep()

    def test_it_stops_at_the_limit_and_a_cheaper_price_is_taken_as_it_is(self, here: Recharging) -> None:
        for _ in range(7):
            self.drain_and_recharge(here)

        assert here.taken_minor() == LIMIT
        assert here.states() == ["succeeded"] * 5

    def test_it_buys_fewer_lots_where_the_rest_of_the_limit_allows_no_more(self, at_stripe: Payments) -> None:
        here = set_up(at_stripe)
        here.agree(pack="starter", threshold=2_500_000, limit=2_000)

        for _ in range(4):
            self.drain_and_recharge(here)

        assert [attempt.purchase.lots for attempt in here.attempts()] == [3, 1]
        assert here.taken_minor() == 2_000

    def test_the_month_is_the_organizations_own(self, at_stripe: Payments, monkeypatch: pytest.MonkeyPatch) -> None:
        """Berlin's November begins at 23:00 UTC on the 31st of October."""
        here = set_up(at_stripe, credits=0)
        here.now = datetime(2027, 10, 31, 22, 50, tzinfo=UTC)
        for _ in range(6):
            self.drain_or_begin(here)
        assert here.taken_minor() == LIMIT

        here.now = datetime(2027, 10, 31, 22, 59, 59, tzinfo=UTC)
        here.sweep()
        assert here.taken_minor() == LIMIT

        here.now = datetime(2027, 10, 31, 23, 0, tzinfo=UTC)
        here.sweep()
        assert here.taken_minor() == LIMIT + LOT_MINOR
        assert [f"{attempt.month_on:%Y-%m}" for attempt in here.attempts()] == ["2027-10"] * 5 + ["2027-11"]

    def drain_or_begin(self, here: Recharging) -> None:
        if here.available():
            here.spend(here.available())
        here.now += MINUTE
        here.sweep()
        if here.available():
            here.spend(here.available())

    def test_what_is_not_known_counts(self, here: Recharging) -> None:
        here.spend(200_000)
        here.payments.control("switch", replies={"drop": 9})
        attempt = here.recharge()
        assert attempt is not None
        assert attempt.state == "unknown"

        from billing.recharge.rules import spent_in
        from organizations.calendar import month_of

        organization = here.shop.organization
        assert spent_in(organization, month_of(here.now, ZoneInfo(organization.time_zone))) == LOT_MINOR


class TestStaffAreToldOfBursts:
    def test_more_than_three_within_an_hour(self, here: Recharging, settings: Any, caplog: Any) -> None:
        settings.ADMINS = [("Stella", "stella@desk.example")]
        here.agree(limit=50_000)
        for _ in range(4):
            here.now += MINUTE
            here.spend(here.available() - 1)
            here.sweep()

        event = AuditEvent.objects.get(action="auto_recharge.burst")
        assert event.details == {"paid_within_an_hour": 4}
        assert "4 times within an hour" in caplog.text

    def test_not_for_three_and_not_over_a_day(self, here: Recharging) -> None:
        here.agree(limit=50_000)
        for _ in range(6):
            here.now += HOUR / 2
            here.spend(here.available() - 1)
            here.sweep()

        assert here.taken_minor() == 6 * LOT_MINOR
        assert not AuditEvent.objects.filter(action="auto_recharge.burst").exists()


class TestTheNudge:
    @pytest.fixture
    def nudged(self, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any) -> list[int]:
        asked: list[int] = []

        def nudge(task: object, *wallet_ids: int) -> None:
            if task is tasks.recharge_wallet:
                asked.extend(wallet_ids)

        monkeypatch.setattr(nudges, "nudge", nudge)
        return asked

    def test_the_fall_below_the_threshold_is_signaled_once(
        self, here: Recharging, nudged: list[int], django_capture_on_commit_callbacks: Any
    ) -> None:
        for credits, signals in ((50_000, 0), (100_000, 1), (50_000, 1)):
            with django_capture_on_commit_callbacks(execute=True):
                here.spend(credits)
            assert nudged == [here.wallet_id] * signals

    def test_a_wallet_that_nobody_watches_is_not_signaled(
        self, here: Recharging, nudged: list[int], django_capture_on_commit_callbacks: Any
    ) -> None:
        consent.turn_off(organization=here.shop.organization, actor=here.shop.owner, now=here.now)

        with django_capture_on_commit_callbacks(execute=True) as callbacks:
            here.spend(200_000)

        assert (nudged, callbacks) == ([], [])

    def test_a_reservation_counts_too(
        self, here: Recharging, nudged: list[int], django_capture_on_commit_callbacks: Any
    ) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            here.driver.reserve(150_000)

        assert nudged == [here.wallet_id]


def test_a_refused_spend_answers_that_credits_are_on_their_way(
    here: Recharging, monkeypatch: pytest.MonkeyPatch
) -> None:
    here.spend(200_000)
    monkeypatch.setattr(stripe_calls, "send", lambda charge: None)
    here.recharge()

    with pytest.raises(ledger.InsufficientCredits) as refused:
        here.spend(500_000)

    assert refused.value.recharging_seconds == 60
    here.now += MINUTE
    with pytest.raises(ledger.InsufficientCredits) as later:
        here.spend(500_000)
    assert later.value.recharging_seconds == 0


def test_the_recharging_flag_is_gone_once_the_attempt_is_over(here: Recharging) -> None:
    here.spend(200_000)
    here.recharge()

    assert Wallet.objects.get(pk=here.wallet_id).recharging_until is None


def test_one_sweep_is_a_few_queries_however_many_rules_there_are(
    here: Recharging, django_assert_max_num_queries: Any
) -> None:
    with django_assert_max_num_queries(8):
        sweep.sweep(now=here.now)
    assert RechargeAttempt.objects.count() == 0
    assert mail.outbox == []
    assert here.available() > THRESHOLD
