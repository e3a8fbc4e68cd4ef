"""API keys, for staff: product servers' keys are made here and shown once; any key can be revoked, with a reason."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.cache import add_never_cache_headers
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.admin.audit_trail import AuditedAdmin, ReasonForm
from organizations.api_keys import create_key, revoke_key
from organizations.models import ApiKey, User


class NewKeyForm(ReasonForm):
    """A product server's key: it may act for any organization."""

    class Meta:
        model = ApiKey
        fields = ["name", "scope"]

    def clean_name(self) -> str:
        """A valid key has its name alone."""
        name = str(self.cleaned_data["name"])
        if ApiKey.objects.filter(organization=None, name__iexact=name, revoked_at=None).exists():
            raise forms.ValidationError(_("There is a key named %(name)s already.") % {"name": name})
        return name


class WhyForm(forms.Form):
    """Why keys are revoked."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


@admin.register(ApiKey)
class ApiKeyAdmin(AuditedAdmin):
    """Made and revoked, never changed. The hash is nobody's business; the text is on the answer to the creation."""

    form = NewKeyForm
    audited_as = "api_key"
    list_display = ["name", "hint", "organization", "scope", "created_by", "created_at", "last_used_at", "revoked_at"]
    list_filter = ["scope"]
    list_select_related = ["organization", "created_by"]
    search_fields = ["name", "hint", "public_id", "organization__name", "organization__slug"]
    ordering = ["-created_at"]
    actions = ["revoke"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A key is looked at; only the list needs the right, for its action."""
        return obj is None and super().has_change_permission(request, obj)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        if obj is None:
            return ["name", "scope", "reason"]
        return ["public_id", "name", "hint", "organization", "scope", "created_by", "last_used_at", "revoked_at"]

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: ARG002, FBT001
        """Make the key and keep its text for the answer, nowhere else."""
        made, text = create_key(
            organization=None,
            name=form.cleaned_data["name"],
            scope=form.cleaned_data["scope"],
            created_by=cast("User", request.user),
            reason=form.cleaned_data["reason"],
        )
        obj.__dict__.update(made.__dict__)
        obj.shown_once = text  # type: ignore[attr-defined]

    def response_add(self, request: HttpRequest, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:  # noqa: ARG002
        """Show the key's text, this once."""
        context = {**self.admin_site.each_context(request), "title": _("Your new key"), "key": obj}
        secret = {"secret": obj.shown_once}  # type: ignore[attr-defined]
        response = TemplateResponse(request, "organizations/admin/api_key_created.html", {**context, **secret})
        add_never_cache_headers(response)
        return response

    @admin.action(description=gettext_lazy("Revoke the selected keys"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> HttpResponse | None:
        """Ask why; then revoke all that are still valid, or none."""
        valid = queryset.filter(revoked_at=None)
        form = WhyForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            context = {"title": _("Revoke keys"), "keys": valid, "form": form, "selected": queryset}
            return TemplateResponse(
                request,
                "organizations/admin/revoke_api_keys.html",
                {**self.admin_site.each_context(request), **context},
                status=422 if form.is_bound else 200,
            )
        with transaction.atomic():
            for key in valid:
                revoke_key(key=key, actor=cast("User", request.user), reason=form.cleaned_data["reason"])
        messages.success(request, _("The keys are revoked."))
        return None
