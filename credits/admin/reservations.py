"""Reservations, for staff to read; one that its caller forgot can be released."""

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from credits import ledger
from credits.admin.ledger_pages import SEARCHED, LedgerAdmin, amount
from credits.audit_actions import Action
from credits.models import Reservation
from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.models import User
from organizations.refusals import Refusal


def release(reservation: Reservation, _form: ActForm, _actor: User) -> Done:
    """Return the credits to their grants. The second time changes nothing."""
    try:
        with ledger.open_book(keys=[(reservation.wallet_id, "")]) as book:
            released = ledger.release(book, wallet_id=reservation.wallet_id, reservation_id=reservation.pk)
    except ledger.ReservationClosed as closed:
        raise Refusal(_("This reservation was settled. Refund the usage instead.")) from closed
    details = None if released.was_replayed else {"credits": reservation.credits}
    return Done(message=_("The reservation is released. Its credits can be spent again."), details=details)


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
    row_acts = (
        Act(
            name="release",
            label=gettext_lazy("Release"),
            effect=gettext_lazy("Returns the reserved credits to their grants."),
            permission="credits.change_reservation",
            action=Action.RESERVATION_RELEASED,
            run=release,
        ),
    )

    @admin.display(description=gettext_lazy("credits"), ordering="credits")
    def held(self, reservation: Reservation) -> str:
        return amount(reservation.credits, reservation.wallet.program)
