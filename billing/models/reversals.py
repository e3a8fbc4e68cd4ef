"""Reversals: refunds, requests for them, and disputes, each with the operation that took the credits.

What they take from a grant is computed in `billing.refunds`, under lock.
"""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from billing.models.purchases import Purchase
from credits.models import Operation, new_id


class RequestState(models.TextChoices):
    OPEN = "open", _("open")
    GRANTED = "granted", _("approved")
    DECLINED = "declined", _("declined")


class RefundRequest(models.Model):
    """An owner's request to have a purchase refunded, and the staff's answer."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="refund_requests")
    message = models.TextField(_("message"), max_length=2000)
    state = models.CharField(_("state"), max_length=10, choices=RequestState, default=RequestState.OPEN)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(_("requested"))
    answer = models.TextField(_("answer"), max_length=2000, blank=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    answered_at = models.DateTimeField(_("answered"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund request")
        verbose_name_plural = _("refund requests")
        constraints = [
            models.UniqueConstraint(
                fields=["purchase"], condition=models.Q(state="open"), name="refund_request_is_open_once"
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=RequestState.values), name="refund_request_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.purchase} {self.state}"


class RefundMode(models.TextChoices):
    UNSPENT = "unspent", _("only the unspent part")
    ALL = "all", _("all of it; spent credits become debt")


class RefundState(models.TextChoices):
    PENDING = "pending", _("in progress")
    UNKNOWN = "unknown", _("outcome unknown")
    SUCCEEDED = "succeeded", _("refunded")
    FAILED = "failed", _("failed")


class Refund(models.Model):
    """Money given back for a purchase, and the operation that took its credits. Committed before the call to Stripe.

    A refund made in Stripe's dashboard gets a row once it is known here. A bank transfer is sent back by hand.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="refunds")
    amount_minor = models.BigIntegerField(_("amount, in minor units"))
    credits = models.BigIntegerField(_("credits"))
    mode = models.CharField(_("mode"), max_length=8, choices=RefundMode)
    state = models.CharField(_("state"), max_length=10, choices=RefundState, default=RefundState.PENDING)
    reason = models.TextField(_("reason"))
    stripe_id = models.CharField(max_length=255, null=True, blank=True, unique=True)
    refunded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    void_operation = models.ForeignKey(Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(_("started"))
    closed_at = models.DateTimeField(_("ended"), null=True, blank=True)

    class Meta:
        verbose_name = _("refund")
        verbose_name_plural = _("refunds")
        constraints = [
            models.CheckConstraint(condition=models.Q(state__in=RefundState.values), name="refund_state_known"),
            models.CheckConstraint(condition=models.Q(mode__in=RefundMode.values), name="refund_mode_known"),
            models.CheckConstraint(condition=models.Q(amount_minor__gt=0, credits__gte=0), name="refund_in_bounds"),
        ]

    def __str__(self) -> str:
        return f"{self.purchase} {self.amount_minor}"


class Dispute(models.Model):
    """A payment that the customer's bank disputes. Open: the grant is frozen. Lost: it is voided. Won: it is thawed."""

    purchase = models.ForeignKey(Purchase, on_delete=models.PROTECT, related_name="disputes")
    stripe_id = models.CharField(max_length=255, unique=True)
    status = models.CharField(_("status"), max_length=40)
    reason = models.CharField(_("reason"), max_length=60, blank=True)
    amount_minor = models.BigIntegerField(_("amount, in minor units"))
    # Whether this dispute froze the grant; if so, its end thaws it.
    has_frozen = models.BooleanField(_("froze the grant"), default=False)
    void_operation = models.ForeignKey(Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    opened_at = models.DateTimeField(_("opened"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)

    class Meta:
        verbose_name = _("dispute")
        verbose_name_plural = _("disputes")

    def __str__(self) -> str:
        return f"{self.purchase} {self.status}"
