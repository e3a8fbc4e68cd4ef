"""Who did what, when and why: for staff to look up, for nobody to change."""

from django.contrib import admin

from organizations.admin.audit_trail import ReadOnlyAdmin
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
    show_full_result_count = False
