"""Usage events, for staff to read. Usage is refunded through the API."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from organizations.admin.read_only import ReadOnlyAdmin
from usage.models import UsageEvent


@admin.register(UsageEvent)
class UsageEventAdmin(ReadOnlyAdmin):
    """Newest first: identifiers are time-ordered."""

    list_display = ["occurred_at", "organization", "user", "service", "feature", "model", "credits", "refunded"]
    list_select_related = ["organization", "user", "service", "feature"]
    list_filter = ["feature__program"]
    search_fields = ["organization__slug", "user__email", "=operation__id"]
    search_help_text = gettext_lazy("organization, email address or event")
    ordering = ["-operation_id"]
