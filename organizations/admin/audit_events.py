"""Audit events, for staff to read: who did what, when and why. Nobody can change them."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from organizations.admin.read_only import ReadOnlyAdmin
from organizations.audit_events import known_actions
from organizations.models import AuditEvent


class ActionFilter(admin.SimpleListFilter):
    """The events of one action. The declarations are listed: finding those in use would read the whole table."""

    title = gettext_lazy("action")
    parameter_name = "action"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:  # noqa: ARG002
        return [(action.value, action.value) for action in known_actions()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEvent]) -> QuerySet[AuditEvent]:  # noqa: ARG002
        return queryset.filter(action=self.value()) if self.value() else queryset


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Newest first."""

    list_display = ["created_at", "action", "target", "organization", "actor", "reason"]
    list_select_related = ["organization", "actor"]
    list_filter = [ActionFilter]
    search_fields = ["target", "organization__slug", "organization__name", "actor__email", "reason"]
    date_hierarchy = "created_at"
    ordering = ["-created_at"]
