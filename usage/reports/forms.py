"""Which days a usage page is about, and what it is narrowed to, checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, cast

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from credits.history.forms import DaysForm, people_of
from credits.models import Program
from organizations.calendar import Days, month_before
from organizations.models import Organization, Team
from usage.models import Feature, Rate, Service
from usage.models.prices import Pricing
from usage.reports import DIMENSIONS, Dimension, Filters, periods
from usage.reports.queries import NAMELESS

PRESETS = {
    "this_month": (_("This month"), periods.this_month),
    "last_month": (_("Last month"), month_before),
    "today": (_("Today"), periods.the_day),
    "yesterday": (_("Yesterday"), periods.yesterday),
    "last_7_days": (_("Last 7 days"), periods.last_7_days),
    "last_30_days": (_("Last 30 days"), periods.last_30_days),
    "last_90_days": (_("Last 90 days"), periods.last_90_days),
}


class RangeForm(DaysForm):
    """A preset, or days of one's own; this month if nothing was asked for."""

    range = forms.ChoiceField(required=False, widget=forms.HiddenInput, choices=[(key, key) for key in PRESETS])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        since, until = cleaned.get("since"), cleaned.get("until")
        if not self.errors and (since is None) != (until is None):
            self.add_error("until" if since else "since", _("Enter both dates."))
            self.add_error(None, _("No results. Please correct:"))
        return cleaned

    def days(self, today: date) -> Days:
        """Return the days that were asked for. The form must be valid."""
        asked = self.cleaned_data
        if asked["since"] and asked["until"]:
            return Days(asked["since"], asked["until"])
        return PRESETS[self.preset or "this_month"][1](today)

    @property
    def preset(self) -> str:
        """Which preset was asked for; empty where the days are one's own."""
        asked = self.cleaned_data
        return "" if asked["since"] else asked["range"] or "this_month"

    def initial_of(self, days: Days) -> dict[str, Any]:
        """Return what the form is to show where these days were asked for: the days themselves, so that they can be
        changed. The form must be valid."""
        return {**self.cleaned_data, "range": "", "since": days.first, "until": days.last}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a report can be narrowed to. value: how an address names it; key: the row's, or the model's name."""

    value: str
    label: str
    key: int | str | None


class UsageForm(RangeForm):
    """Days, what they are narrowed to, and whether they are compared with the days before."""

    feature = forms.ChoiceField(label=_("Feature"), required=False)
    user = forms.ChoiceField(label=_("User"), required=False)
    team = forms.ChoiceField(label=_("Team"), required=False)
    service = forms.ChoiceField(label=_("Service"), required=False)
    model = forms.ChoiceField(label=_("Model"), required=False)
    compare = forms.ChoiceField(required=False, widget=forms.HiddenInput, choices=[("no", "no")])

    def __init__(self, *args: Any, choices: Mapping[Dimension, Sequence[Choice]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = choices
        for dimension in DIMENSIONS:
            field = cast("forms.ChoiceField", self.fields[dimension])
            offered = choices[dimension]
            field.choices = [("", _("All")), *((choice.value, choice.label) for choice in offered)]
            if len([choice for choice in offered if choice.value != NAMELESS]) == 0:
                field.widget = forms.HiddenInput()

    def filters(self) -> Filters:
        """Return what was asked for. The form must be valid."""
        return {
            dimension: next(choice.key for choice in self.offered[dimension] if choice.value == asked)
            for dimension in DIMENSIONS
            if (asked := self.cleaned_data[dimension])
        }

    def chosen(self) -> list[tuple[str, str]]:
        """Return what it is narrowed to, in words: what, and which. The form must be valid."""
        return [
            (str(self.fields[dimension].label), next(c.label for c in self.offered[dimension] if c.value == asked))
            for dimension in DIMENSIONS
            if (asked := self.cleaned_data[dimension])
        ]

    def filled_in(self, days: Days) -> "UsageForm":
        """Return the form as the page shows it. The form must be valid."""
        return UsageForm(initial=self.initial_of(days), choices=self.offered)

    @property
    def compares(self) -> bool:
        """Whether the range before is asked for too, as it is unless it was declined. The form must be valid."""
        return bool(self.cleaned_data["compare"] != "no")


def choices_of(organization: Organization, program: Program, *, model: str) -> dict[Dimension, list[Choice]]:
    """Return what an organization's usage can be narrowed to. model: the one asked for, which may have no price."""
    features = Feature.objects.filter(program=program).order_by("position", "name")
    teams = Team.objects.filter(organization=organization).order_by("name", "pk")
    services = Service.objects.filter(organization=organization).order_by("name", "pk")
    priced = Rate.objects.filter(feature__program=program, pricing=Pricing.PER_TOKEN).values_list("model", flat=True)
    models = sorted({*priced.distinct(), *([model] if model not in {"", NAMELESS} and "\0" not in model else [])})
    return {
        "feature": [Choice(feature.key, str(feature), feature.pk) for feature in features],
        "user": [
            *(Choice(user.public_id, str(user), user.pk) for user in people_of(organization)),
            Choice(NAMELESS, str(_("No user")), None),
        ],
        "team": [
            *(Choice(team.public_id, str(team), team.pk) for team in teams),
            Choice(NAMELESS, str(_("No team")), None),
        ],
        "service": [Choice(service.key, str(service), service.pk) for service in services],
        "model": [*(Choice(model, model, model) for model in models), Choice(NAMELESS, str(_("No model")), "")],
    }


def preset_label(key: str) -> str | Promise:
    """What a preset is called."""
    return PRESETS[key][0]
