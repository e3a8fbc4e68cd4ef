"""Usage events, for staff to look up. Nothing changes them here; refunds go through the API's verb."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from organizations.admin.audit_trail import ReadOnlyAdmin
from usage.models import UsageEvent


@admin.register(UsageEvent)
class UsageEventAdmin(ReadOnlyAdmin):
    """Newest first: identifiers grow with time."""

    list_display = ["occurred_at", "organization", "user", "service", "feature", "model", "credits", "refunded"]
    list_select_related = ["organization", "user", "service", "feature"]
    list_filter = ["feature__program"]
    search_fields = ["organization__slug", "user__email", "=operation__id"]
    search_help_text = gettext_lazy("organization, mail address or event")
    ordering = ["-operation_id"]
    show_full_result_count = False
    list_per_page = 50
