"""Limits, for staff: set and taken away through the same verbs as on owners' pages, with a reason."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from credits.models import MAX_CREDITS, Wallet
from organizations.admin.audit_trail import AuditedAdmin, ReasonForm
from organizations.models import User
from usage.limits import clear_limit, set_limit
from usage.models import Limit


class LimitForm(ReasonForm):
    """Whose limit, how many credits a month, and why."""

    credits = forms.IntegerField(
        label=gettext_lazy("Credits a month"),
        min_value=0,
        max_value=MAX_CREDITS,
        help_text=gettext_lazy("In smallest units."),
    )

    class Meta:
        model = Limit
        fields = ["organization", "team", "user", "credits"]

    def clean(self) -> dict[str, Any]:
        """Refuse, each at its field, what the verb would refuse."""
        data = super().clean() or {}
        organization, team, user = (data.get(name, getattr(self.instance, name, None)) for name in WHOSE)
        if organization is None:
            return data
        if not Wallet.objects.filter(organization=organization).exists():
            self._refuse("organization", _("The organization has no wallet."))
        if team is not None and user is not None:
            self._refuse("user", _("A limit is for a team or for a user, not for both."))
        if team is not None and team.organization_id != organization.pk:
            self._refuse("team", _("The team belongs to another organization."))
        if user is not None and not organization.memberships.filter(user=user).exists():
            self._refuse("user", _("This is not a member of the organization."))
        return data

    def _refuse(self, name: str, sentence: str) -> None:
        self.add_error(name if name in self.fields else None, sentence)


class WhyForm(forms.Form):
    """Why limits are taken away."""

    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=500)


WHOSE = ("organization", "team", "user")


@admin.register(Limit)
class LimitAdmin(AuditedAdmin):
    """With neither team nor user, a limit is the whole organization's."""

    form = LimitForm
    list_display = ["organization", "scope", "team", "user", "credits", "created_at"]
    list_filter = ["scope"]
    list_select_related = ["organization", "team", "user"]
    search_fields = ["organization__slug", "organization__name", "team__name", "user__email"]
    ordering = ["organization__name", "scope"]
    raw_id_fields = WHOSE
    fields = [*WHOSE, "credits", "reason"]
    actions = ["clear"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """Whose a limit is stays; only how much changes."""
        return WHOSE if obj else ()

    def save_model(self, request: HttpRequest, obj: Limit, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: ARG002, FBT001
        """Set it through the verb, which locks the wallet and records who did it."""
        made = set_limit(
            organization=obj.organization,
            team=obj.team,
            user=obj.user,
            credits=form.cleaned_data["credits"],
            actor=cast("User", request.user),
            reason=form.cleaned_data["reason"],
        )
        obj.__dict__.update(made.__dict__)

    @admin.action(description=gettext_lazy("Take the selected limits away"))
    def clear(self, request: HttpRequest, queryset: QuerySet[Limit]) -> HttpResponse | None:
        """Ask why; then take all away, or none."""
        limits = queryset.select_related("organization", "team", "user").order_by("organization_id", "id")
        form = WhyForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            context = {"title": _("Take limits away"), "form": form, "selected": limits}
            return TemplateResponse(
                request,
                "usage/admin/clear_limits.html",
                {**self.admin_site.each_context(request), **context},
                status=422 if form.is_bound else 200,
            )
        with transaction.atomic():
            for limit in limits:
                clear_limit(limit=limit, actor=cast("User", request.user), reason=form.cleaned_data["reason"])
        messages.success(request, _("The limits are taken away."))
        return None
