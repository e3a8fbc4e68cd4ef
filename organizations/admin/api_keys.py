"""API keys, for staff: product servers' keys are created here and shown once; any key can be revoked."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.admin.acts import Act, Done, secret_page
from organizations.admin.audited import AuditedAdmin
from organizations.admin.forms import ActForm, ReasonForm
from organizations.api_keys import create_key, revoke_key
from organizations.models import ApiKey, User


class NewKeyForm(ReasonForm):
    """A product server's key: it may act for any organization."""

    class Meta:
        model = ApiKey
        fields = ["name", "scope"]

    def clean_name(self) -> str:
        """Refuse the name of another valid key."""
        name = str(self.cleaned_data["name"])
        if ApiKey.objects.filter(organization=None, name__iexact=name, revoked_at=None).exists():
            raise forms.ValidationError(_("A key named %(name)s already exists.") % {"name": name})
        return name


def valid(keys: list[ApiKey]) -> list[str]:
    """The keys that can still be revoked."""
    return [str(key) for key in keys if key.revoked_at is None] or [_("All of these are already revoked.")]


def revoke(keys: list[ApiKey], form: ActForm, actor: User) -> Done:
    """Revoke all keys that are still valid, or none."""
    with transaction.atomic():
        for key in keys:
            if key.revoked_at is None:
                revoke_key(key=key, actor=actor, reason=form.cleaned_data["reason"])
    return Done(message=_("The keys are revoked."))


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin):
    """Keys are created and revoked, never changed. The hash is never shown, the key itself once, when it is created."""

    form = NewKeyForm
    list_display = ["name", "hint", "organization", "scope", "created_by", "created_at", "last_used_at", "revoked_at"]
    list_filter = ["scope"]
    list_select_related = ["organization", "created_by"]
    search_fields = ["name", "hint", "public_id", "organization__name", "organization__slug"]
    ordering = ["-created_at"]
    list_acts = (
        Act(
            name="revoke",
            label=gettext_lazy("Revoke the selected keys"),
            effect=gettext_lazy("Requests with these keys are refused from now on. This can't be undone."),
            permission="organizations.change_apikey",
            describe=valid,
            run=revoke,
        ),
    )

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody may edit a key."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        if obj is None:
            return ["name", "scope", "reason"]
        return ["public_id", "name", "hint", "organization", "scope", "created_by", "last_used_at", "revoked_at"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: ARG002, FBT001
        """Create the key, and keep its text for the response alone."""
        created, text = create_key(
            organization=None,
            name=form.cleaned_data["name"],
            scope=form.cleaned_data["scope"],
            created_by=cast("User", request.user),
            reason=form.cleaned_data["reason"],
        )
        obj.__dict__.update(created.__dict__)
        obj.shown_once = text  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:  # noqa: ARG002
        """Show the key, this once."""
        back = reverse("admin:organizations_apikey_changelist")
        return secret_page(request, title=_("Your new key"), subject=obj.name, secret=obj.shown_once, back=back)  # type: ignore[attr-defined]
