"""Audit events, for staff to read: who did what, when and why. Nobody can change them."""

from django.contrib import admin

from organizations.admin.read_only import ReadOnlyAdmin
from organizations.models import AuditEvent


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Newest first."""

    list_display = ["created_at", "action", "target", "organization", "actor", "reason"]
    list_select_related = ["organization", "actor"]
    list_filter = ["action"]
    search_fields = ["target", "organization__slug", "organization__name", "actor__email", "reason"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
