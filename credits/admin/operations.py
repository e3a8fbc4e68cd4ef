"""Operations with their entries, for staff to read."""

from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from credits.admin.ledger_pages import SEARCHED, LedgerAdmin, amount
from credits.models import Entry, Operation


@admin.register(Operation)
class OperationAdmin(LedgerAdmin):
    """Newest first. What happened is never edited: a further operation corrects a mistake."""

    list_display = ["written_at", "wallet", "kind", "source", "change", "balance", "actor", "actor_label", "feature"]
    list_filter = ["kind", "source"]
    list_select_related = ["wallet__organization", "wallet__program", "actor"]
    search_fields = ["=id", "=idempotency_key", *(f"wallet__{field}" for field in SEARCHED)]
    ordering = ["-id"]
    fields = [
        "id",
        "wallet",
        "number",
        "kind",
        "source",
        "change",
        "balance",
        "occurred_at",
        "written_at",
        "actor",
        "actor_label",
        "feature",
        "resource",
        "memo",
        "subject",
        "idempotency_key",
        "entries",
    ]
    readonly_fields = ["id", "change", "balance", "entries"]

    @admin.display(description=gettext_lazy("credits"), ordering="credits")
    def change(self, operation: Operation) -> str:
        return amount(operation.credits, operation.wallet.program)

    @admin.display(description=gettext_lazy("balance after"), ordering="balance_after")
    def balance(self, operation: Operation) -> str:
        return amount(operation.balance_after, operation.wallet.program)

    @admin.display(description=gettext_lazy("entries"))
    def entries(self, operation: Operation) -> SafeString:
        """The entries as a table. Their primary key has two columns, so they have no pages of their own."""
        program = operation.wallet.program
        entries = Entry.objects.filter(
            wallet=operation.wallet_id, number__range=(operation.first_number, operation.number)
        ).order_by("number")
        lines = [(entry, amount(entry.amount, program), amount(entry.balance_after, program)) for entry in entries]
        return render_to_string("credits/admin/entries.html", {"lines": lines})
