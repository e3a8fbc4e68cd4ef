"""Limits, for staff: set and taken away through the same verbs as on owners' pages, with a reason."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.postgres.forms import SimpleArrayField
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from credits.models import MAX_CREDITS, Wallet
from organizations.admin.audit_trail import AuditedAdmin, ReadOnlyAdmin, ReasonForm
from organizations.models import User
from usage.limits import clear_limit, queries, set_limit
from usage.models import Limit, LimitRequest


class LimitForm(ReasonForm):
    """Whose limit, how many credits a month, and why."""

    credits = forms.IntegerField(
        label=gettext_lazy("Credits a month"),
        min_value=0,
        max_value=MAX_CREDITS,
        help_text=gettext_lazy("In smallest units."),
    )

    thresholds = SimpleArrayField(
        forms.IntegerField(min_value=1, max_value=100),
        label=gettext_lazy("Thresholds, in per cent"),
        required=False,
        help_text=gettext_lazy("Empty: as they are; for a new limit, the program's."),
    )

    class Meta:
        model = Limit
        fields = ["organization", "team", "user", "feature", "credits", "thresholds"]

    def clean(self) -> dict[str, Any]:
        """Refuse, each at its field, what the verb would refuse."""
        data = super().clean() or {}
        organization, team, user, feature = (data.get(name, getattr(self.instance, name, None)) for name in WHOSE)
        if organization is None:
            return data
        wallet = Wallet.objects.filter(organization=organization).first()
        if wallet is None:
            self._refuse("organization", _("The organization has no wallet."))
        elif feature is not None and feature.program_id != wallet.program_id:
            self._refuse("feature", _("The organization's program has no such feature."))
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


WHOSE = ("organization", "team", "user", "feature")
# Shown beside what may be changed: raises are the owners' affair.
SHOWN = ("used", "raised_credits", "raised_until")


@admin.register(Limit)
class LimitAdmin(AuditedAdmin):
    """With neither team nor user, a limit is the whole organization's; without a feature, of all features."""

    form = LimitForm
    list_display = [*WHOSE, "scope", "credits", "raised_credits", "raised_until", "created_at"]
    list_filter = ["scope"]
    list_select_related = list(WHOSE)
    search_fields = ["organization__slug", "organization__name", "team__name", "user__email"]
    ordering = ["organization__name", "scope"]
    raw_id_fields = WHOSE
    fields = [*WHOSE, "credits", "thresholds", "used", "raised_credits", "raised_until", "reason"]
    actions = ["clear"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """Whose a limit is stays; only how much changes, and when people are told."""
        return (*WHOSE, *SHOWN) if obj else SHOWN

    @admin.display(description=gettext_lazy("used this month"))
    def used(self, limit: Limit) -> str:
        """What counts this month, and what is reserved; in smallest units."""
        if not limit.pk:
            return "-"
        (row,) = queries.stand([limit], organization=limit.organization, now=timezone.now())
        return _("%(used)s, reserved %(reserved)s") % {"used": row.state.used, "reserved": row.state.reserved}

    def save_model(self, request: HttpRequest, obj: Limit, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: ARG002, FBT001
        """Set it through the verb, which locks the wallet and records who did it."""
        made = set_limit(
            organization=obj.organization,
            team=obj.team,
            user=obj.user,
            feature=obj.feature,
            credits=form.cleaned_data["credits"],
            thresholds=form.cleaned_data["thresholds"] or None,
            actor=cast("User", request.user),
            reason=form.cleaned_data["reason"],
        )
        obj.__dict__.update(made.__dict__)
        (row,) = queries.stand([made], organization=obj.organization, now=timezone.now())
        if row.left == 0:
            messages.warning(request, _("Nothing is left of this limit: further use is refused."))

    @admin.action(description=gettext_lazy("Take the selected limits away"))
    def clear(self, request: HttpRequest, queryset: QuerySet[Limit]) -> HttpResponse | None:
        """Ask why; then take all away, or none."""
        limits = queryset.select_related(*WHOSE).order_by("organization_id", "id")
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


@admin.register(LimitRequest)
class LimitRequestAdmin(ReadOnlyAdmin):
    """What members asked for, to look at; owners answer on their own page."""

    list_display = ["created_at", "user", "limit", "credits", "message", "state", "answered_by", "answered_at"]
    list_filter = ["state"]
    list_select_related = ["user", "limit", "answered_by"]
    search_fields = ["public_id", "user__email", "limit__organization__slug", "limit__organization__name"]
    ordering = ["-created_at"]
