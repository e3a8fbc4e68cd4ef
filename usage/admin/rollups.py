"""How far each organization is added up, for staff; days can be asked for again, with a reason."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.widgets import AdminDateWidget
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from organizations.admin.audit_trail import ReadOnlyAdmin
from organizations.models import User
from usage import rollups
from usage.models import UsageRollup
from usage.reports.periods import Days


class DaysForm(forms.Form):
    """Which days are to be added up again, and why."""

    first = forms.DateField(label=gettext_lazy("From"), widget=AdminDateWidget)
    last = forms.DateField(label=gettext_lazy("To"), widget=AdminDateWidget)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=500, help_text=gettext_lazy("Kept in the audit events.")
    )

    def clean(self) -> dict[str, Any]:
        """Refuse days that end before they begin."""
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and first > last:
            self.add_error("last", _("This is before the first day."))
        return data


@admin.register(UsageRollup)
class UsageRollupAdmin(ReadOnlyAdmin):
    """Organizations that are behind come first."""

    list_display = ["organization", "time_zone", "through_on", "rolled_at"]
    list_select_related = ["organization"]
    search_fields = ["organization__slug", "organization__name"]
    ordering = ["through_on", "organization__name"]
    actions = ["add_up_again"]

    def has_add_up_again_permission(self, request: HttpRequest) -> bool:
        """Who may have days added up again."""
        return request.user.has_perm("usage.change_usagerollup")

    @admin.action(description=gettext_lazy("Add days up again"), permissions=["add_up_again"])
    def add_up_again(self, request: HttpRequest, queryset: QuerySet[UsageRollup]) -> HttpResponse | None:
        """Ask which days and why; then mark them. The job does the work."""
        chosen = queryset.select_related("organization").order_by("organization_id")
        form = DaysForm(request.POST if "reason" in request.POST else None)
        if not form.is_valid():
            context = {"title": _("Add days up again"), "form": form, "selected": chosen}
            return TemplateResponse(
                request,
                "usage/admin/add_up_again.html",
                {**self.admin_site.each_context(request), **context},
                status=422 if form.is_bound else 200,
            )
        days = Days(form.cleaned_data["first"], form.cleaned_data["last"])
        actor, reason = cast("User", request.user), form.cleaned_data["reason"]
        with transaction.atomic():
            marked = sum(rollups.ask_again(one.organization, days, actor=actor, reason=reason) for one in chosen)
        sentence = ngettext(
            "%(days)s day will be added up again within minutes.",
            "%(days)s days will be added up again within minutes.",
            marked,
        )
        messages.success(request, sentence % {"days": marked})
        return None
