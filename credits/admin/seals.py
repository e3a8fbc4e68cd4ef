"""Seals of clean audits, for staff to compare with the hashes that were printed and kept elsewhere."""

from typing import Any

from django.contrib import admin
from django.db.models import Count, F, QuerySet, Sum
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from credits.models import AuditSeal
from organizations.admin.read_only import ReadOnlyAdmin


@admin.register(AuditSeal)
class AuditSealAdmin(ReadOnlyAdmin):
    """Newest first."""

    list_display = ["number", "sealed_at", "wallets", "entries", "hash_in_hex"]
    ordering = ["-number"]
    fields = ["number", "sealed_at", "wallets", "entries", "hash_in_hex", "previous_in_hex"]
    readonly_fields = ["wallets", "entries", "hash_in_hex", "previous_in_hex"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditSeal]:
        """Add how many wallets and entries each seal covers for the first time."""
        lengths = F("segments__to_number") - F("segments__from_number") + 1
        seals: QuerySet[AuditSeal] = super().get_queryset(request)
        return seals.annotate(wallets=Count("segments__wallet", distinct=True), entries=Sum(lengths, default=0))

    @admin.display(description=gettext_lazy("wallets"))
    def wallets(self, seal: Any) -> int:
        """How many wallets had new entries."""
        return int(seal.wallets)

    @admin.display(description=gettext_lazy("entries"))
    def entries(self, seal: Any) -> int:
        """How many entries were sealed for the first time."""
        return int(seal.entries)

    @admin.display(description=gettext_lazy("hash"))
    def hash_in_hex(self, seal: AuditSeal) -> str:
        """As `manage.py audit_ledger --seal` printed it."""
        return bytes(seal.hash).hex()

    @admin.display(description=gettext_lazy("hash of the previous seal"))
    def previous_in_hex(self, seal: AuditSeal) -> str:
        """Zeros for the first seal."""
        return bytes(seal.previous_hash).hex()
