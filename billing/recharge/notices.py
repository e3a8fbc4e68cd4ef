"""What follows from an attempt of auto-recharge: owners are notified that it stopped, staff that it charges too often.

Both in the transaction of the attempt; the words of the owners' notice are in `events`.
"""

import logging
from datetime import datetime, timedelta

from django.core.mail import mail_admins
from django.db import transaction

from billing.audit_actions import Action
from billing.models import Purchase, RechargeAttempt, RechargeState
from billing.recharge.events import RECHARGE_FAILED, RechargeFailed
from domain_events.publishing import publish
from organizations import audit_events

logger = logging.getLogger(__name__)

# More successes than this within an hour are looked at by people.
MOST_AN_HOUR = 3
HOUR = timedelta(hours=1)


def publish_failure(attempt: RechargeAttempt, purchase: Purchase, *, now: datetime) -> None:
    """Publish that this attempt's failure stopped auto-recharge. In the transaction that pauses the rule; once for an
    attempt."""
    payload = RechargeFailed(
        organization=attempt.organization.slug,
        needs_person=attempt.state == RechargeState.NEEDS_PERSON,
        amount_minor=attempt.amount_minor,
        currency=purchase.currency,
        reason=attempt.error_message,
    )
    key = f"recharge:{attempt.pk}"
    publish(RECHARGE_FAILED, payload, organization_id=attempt.organization_id, key=key, now=now)


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
