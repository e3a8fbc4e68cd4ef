"""Refund requests: owners ask where the program allows it, and staff answer once, by a refund or a message.

An answer is mailed after the commit, in the organization's language, to whoever asked.
"""

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from billing.audit_actions import Action
from billing.models import Purchase, Refund, RefundRequest, RequestState
from billing.refunds import clawback, refunding
from organizations import audit_events
from organizations.formats import format_money
from organizations.models import User
from organizations.refusals import Refusal

ANSWERS = {
    RequestState.GRANTED: Action.REFUND_REQUEST_GRANTED,
    RequestState.DECLINED: Action.REFUND_REQUEST_DECLINED,
}


class RequestRefused(Refusal):
    """A refund of this purchase can't be requested, or the request is answered; the message says why."""


def may_request(purchase: Purchase) -> bool:
    """Whether an owner may request a refund: the program allows it, and something can still be refunded."""
    return refunding.is_allowed(purchase) and clawback.reversed_minor(purchase) < purchase.amount_minor


def request(purchase: Purchase, *, message: str, actor: User, now: datetime | None = None) -> RefundRequest:
    """Request a refund, or return the request that is open. Raises RequestRefused."""
    instant = now or timezone.now()
    with transaction.atomic():
        # Under the purchase's lock a double click requests once.
        Purchase.objects.select_for_update(no_key=True).get(pk=purchase.pk)
        earlier = RefundRequest.objects.filter(purchase=purchase, state=RequestState.OPEN).first()
        if earlier is not None:
            return earlier
        if not may_request(purchase):
            raise RequestRefused(_("This purchase can't be refunded."))
        asked = RefundRequest.objects.create(purchase=purchase, message=message, requested_by=actor, created_at=instant)
        _record(asked, Action.REFUND_REQUESTED, actor=actor, reason=message, now=instant)
    return asked


def decline(asked: RefundRequest, *, answer: str, actor: User, now: datetime | None = None) -> RefundRequest:
    """Decline a request with a message for the owner. Raises RequestRefused if it is answered already."""
    with transaction.atomic():
        locked = RefundRequest.objects.select_for_update(no_key=True).get(pk=asked.pk)
        if locked.state != RequestState.OPEN:
            raise RequestRefused(_("This request has already been answered."))
        _answer(locked, RequestState.DECLINED, answer=answer, actor=actor, now=now or timezone.now())
    return locked


def grant(refund: Refund, *, actor: User, now: datetime | None = None) -> None:
    """Answer the purchase's open request, if there is one, by a refund that was begun."""
    with transaction.atomic():
        asked = RefundRequest.objects.select_for_update(no_key=True).filter(
            purchase=refund.purchase, state=RequestState.OPEN
        )
        for each in asked:
            with translation.override(refund.purchase.organization.language):
                answer = _("%(amount)s is being refunded.") % {"amount": money(refund.amount_minor, refund.purchase)}
            _answer(each, RequestState.GRANTED, answer=answer, actor=actor, now=now or timezone.now())


def money(amount_minor: int, purchase: Purchase) -> str:
    """Format money of a purchase in the active language."""
    return format_money(amount_minor, currency=purchase.currency, language=translation.get_language() or "en")


def _answer(asked: RefundRequest, state: RequestState, *, answer: str, actor: User, now: datetime) -> None:
    asked.state, asked.answer, asked.answered_by, asked.answered_at = state, answer, actor, now
    asked.save(update_fields=["state", "answer", "answered_by", "answered_at"])
    _record(asked, ANSWERS[state], actor=actor, reason=answer, now=now)
    # Robust: a mail server that is down must not undo the answer, which the purchase's page shows too.
    transaction.on_commit(lambda: _mail(asked), robust=True)


def _mail(asked: RefundRequest) -> None:
    purchase = asked.purchase
    organization = purchase.organization
    # Built from the setting, never from a request: a forged Host header must not get into a mail.
    link = settings.BASE_URL.rstrip("/") + reverse("refund_request", args=[organization.slug, purchase.reference])
    with translation.override(organization.language):
        context = {"request": asked, "purchase": purchase, "link": link}
        subject = _("Your refund request for %(reference)s") % {"reference": purchase.reference}
        mail = EmailMultiAlternatives(
            subject=subject,
            body=render_to_string("billing/refunds/answer_email.txt", context),
            to=[asked.requested_by.email],
        )
        mail.attach_alternative(render_to_string("billing/refunds/answer_email.html", context), "text/html")
        mail.send()


def _record(asked: RefundRequest, action: Action, *, actor: User, reason: str, now: datetime) -> None:
    audit_events.record(
        action=action,
        organization=asked.purchase.organization,
        actor=actor,
        target=asked.purchase.reference,
        reason=reason,
        details={"request": asked.pk},
        now=now,
    )
