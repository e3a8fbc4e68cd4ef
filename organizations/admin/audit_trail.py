"""What every admin page of this room does: no change by staff without an audit event, and no deletion.

Where a page's form has a `reason`, the event tells it.
"""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _

from organizations import audit_events
from organizations.models import Organization, User
from organizations.refusals import Refusal

# What must never be written down, not even as "changed from".
SECRET_FIELDS = {"password"}


class ReasonForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form that asks why."""

    reason = forms.CharField(label=_("Reason"), max_length=500, help_text=_("Kept in the audit events."))


class AuditedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """An admin page whose changes leave an audit event; rows are closed or revoked elsewhere, never deleted."""

    form = ReasonForm
    # What the action is called: "user" gives "user.created_by_staff" and "user.changed_by_staff".
    audited_as = ""

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody."""
        return False

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
            "changed_by_staff" if change else "created_by_staff",
            reason=form.cleaned_data.get("reason", ""),
            details={name: told(form, name, change=change) for name in form.changed_data if name != "reason"},
        )

    def record(self, request: HttpRequest, obj: Any, what: str, *, reason: str, details: dict[str, Any]) -> None:
        """Write one event about `obj`, in its organization if it has one."""
        audit_events.record(
            action=f"{self.audited_as}.{what}",
            organization=obj if isinstance(obj, Organization) else getattr(obj, "organization", None),
            actor=cast("User", request.user),
            target=str(getattr(obj, "public_id", None) or getattr(obj, "slug", obj.pk)),
            reason=reason,
            details=details,
        )


class _LookOnly:
    """Refuses every change."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        return False


class ReadOnlyAdmin(_LookOnly, admin.ModelAdmin):  # type: ignore[type-arg]
    """A page to look at."""


class ReadOnlyInline(_LookOnly, admin.TabularInline):  # type: ignore[type-arg]
    """Rows of another table, to look at."""

    extra = 0


def told(form: Any, name: str, *, change: bool) -> Any:
    """What the event says of one field."""
    if name in SECRET_FIELDS:
        return "set"
    to = str(form.cleaned_data[name])
    return {"from": str(form.initial.get(name)), "to": to} if change else to
