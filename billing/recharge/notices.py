"""Whom auto-recharge tells what: owners why it has stopped, staff where it fires too often.

Both in the transaction of the attempt; the words of a notice and its mails belong in `notices`.
"""

import logging
from datetime import datetime, timedelta

from django.core.mail import mail_admins
from django.db import transaction

from billing.audit_actions import Action
from billing.models import Purchase, RechargeAttempt, RechargeState
from notices.models import Kind
from notices.notices import give_notice
from organizations import audit_events

logger = logging.getLogger(__name__)

# More successes than this within an hour are looked at by people.
MOST_AN_HOUR = 3
HOUR = timedelta(hours=1)


def tell_owners(attempt: RechargeAttempt, purchase: Purchase, *, now: datetime) -> None:
    """Give the owners notice that this attempt's failure stopped their auto-recharge. In the transaction that pauses
    the rule; once for an attempt."""
    give_notice(
        organization=attempt.organization,
        kind=Kind.RECHARGE_FAILED,
        key=f"recharge:{attempt.pk}",
        details={
            "needs_person": attempt.state == RechargeState.NEEDS_PERSON,
            "amount_minor": attempt.amount_minor,
            "currency": purchase.currency,
            "reason": attempt.error_message,
        },
        now=now,
    )


def alarm_about_bursts(attempt: RechargeAttempt, *, now: datetime) -> None:
    """Tell staff where an organization was charged more than MOST_AN_HOUR times within the hour. Inside the attempt's
    own transaction; the mail leaves after it."""
    paid = RechargeAttempt.objects.filter(
        organization=attempt.organization_id, state=RechargeState.SUCCEEDED, closed_at__gt=now - HOUR
    ).count()
    if paid <= MOST_AN_HOUR:
        return
    organization = attempt.organization
    sentence = f"Auto-recharge charged {organization.name} ({organization.slug}) {paid} times within an hour."
    logger.error(sentence)
    audit_events.record(
        action=Action.AUTO_RECHARGE_BURST,
        organization=organization,
        target=str(attempt.pk),
        details={"paid_within_an_hour": paid},
        now=now,
    )
    transaction.on_commit(lambda: mail_admins("Auto-recharge fires often", sentence), robust=True)
