"""Services, for staff: renamed, and AI switched through the same verb as on owners' pages."""

from typing import Any, cast

from django.contrib import admin
from django.http import HttpRequest

from organizations.admin.audited import AuditedAdmin
from organizations.models import User
from usage.audit_actions import Action
from usage.models import Service
from usage.services.ai_switch import switch_ai


@admin.register(Service)
class ServiceAdmin(AuditedAdmin):
    """Services exist from their first use on. Staff rename and switch them."""

    changed = Action.SERVICE_CHANGED_BY_STAFF
    list_display = ["name", "key", "organization", "is_ai_on", "switched_at"]
    list_filter = ["is_ai_on"]
    list_select_related = ["organization"]
    search_fields = ["name", "key", "organization__slug", "organization__name"]
    ordering = ["organization__name", "name"]
    fields = ["organization", "key", "name", "is_ai_on", "switched_at", "reason"]
    readonly_fields = ["organization", "key", "switched_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002
        """Nobody may."""
        return False

    def save_model(self, request: HttpRequest, obj: Service, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: ARG002, FBT001
        """Switch AI through the verb, then save the name alone: the form's copy of the switch may be outdated."""
        actor, reason = cast("User", request.user), form.cleaned_data["reason"]
        if "is_ai_on" in form.changed_data:
            switch_ai(service=obj, on=form.cleaned_data["is_ai_on"], actor=actor, reason=reason)
        if "name" in form.changed_data:
            obj.save(update_fields=["name"])
            details = {"name": {"from": form.initial["name"], "to": obj.name}}
            self.record(request, obj, self.changed, reason=reason, details=details)
