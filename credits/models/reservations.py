"""Credits set aside before the work. Written by `credits.ledger` alone."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from credits.models.base import MAX_CREDITS, new_id
from credits.models.entries import Operation
from credits.models.grants import Grant
from credits.models.wallets import Wallet


class ReservationState(models.TextChoices):
    OPEN = "open", _("open")
    SETTLED = "settled", _("settled")
    RELEASED = "released", _("released")
    TIMED_OUT = "timed_out", _("timed out")


class Reservation(models.Model):
    """Credits set aside before the work because its cost is not known: open, then settled, released or timed out."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    wallet = models.ForeignKey(Wallet, on_delete=models.PROTECT, related_name="reservations", db_index=False)
    idempotency_key = models.CharField(max_length=300)
    content_hash = models.BinaryField(max_length=32)
    state = models.CharField(_("state"), max_length=10, choices=ReservationState, default=ReservationState.OPEN)
    credits = models.BigIntegerField(_("credits"))
    available_after = models.BigIntegerField()
    feature = models.CharField(_("feature"), max_length=100, blank=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+", db_index=False
    )
    actor_label = models.CharField(_("via"), max_length=150, blank=True)
    resource = models.JSONField(_("resource"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("times out"))
    closed_at = models.DateTimeField(_("closed"), null=True, blank=True)
    # The usage operation that settled it.
    operation = models.OneToOneField(
        Operation, on_delete=models.PROTECT, null=True, blank=True, related_name="reservation"
    )

    class Meta:
        verbose_name = _("reservation")
        verbose_name_plural = _("reservations")
        indexes = [
            models.Index(fields=["wallet"], condition=models.Q(state="open"), name="reservation_open_by_wallet"),
            models.Index(fields=["expires_at"], condition=models.Q(state="open"), name="reservation_open_by_time_out"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["wallet", "idempotency_key"], name="reservation_key_is_used_once"),
            models.CheckConstraint(
                condition=models.Q(state__in=ReservationState.values), name="reservation_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(credits__gt=0, credits__lte=MAX_CREDITS), name="reservation_credits_in_bounds"
            ),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("created_at")), name="reservation_times_out_later"
            ),
            models.CheckConstraint(
                condition=models.Q(state="open", closed_at=None) | ~models.Q(state="open") & ~models.Q(closed_at=None),
                name="reservation_is_closed_with_a_time",
            ),
            models.CheckConstraint(
                condition=models.Q(state="settled", operation__isnull=False)
                | ~models.Q(state="settled") & models.Q(operation=None),
                name="reservation_is_settled_by_an_operation",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.state} {self.credits}"


class ReservationDraw(models.Model):
    """What a reservation took from one grant, in the order of the burn-down. Kept after the end, as a record."""

    pk = models.CompositePrimaryKey("reservation_id", "position")
    reservation = models.ForeignKey(Reservation, on_delete=models.PROTECT, related_name="draws", db_index=False)
    position = models.PositiveSmallIntegerField()
    grant = models.ForeignKey(Grant, on_delete=models.PROTECT, related_name="+")
    credits = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["reservation", "grant"], name="reservation_draws_once_per_grant"),
            models.CheckConstraint(condition=models.Q(credits__gt=0), name="reservation_draw_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.credits}"
