"""Whom auto-recharge tells what: owners why it has stopped, by mail, once; staff where it fires too often.

That a mail is owed is a row (`told_at` is empty while the rule is paused); the sweep sends what did not leave.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.core.mail import EmailMultiAlternatives, mail_admins
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from billing.models import AutoRecharge, PauseReason, RechargeAttempt, RechargeState
from organizations import audit_events
from organizations.access import owners_of
from organizations.formats import format_money

logger = logging.getLogger(__name__)

TOLD_TO_OWNERS = (PauseReason.FAILURES, PauseReason.AUTHENTICATION)
# More successes than this within an hour are looked at by people.
MOST_AN_HOUR = 3
HOUR = timedelta(hours=1)


def tell_owners(*, organization_id: int | None = None, now: datetime | None = None) -> None:
    """Mail the owners of every rule (of one organization, if it is named) that stopped and was not told of yet.

    Never raises: a mail that can't leave is logged, and tried again by the next call. Outside any transaction.
    """
    owed = AutoRecharge.objects.filter(pause_reason__in=TOLD_TO_OWNERS, told_at=None, is_on=True)
    if organization_id is not None:
        owed = owed.filter(pk=organization_id)
    for pk in list(owed.values_list("pk", flat=True)):
        try:
            with transaction.atomic():
                # Whoever holds the row is sending this mail right now.
                mine = owed.select_for_update(no_key=True, of=("self",), skip_locked=True)
                row = mine.select_related("organization", "pack").filter(pk=pk).first()
                if row is not None:
                    _mail(row)
                    row.told_at = now or timezone.now()
                    row.save(update_fields=["told_at"])
        except Exception:  # the money is settled; a mail server must not undo that
            logger.exception("The owners of organization %s could not be told", pk)


def _mail(row: AutoRecharge) -> None:
    organization = row.organization
    last = RechargeAttempt.objects.select_related("purchase").filter(organization=organization).latest("created_at")
    link = settings.BASE_URL.rstrip("/") + reverse("auto_recharge", args=[organization.slug])
    with translation.override(organization.language):
        context = {
            "organization": organization,
            "needs_person": row.pause_reason == PauseReason.AUTHENTICATION,
            "attempt": last,
            "purchase": last.purchase,
            "amount": format_money(last.amount_minor, currency=last.purchase.currency, language=organization.language),
            "link": link,
        }
        subject = _("Auto-recharge has stopped at %(organization)s") % {"organization": organization.name}
        mail = EmailMultiAlternatives(
            subject=" ".join(subject.split()),
            body=render_to_string("billing/emails/auto_recharge_stopped.txt", context),
            to=[owner.email for owner in owners_of(organization)],
        )
        mail.attach_alternative(render_to_string("billing/emails/auto_recharge_stopped.html", context), "text/html")
        mail.send()


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
        action="auto_recharge.burst",
        organization=organization,
        target=str(attempt.pk),
        details={"paid_within_an_hour": paid},
        now=now,
    )
    transaction.on_commit(lambda: mail_admins("Auto-recharge fires often", sentence), robust=True)
