"""Which days the usage page is about, checked."""

from datetime import date
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from credits.forms import DaysForm
from usage import periods
from usage.periods import Days

PRESETS = {
    "this_month": (_("This month"), periods.this_month),
    "last_month": (_("Last month"), periods.last_month),
    "last_30_days": (_("Last 30 days"), periods.last_30_days),
}


class UsageForm(DaysForm):
    """A preset, or days of one's own; this month if nothing was asked for."""

    range = forms.ChoiceField(required=False, widget=forms.HiddenInput, choices=[(key, key) for key in PRESETS])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        since, until = cleaned.get("since"), cleaned.get("until")
        if not self.errors and (since is None) != (until is None):
            self.add_error("until" if since else "since", _("Name both days."))
            self.add_error(None, _("Nothing is shown. Please look at:"))
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


def preset_label(key: str) -> str | Promise:
    """What a preset is called."""
    return PRESETS[key][0]
