"""Reservations, to look at; releasing one that its caller forgot, with a reason."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from credits import ledger
from credits.admin.forms import ActForm
from credits.admin.ledger_pages import SEARCHED, Act, Done, LedgerAdmin, Refused, amount
from credits.models import Reservation
from organizations.models import User


def make_reason_form(_reservation: Reservation, data: Any) -> ActForm:
    return ActForm(data)


def release(reservation: Reservation, _form: ActForm, _actor: User) -> Done:
    """Give everything back to its grants; a second time it does nothing."""
    try:
        with ledger.open_book(keys=[(reservation.wallet_id, "")]) as book:
            released = ledger.release(book, wallet_id=reservation.wallet_id, reservation_id=reservation.pk)
    except ledger.ReservationClosed as closed:
        raise Refused(_("This reservation was settled: refund the usage instead.")) from closed
    sentence = _("The reservation is closed: its credits are free again.")
    return Done(sentence, None if released.was_replayed else {"credits": reservation.credits})


@admin.register(Reservation)
class ReservationAdmin(LedgerAdmin):
    """Newest first."""

    list_display = [
        "created_at",
        "wallet",
        "state",
        "held",
        "feature",
        "actor",
        "actor_label",
        "expires_at",
        "closed_at",
    ]
    list_filter = ["state"]
    list_select_related = ["wallet__organization", "wallet__program", "actor"]
    search_fields = ["=id", "=idempotency_key", *(f"wallet__{field}" for field in SEARCHED)]
    ordering = ["-id"]
    fields = [
        "id",
        "wallet",
        "state",
        "held",
        "feature",
        "resource",
        "actor",
        "actor_label",
        "created_at",
        "expires_at",
        "closed_at",
        "operation",
        "idempotency_key",
    ]
    readonly_fields = ["id", "held"]
    acts = (
        Act(
            "release",
            gettext_lazy("Release"),
            "reservation.released",
            "credits.change_reservation",
            make_reason_form,
            release,
        ),
    )

    @admin.display(description=gettext_lazy("credits"), ordering="credits")
    def held(self, reservation: Reservation) -> str:
        return amount(reservation.credits, reservation.wallet.program)
