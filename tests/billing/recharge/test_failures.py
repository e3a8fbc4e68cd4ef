"""Auto-recharge when the bank declines or wants the owner: it backs off, stops, shows why, and can be restarted."""

from datetime import timedelta
from typing import Any

import pytest

from billing.models import Purchase, RechargeAttempt
from billing.recharge import consent
from billing.recharge.events import RECHARGE_FAILED
from notices.models import Notice
from organizations.models import AuditEvent
from tests.support import factories
from tests.support.billing.payments import Payments
from tests.support.billing.recharges import ASKING_CARD, DECLINING_CARD, HOUR, LOT_MINOR, MINUTE, Recharging, set_up
from tests.support.billing.shop import prove_books

pytestmark = pytest.mark.django_db


@pytest.fixture
def declined(at_stripe: Payments) -> Recharging:
    """Below the threshold, with a card that is always declined."""
    here = set_up(at_stripe, card=DECLINING_CARD)
    here.spend(200_000)
    return here


@pytest.fixture
def asked(at_stripe: Payments) -> Recharging:
    """Below the threshold, with a card whose bank wants the customer present."""
    here = set_up(at_stripe, card=ASKING_CARD)
    here.spend(200_000)
    return here


def the_notice() -> Notice:
    """The one notice that was given."""
    return Notice.objects.get(kind=RECHARGE_FAILED.name)


class TestDeclines:
    def test_the_attempt_says_why_and_its_order_has_failed(self, declined: Recharging) -> None:
        declined.sweep()

        (attempt,) = declined.attempts()
        assert (attempt.state, attempt.error_code) == ("failed", "generic_decline")
        assert attempt.error_message == "Your card was declined."
        assert (attempt.purchase.state, attempt.purchase.failure) == ("failed", "Your card was declined.")
        assert attempt.purchase.stripe_payment_intent_id == declined.charges()[0]["id"]
        assert declined.taken_minor() == 0

    def test_one_hour_passes_before_the_next_try(self, declined: Recharging) -> None:
        for _ in range(59):
            declined.sweep(MINUTE)
        assert len(declined.charges()) == 1
        declined.sweep(2 * MINUTE)
        assert len(declined.charges()) == 2

    def test_three_stop_it_and_the_owners_are_notified_once(self, declined: Recharging) -> None:
        bob = factories.person("Bob")
        factories.member(declined.shop.organization, bob, role="owner")
        for _ in range(60):
            declined.sweep(HOUR / 2)

        assert len(declined.charges()) == 3
        assert (declined.row.pause_reason, declined.row.failures) == ("failures", 3)
        notice = the_notice()
        assert notice.created_at == declined.row.paused_at
        assert notice.details == {
            "organization": declined.shop.organization.slug,
            "needs_person": False,
            "amount_minor": LOT_MINOR,
            "currency": "EUR",
            "reason": "Your card was declined.",
        }
        assert sorted(mail.user.name for mail in notice.mails.select_related("user")) == ["Alice", "Bob"]

    def test_a_success_forgets_earlier_failures(self, declined: Recharging) -> None:
        declined.sweep()
        declined.put_card_on_file()
        declined.sweep(2 * HOUR)

        assert declined.states() == ["failed", "succeeded"]
        assert (declined.row.failures, declined.row.retry_at) == (0, None)
        prove_books()

    def test_another_default_card_lets_it_go_on(self, declined: Recharging) -> None:
        for _ in range(3):
            declined.sweep(HOUR)
        declined.put_card_on_file()

        declined.sweep(MINUTE)

        assert declined.states() == ["failed"] * 3 + ["succeeded"]
        assert declined.row.paused_at is None
        assert AuditEvent.objects.get(action="auto_recharge.resumed").reason == "another payment method"

    def test_the_same_card_does_not(self, declined: Recharging) -> None:
        for _ in range(3):
            declined.sweep(HOUR)
        declined.sweep(timedelta(days=30))

        assert len(declined.charges()) == 3

    def test_an_owner_starts_it_again(self, declined: Recharging) -> None:
        for _ in range(3):
            declined.sweep(HOUR)

        consent.restart(organization=declined.shop.organization, actor=declined.shop.owner, now=declined.now)
        consent.restart(organization=declined.shop.organization, actor=declined.shop.owner, now=declined.now)

        assert AuditEvent.objects.filter(action="auto_recharge.restarted").count() == 1
        assert not Notice.objects.filter(kind=RECHARGE_FAILED.name, dismissed_at=None).exists()
        declined.sweep()
        assert len(declined.charges()) == 4
        assert declined.row.paused_at is None

    def test_each_attempt_leaves_an_audit_event(self, declined: Recharging) -> None:
        declined.sweep()

        event = AuditEvent.objects.get(action="auto_recharge.failed")
        assert event.target == Purchase.objects.get().reference
        assert event.details["code"] == "generic_decline"

    def test_a_card_that_stripe_no_longer_has_is_a_failure_too(self, declined: Recharging, caplog: Any) -> None:
        method = declined.put_card_on_file()
        type(method).objects.filter(pk=method.pk).update(stripe_id="pm_gone")

        declined.sweep()

        assert declined.states() == ["failed"]
        assert declined.row.failures == 1
        assert "Stripe refused the charge" in caplog.text


class TestTheBankWantsToSeeTheOwner:
    def test_it_stops_at_once_and_makes_no_more_payments(self, asked: Recharging) -> None:
        for _ in range(10):
            asked.sweep(HOUR)

        assert asked.states() == ["needs_person"]
        assert len(asked.charges()) == 1
        assert asked.row.pause_reason == "authentication"
        notice = the_notice()
        assert notice.details["needs_person"] is True
        assert notice.key == f"recharge:{asked.attempts()[0].pk}"

    def test_a_notice_that_can_not_be_written_leaves_the_attempt_open(
        self, asked: Recharging, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as broken:
            broken.setattr("billing.recharge.notices.publish", lambda *_, **__: 1 / 0)
            assert asked.sweep() == {"recharges": 0, "failed": 1}
        assert (asked.states(), asked.row.paused_at) == (["pending"], None)
        asked.sweep(HOUR)
        assert asked.states() == ["needs_person"]
        assert the_notice().details["needs_person"] is True

    def test_stopped_again_it_gives_notice_again(self, asked: Recharging) -> None:
        asked.sweep()
        consent.restart(organization=asked.shop.organization, actor=asked.shop.owner, now=asked.now)
        asked.sweep(HOUR)
        assert Notice.objects.filter(kind=RECHARGE_FAILED.name).count() == 2


class TestStaffsWord:
    def test_it_stops_everything_and_no_owner_undoes_it(self, at_stripe: Payments) -> None:
        here = set_up(at_stripe)
        stella = factories.staff()
        assert consent.pause(organization=here.shop.organization, actor=stella, reason="odd", now=here.now)
        assert not consent.pause(organization=here.shop.organization, actor=stella, reason="odd", now=here.now)
        here.spend(200_000)
        here.sweep()
        assert here.attempts() == []

        with pytest.raises(consent.PausedByStaff):
            consent.restart(organization=here.shop.organization, actor=here.shop.owner, now=here.now)
        here.agree(limit=6_000)
        here.sweep(MINUTE)
        assert here.attempts() == []

        assert consent.resume(organization=here.shop.organization, actor=stella, reason="fine", now=here.now)
        here.sweep(MINUTE)
        assert here.states() == ["succeeded"]
        assert here.taken_minor() == LOT_MINOR
        assert RechargeAttempt.objects.count() == 1
