"""Disputes: opened they freeze, lost they take, won they thaw; an inquiry does nothing."""

from datetime import UTC, datetime, timedelta

import pytest

from billing import stripe_gateway as gateway
from billing.models import Dispute, RefundMode
from billing.refunds import disputes, refunding, settlement
from credits import ledger
from organizations.models import AuditEvent
from tests.support.billing.payments import Payments
from tests.support.billing.reversal_stage import Bought, assert_clean, buy, grant_more, seller

pytestmark = pytest.mark.django_db


@pytest.fixture
def bought(at_stripe: Payments) -> Bought:
    """100 credits for ¥2,000, 30 of them spent."""
    bought = buy(at_stripe, seller())
    bought.spend(30)
    return bought


def dispute(bought: Bought, **how: object) -> str:
    """The bank opens a dispute, and we hear of it."""
    bought.payments.control("open_dispute", charge=bought.charge_id, **how)
    settlement.settle(bought.payment_id)
    return gateway.read_disputes(bought.payment_id)[0].id


def end(bought: Bought, act: str, dispute_id: str) -> None:
    """The bank decides, and we hear of it, twice."""
    bought.payments.control(act, dispute=dispute_id)
    for _ in range(2):
        settlement.settle(bought.payment_id)


def freezes() -> list[str]:
    return list(
        AuditEvent.objects.filter(action__startswith="grant.").order_by("created_at").values_list("action", flat=True)
    )


def test_an_open_dispute_freezes_what_is_left(bought: Bought) -> None:
    dispute(bought)

    assert bought.grant.frozen_at is not None
    assert bought.stand() == (70, 70, 0)
    with pytest.raises(ledger.InsufficientCredits):
        bought.spend(1)
    assert list(disputes.open_ones(bought.purchase.organization)) == [Dispute.objects.get()]
    assert AuditEvent.objects.get(action="grant.frozen").target == str(bought.grant.pk)
    assert_clean(bought.wallet)


def test_a_won_one_thaws_it(bought: Bought) -> None:
    end(bought, "win_dispute", dispute(bought))

    assert bought.grant.frozen_at is None
    bought.spend(70)
    assert freezes() == ["grant.frozen", "grant.thawed"]
    assert Dispute.objects.get().closed_at is not None
    assert_clean(bought.wallet)


def test_a_lost_one_takes_what_is_left_and_makes_the_rest_a_debt(bought: Bought) -> None:
    end(bought, "lose_dispute", dispute(bought))

    assert bought.stand() == (0, -30, 30)
    row = Dispute.objects.get()
    assert row.void_operation is not None
    assert row.void_operation.credits == -100
    assert_clean(bought.wallet)


def test_one_that_is_lost_and_then_won_gives_all_back(bought: Bought, monkeypatch: pytest.MonkeyPatch) -> None:
    identifier = dispute(bought)
    end(bought, "lose_dispute", identifier)
    before = Dispute.objects.get()
    states = [
        gateway.DisputeState(
            id=identifier,
            payment_id=bought.payment_id,
            charge_id=None,
            amount_minor=2_000,
            currency="JPY",
            status="won",
            reason="fraudulent",
            created_at=before.opened_at,
            evidence_due_at=None,
        )
    ]
    monkeypatch.setattr(gateway, "read_disputes", lambda _payment: states)

    settlement.settle(bought.payment_id)

    assert bought.stand() == (70, 70, 0)
    assert bought.grant.frozen_at is None
    assert_clean(bought.wallet)


def test_a_part_refunded_and_all_disputed_counts_once(bought: Bought) -> None:
    bought.refund(1_000)
    end(bought, "lose_dispute", dispute(bought))

    assert bought.stand() == (0, -30, 30)
    assert refunding.position_of(bought.purchase).refundable_minor == 0
    assert_clean(bought.wallet)


def test_an_inquiry_freezes_nothing_and_takes_nothing(bought: Bought) -> None:
    identifier = dispute(bought, inquiry=True)

    assert bought.grant.frozen_at is None
    assert not disputes.open_ones(bought.purchase.organization).exists()
    end(bought, "lose_dispute", identifier)
    assert bought.stand() == (70, 70, 0)
    assert Dispute.objects.get().status == "warning_closed"
    bought.refund(2_000, mode=RefundMode.ALL)


def test_what_staff_froze_before_stays_frozen(bought: Bought) -> None:
    wallet_id = bought.wallet.pk
    with ledger.open_book(keys=[(wallet_id, "")]) as book:
        ledger.freeze(book, wallet_id=wallet_id, grant_id=bought.grant.pk)

    end(bought, "win_dispute", dispute(bought))

    assert bought.grant.frozen_at is not None
    assert freezes() == []


def test_other_credits_can_be_spent_meanwhile(bought: Bought) -> None:
    grant_more(bought, 50)
    dispute(bought)

    bought.spend(50)

    assert bought.stand() == (70, 70, 0)
    assert_clean(bought.wallet)


def test_an_answer_that_is_behind_changes_nothing(bought: Bought, monkeypatch: pytest.MonkeyPatch) -> None:
    identifier = dispute(bought)
    behind = gateway.read_disputes(bought.payment_id)
    end(bought, "lose_dispute", identifier)
    monkeypatch.setattr(gateway, "read_disputes", lambda _payment: behind)

    settlement.settle(bought.payment_id)

    assert Dispute.objects.get().status == "lost"
    assert bought.stand() == (0, -30, 30)


def test_a_dispute_of_a_payment_that_is_not_known_settles_the_purchase_first(at_stripe: Payments) -> None:
    organization = seller()
    paid = buy(at_stripe, organization)
    at_stripe.control("open_dispute", charge=paid.charge_id)

    # As if nothing but the dispute's event had arrived, for a further order.
    other = buy(at_stripe, organization, card="4000000000000259")
    at_stripe.settle()
    settlement.settle(other.payment_id)

    assert other.grant.frozen_at is not None
    assert paid.grant.frozen_at is None
    settlement.settle(paid.payment_id)
    assert paid.grant.frozen_at is not None


def test_a_payment_that_is_not_ours_is_left_alone(at_stripe: Payments) -> None:
    from tests.support.billing.gateway_acts import charge, customer, save_card

    buyer = customer()
    stranger = charge(buyer, save_card(at_stripe, buyer))
    at_stripe.control("open_dispute", charge=stranger.charge_id)

    assert settlement.settle(stranger.id) is None
    assert not Dispute.objects.exists()


def test_the_time_of_closing_is_the_ledgers(bought: Bought) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    identifier = dispute(bought)
    bought.payments.control("win_dispute", dispute=identifier)

    settlement.settle(bought.payment_id, now=later)

    assert Dispute.objects.get().closed_at == later
