"""Refunds by staff: money and credits go back in proportion, once, in any order; what fails gives them back."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from billing import stripe_gateway as gateway
from billing.audit.invariants import PURCHASES
from billing.models import Method, Refund, RefundMode, RefundPolicy, RefundState
from billing.purchases.payments import grant_paid
from billing.refunds import calls, clawback, refunding, settlement
from credits import audit, ledger
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.reversal_stage import Bought, assert_clean, buy, grant_more, order, seller

pytestmark = pytest.mark.django_db

REFUND_FAILS = "4000000000005126"
REFUND_PENDS = "4000000000007726"


@pytest.fixture
def bought(at_stripe: Payments) -> Bought:
    """100 credits for ¥2,000."""
    return buy(at_stripe, seller())


def lost(payments: Payments, switch: str) -> AbstractContextManager[None]:
    """Lose the next write at Stripe with all its retries: "drop" its answers, or "drop_before" it arrives."""

    @contextmanager
    def losing() -> Iterator[None]:
        payments.control("switch", replies={switch: 3})
        yield
        payments.control("switch", replies={switch: 0})

    return losing()


class TestInProportion:
    def test_all_of_it_takes_all_credits(self, bought: Bought) -> None:
        refund = bought.refund(2_000)

        assert (refund.state, refund.credits) == (RefundState.SUCCEEDED, 100)
        assert bought.stand() == (0, 0, 0)
        assert gateway.read_payment(bought.payment_id).refunded_minor == 2_000
        assert_clean(bought.wallet)

    def test_half_of_it_takes_half(self, bought: Bought) -> None:
        refund = bought.refund(1_000)

        assert bought.stand() == (50, 50, 0)
        assert refund.void_operation is not None
        assert refund.void_operation.credits == -50
        assert_clean(bought.wallet)

    def test_parts_round_up_and_never_come_to_more_than_the_whole(self, at_stripe: Payments) -> None:
        bought = buy(at_stripe, seller(), credits=10, amount_minor=300)

        parts = [bought.refund(amount, mode=RefundMode.ALL).credits for amount in (1, 1, 99, 100, 99)]

        assert parts == [1, 0, 3, 3, 3]
        assert bought.stand() == (0, 0, 0)
        assert_clean(bought.wallet)

    def test_the_last_cent_of_a_dearer_currency(self, at_stripe: Payments) -> None:
        bought = buy(at_stripe, seller(), credits=1_000_000, amount_minor=999, currency="EUR")

        for amount in (333, 1, 665):
            bought.refund(amount)

        assert bought.stand() == (0, 0, 0)
        assert gateway.read_payment(bought.payment_id).refunded_minor == 999
        assert_clean(bought.wallet)

    @pytest.mark.parametrize(("credits", "paid"), [(7, 3), (3, 7), (1, 1), (1_000_000, 999), (999, 1_000_000)])
    def test_the_rule_grows_with_the_money_and_ends_at_the_whole(self, credits: int, paid: int) -> None:
        step = max(1, paid // 50)
        line = [
            clawback.credits_for(money, credits=credits, paid_minor=paid) for money in [*range(0, paid, step), paid]
        ]

        assert line == sorted(line)
        assert (line[0], line[-1]) == (0, credits)
        assert clawback.credits_for(paid + 1, credits=credits, paid_minor=paid) == credits


class TestWhatIsSpent:
    def test_the_unspent_part_is_the_most_by_default(self, bought: Bought) -> None:
        bought.spend(30)
        with pytest.raises(refunding.RefundRefused, match="¥1,400"):
            bought.refund(1_401)
        assert not Refund.objects.exists()

        bought.refund(1_400)

        assert bought.stand() == (0, 0, 0)
        assert_clean(bought.wallet)

    def test_all_of_it_makes_what_is_spent_a_debt(self, bought: Bought) -> None:
        bought.spend(30)

        bought.refund(2_000, mode=RefundMode.ALL)

        assert bought.stand() == (0, -30, 30)
        grant_more(bought, 100)
        assert (bought.wallet.balance, bought.wallet.debt) == (70, 0)
        assert_clean(bought.wallet)

    def test_reserved_credits_are_honoured_and_become_debt(self, bought: Bought) -> None:
        wallet_id = bought.wallet.pk
        with ledger.open_book(keys=[(wallet_id, "hold")], reservations="by key") as book:
            reserved = ledger.reserve(
                book,
                wallet_id=wallet_id,
                credits=40,
                feature="report",
                key="hold",
                content_hash=ledger.hash_content(a=1),
                cause=ledger.Cause(),
            )
        assert refunding.position_of(bought.purchase).unspent_minor == 1_200

        bought.refund(2_000, mode=RefundMode.ALL)

        assert (bought.wallet.balance, bought.wallet.debt) == (0, 40)
        with ledger.open_book(keys=[(wallet_id, "")]) as book:
            ledger.release(book, wallet_id=wallet_id, reservation_id=reserved.id)
        assert bought.stand() == (0, 0, 0)
        assert_clean(bought.wallet)

    def test_what_expired_is_no_debt(self, at_stripe: Payments) -> None:
        bought = buy(at_stripe, seller(), validity_days=10)
        bought.spend(30)
        later = datetime.now(UTC) + timedelta(days=12)

        effect = refunding.preview(
            bought.purchase, refunding.RefundChoice(amount_minor=2_000, mode=RefundMode.ALL, reason=""), now=later
        )
        bought.refund(2_000, mode=RefundMode.ALL, now=later)

        assert (effect.before.expired, effect.taken, effect.owed) == (70, 0, 30)
        assert bought.stand() == (0, -30, 30)
        settlement.settle(bought.payment_id, now=later)
        assert bought.stand() == (0, -30, 30)


class TestOnce:
    def test_the_same_form_refunds_once(self, bought: Bought) -> None:
        token = uuid4()

        first, second = (bought.refund(500, refund_id=token) for _ in range(2))

        assert first == second
        assert gateway.read_payment(bought.payment_id).refunded_minor == 500
        assert bought.stand() == (75, 75, 0)

    def test_a_form_of_another_purchase_is_refused(self, bought: Bought) -> None:
        other = buy(bought.payments, bought.purchase.organization)
        token = uuid4()
        bought.refund(500, refund_id=token)

        with pytest.raises(refunding.RefundRefused):
            other.refund(500, refund_id=token)

    def test_more_than_was_paid_is_refused(self, bought: Bought) -> None:
        bought.refund(1_500)
        for amount in (501, 0, -1):
            with pytest.raises(refunding.RefundRefused, match="¥500"):
                bought.refund(amount, mode=RefundMode.ALL)
        assert Refund.objects.count() == 1

    def test_it_is_recorded_who_refunded_and_why(self, bought: Bought) -> None:
        bought.refund(500)

        begun, succeeded = AuditEvent.objects.filter(action__startswith="refund.").order_by("created_at")
        assert (begun.action, begun.actor, begun.reason) == ("refund.begun", bought.staff, "Asked by mail.")
        assert (succeeded.action, succeeded.target) == ("refund.succeeded", bought.purchase.reference)


class TestRefusals:
    def test_a_program_that_never_refunds(self, at_stripe: Payments) -> None:
        bought = buy(at_stripe, seller(policy=RefundPolicy.NEVER))
        with pytest.raises(refunding.RefundRefused, match="does not refund"):
            bought.refund(100)
        assert not refunding.is_allowed(bought.purchase)

    def test_an_order_that_is_not_paid(self, bought: Bought) -> None:
        bought.purchase = order(bought.purchase.organization)
        with pytest.raises(refunding.RefundRefused, match="not paid"):
            bought.refund(100)

    def test_a_disputed_payment(self, bought: Bought) -> None:
        bought.payments.control("open_dispute", charge=bought.charge_id)
        settlement.settle(bought.payment_id)

        with pytest.raises(refunding.RefundRefused, match="disputed"):
            bought.refund(100)

    def test_stripe_refuses_and_the_credits_are_back(self, bought: Bought) -> None:
        bought.refund_in_dashboard(2_000)

        refund = bought.refund(2_000)

        assert refund.state == RefundState.FAILED
        assert bought.stand() == (100, 100, 0)
        settlement.settle(bought.payment_id)
        assert bought.stand() == (0, 0, 0)
        assert_clean(bought.wallet)


class TestWhatFailsLater:
    def test_the_credits_are_given_back(self, at_stripe: Payments) -> None:
        bought = buy(at_stripe, seller(), card=REFUND_FAILS)
        bought.spend(30)
        bought.refund(2_000, mode=RefundMode.ALL)
        assert bought.stand() == (0, -30, 30)

        at_stripe.advance(days=10)
        for _ in range(2):
            settlement.settle(bought.payment_id)

        assert bought.stand() == (70, 70, 0)
        assert Refund.objects.get().state == RefundState.FAILED
        assert_clean(bought.wallet)

    def test_of_two_only_the_one_that_failed(self, at_stripe: Payments) -> None:
        bought = buy(at_stripe, seller(), credits=10, amount_minor=300, card=REFUND_FAILS)
        bought.refund(101)
        at_stripe.advance(days=10)
        settlement.settle(bought.payment_id)
        bought.refund(100)

        assert sorted(Refund.objects.values_list("state", flat=True)) == ["failed", "succeeded"]
        assert bought.stand() == (6, 6, 0)
        assert_clean(bought.wallet)

    def test_one_that_is_on_its_way_has_taken_its_credits(self, at_stripe: Payments) -> None:
        bought = buy(at_stripe, seller(), card=REFUND_PENDS)

        refund = bought.refund(1_000)

        assert refund.state == RefundState.PENDING
        assert bought.stand() == (50, 50, 0)
        at_stripe.advance(days=10)
        settlement.settle(bought.payment_id)
        assert Refund.objects.get().state == RefundState.SUCCEEDED
        assert bought.stand() == (50, 50, 0)


class TestLostAnswers:
    def test_unknown_keeps_the_credits_and_blocks_others(self, bought: Bought) -> None:
        with lost(bought.payments, "drop"):
            refund = bought.refund(500)

        assert refund.state == RefundState.UNKNOWN
        assert bought.stand() == (75, 75, 0)
        with pytest.raises(refunding.RefundRefused, match="still unknown"):
            bought.refund(500)

    def test_it_is_found_at_stripe(self, bought: Bought) -> None:
        with lost(bought.payments, "drop"):
            bought.refund(500)

        assert calls.resolve_due(now=datetime.now(UTC) + timedelta(minutes=5)) == 1

        assert Refund.objects.get().state == RefundState.SUCCEEDED
        assert gateway.read_payment(bought.payment_id).refunded_minor == 500
        assert bought.stand() == (75, 75, 0)
        assert calls.resolve_due(now=datetime.now(UTC) + timedelta(minutes=5)) == 0

    def test_one_that_never_arrived_is_sent_again_while_its_key_is_good(self, bought: Bought) -> None:
        with lost(bought.payments, "drop_before"):
            bought.refund(500)
        assert gateway.read_payment(bought.payment_id).refunded_minor == 0

        calls.resolve_due(now=datetime.now(UTC) + timedelta(minutes=5))

        assert gateway.read_payment(bought.payment_id).refunded_minor == 500
        assert Refund.objects.get().state == RefundState.SUCCEEDED

    def test_and_given_up_with_its_credits_back_after_that(self, bought: Bought) -> None:
        with lost(bought.payments, "drop_before"):
            bought.refund(500)

        calls.resolve_due(now=datetime.now(UTC) + timedelta(days=2))

        assert Refund.objects.get().state == RefundState.FAILED
        assert bought.stand() == (100, 100, 0)
        assert gateway.read_payment(bought.payment_id).refunded_minor == 0
        assert_clean(bought.wallet)

    def test_a_webhook_may_come_first(self, bought: Bought) -> None:
        with lost(bought.payments, "drop"):
            bought.refund(500)

        settlement.settle(bought.payment_id)

        assert Refund.objects.get().state == RefundState.SUCCEEDED
        assert bought.stand() == (75, 75, 0)


class TestByHand:
    @pytest.fixture
    def transferred(self, at_stripe: Payments) -> Bought:
        purchase = order(seller(), method=Method.BANK_TRANSFER)
        return Bought(at_stripe, grant_paid(purchase, payment_id=f"deposit:{purchase.pk}"), factories.staff())

    def test_the_credits_go_at_once_and_stripe_is_not_called(self, transferred: Bought) -> None:
        refund = transferred.refund(1_000)

        assert refund.state == RefundState.PENDING
        assert transferred.stand() == (50, 50, 0)
        assert transferred.payments.exchanges == []

    def test_staff_say_that_it_is_paid_back_once(self, transferred: Bought) -> None:
        refund = transferred.refund(1_000)

        for _ in range(2):
            refunding.close_by_hand(refund, is_paid=True, actor=transferred.staff, reason="Sent today.")
        refunding.close_by_hand(refund, is_paid=False, actor=transferred.staff, reason="A slip.")

        assert Refund.objects.get().state == RefundState.SUCCEEDED
        assert transferred.stand() == (50, 50, 0)
        assert AuditEvent.objects.filter(action="refund.succeeded", reason="Sent today.").count() == 1

    def test_or_that_it_can_not_be(self, transferred: Bought) -> None:
        refund = transferred.refund(2_000)

        refunding.close_by_hand(refund, is_paid=False, actor=transferred.staff, reason="Account closed.")

        assert transferred.stand() == (100, 100, 0)
        assert_clean(transferred.wallet)

    def test_what_stripe_pays_is_not_closed_by_hand(self, bought: Bought) -> None:
        refund = bought.refund(500)
        with pytest.raises(refunding.RefundRefused):
            refunding.close_by_hand(refund, is_paid=False, actor=bought.staff, reason="?")


class TestPreview:
    def test_it_returns_the_effect_and_writes_nothing(self, bought: Bought) -> None:
        bought.spend(30)
        choice = refunding.RefundChoice(amount_minor=2_000, mode=RefundMode.ALL, reason="")
        events = AuditEvent.objects.count()

        effect = refunding.preview(bought.purchase, choice)

        assert (effect.taken, effect.owed, effect.balance_before, effect.balance_after) == (70, 30, 70, -30)
        assert (effect.before.left, effect.before.spent, effect.debt_after) == (70, 30, 30)
        assert (effect.after.refundable_minor, effect.after.spent) == (0, 30)
        assert bought.stand() == (70, 70, 0)
        assert not Refund.objects.exists()
        assert AuditEvent.objects.count() == events

    def test_it_refuses_what_would_be_refused(self, bought: Bought) -> None:
        bought.spend(100)
        with pytest.raises(refunding.RefundRefused, match="¥0"):
            refunding.preview(
                bought.purchase, refunding.RefundChoice(amount_minor=1, mode=RefundMode.UNSPENT, reason="")
            )


class TestAuditor:
    @pytest.mark.parametrize(
        "lie",
        [{"state": RefundState.FAILED}, {"amount_minor": 1_980}],
        ids=["credits taken for no money", "too few taken"],
    )
    def test_it_names_credits_that_do_not_go_with_the_money(self, bought: Bought, lie: dict[str, object]) -> None:
        bought.refund(1_000)
        assert_clean(bought.wallet)

        Refund.objects.update(**lie)

        (broken,) = audit.prove(PURCHASES, audit.Scope(now=datetime.now(UTC), wallet_id=bought.wallet.pk))
        assert broken.invariant.name == "reversals_took_their_share"
        assert "50 credits taken instead of" in broken.first.what
