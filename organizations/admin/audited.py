"""The base of pages on which staff edit rows: a change leaves an audit event with its reason; nothing is deleted."""

from typing import Any, cast

from django.contrib import messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from organizations import audit_events
from organizations.admin.acts import ActsAdmin
from organizations.admin.forms import ReasonForm
from organizations.audit_events import AuditAction
from organizations.models import Organization, User
from organizations.refusals import Refusal

# Never recorded, not even as the value before a change.
SECRET_FIELDS = {"password"}


class AuditedAdmin(ActsAdmin):
    """An admin whose changes leave an audit event. Rows are closed or revoked elsewhere, never deleted."""

    form = ReasonForm
    # What is recorded where the form itself creates or changes a row. An admin whose verbs record it needs neither.
    created: AuditAction
    changed: AuditAction

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody may."""
        return False

    def organization_of(self, row: Any) -> Organization | None:
        """An organization's own page is about itself."""
        return row if isinstance(row, Organization) else super().organization_of(row)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Show a verb's refusal as a message above the same page, with nothing written."""
        try:
            return super().changeform_view(request, *args, **kwargs)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect(request.get_full_path())

    def save_model(self, request: HttpRequest, obj: models.Model, form: Any, change: bool) -> None:  # noqa: FBT001
        """Save, and record who did it, why, and which fields changed from what to what."""
        super().save_model(request, obj, form, change)
        if change and not form.changed_data:
            return
        self.record(
            request,
            obj,
            self.changed if change else self.created,
            reason=form.cleaned_data.get("reason", ""),
            details={name: _recorded(form, name, change=change) for name in form.changed_data if name != "reason"},
        )

    def record(
        self, request: HttpRequest, obj: Any, action: AuditAction, *, reason: str, details: dict[str, Any]
    ) -> None:
        """Write one audit event about `obj`, in its organization if it has one."""
        audit_events.record(
            action=action,
            organization=self.organization_of(obj),
            actor=cast("User", request.user),
            target=str(getattr(obj, "public_id", None) or getattr(obj, "slug", obj.pk)),
            reason=reason,
            details=details,
        )


def _recorded(form: Any, name: str, *, change: bool) -> Any:
    """What the audit event holds about one field."""
    if name in SECRET_FIELDS:
        return "set"
    to = str(form.cleaned_data[name])
    return {"from": str(form.initial.get(name)), "to": to} if change else to
