"""How far each organization's usage is rolled up, for staff, who can have days rolled up again."""

from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from organizations.admin.acts import Act, Done
from organizations.admin.forms import ActForm
from organizations.admin.read_only import ReadOnlyAdmin
from organizations.calendar import Days
from organizations.models import User
from usage import rollups
from usage.models import UsageRollup


class DaysForm(ActForm):
    """The days to roll up again, and the reason."""

    first = forms.DateField(label=gettext_lazy("From"), widget=forms.DateInput(attrs={"type": "date"}))
    last = forms.DateField(label=gettext_lazy("To"), widget=forms.DateInput(attrs={"type": "date"}))

    field_order = ["first", "last", "reason", "token"]

    def clean(self) -> dict[str, Any]:
        """Refuse days that end before they begin."""
        data = super().clean() or {}
        first, last = data.get("first"), data.get("last")
        if first and last and first > last:
            self.add_error("last", _("This is before the first day."))
        return data


def make_days_form(_chosen: list[UsageRollup], data: Any) -> DaysForm:
    return DaysForm(data)


def listed(chosen: list[UsageRollup]) -> list[str]:
    """How far each is rolled up."""
    line = _("%(organization)s: rolled up through %(day)s (%(zone)s)")
    return [
        line % {"organization": one.organization, "day": one.through_on.isoformat(), "zone": one.time_zone}
        for one in chosen
    ]


def roll_up_again(chosen: list[UsageRollup], form: ActForm, actor: User) -> Done:
    """Have the days of all of them rolled up again, or of none. The job does the work."""
    days = Days(form.cleaned_data["first"], form.cleaned_data["last"])
    with transaction.atomic():
        reopened = sum(
            rollups.ask_again(one.organization, days, actor=actor, reason=form.cleaned_data["reason"])
            for one in sorted(chosen, key=lambda each: each.organization_id)
        )
    message = ngettext(
        "%(days)s day will be rolled up again within minutes.",
        "%(days)s days will be rolled up again within minutes.",
        reopened,
    )
    return Done(message=message % {"days": reopened})


@admin.register(UsageRollup)
class UsageRollupAdmin(ReadOnlyAdmin):
    """Organizations that are behind come first."""

    list_display = ["organization", "time_zone", "through_on", "rolled_at"]
    list_select_related = ["organization"]
    search_fields = ["organization__slug", "organization__name"]
    ordering = ["through_on", "organization__name"]
    list_acts = (
        Act(
            name="roll_up_again",
            label=gettext_lazy("Roll days up again"),
            effect=gettext_lazy("The sums of these days are calculated again from the usage events."),
            permission="usage.change_usagerollup",
            make_form=make_days_form,
            describe=listed,
            run=roll_up_again,
        ),
    )
