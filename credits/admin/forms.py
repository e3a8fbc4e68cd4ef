"""What staff fill in to grant or void credits: amounts in the program's unit, and the reason."""

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from credits.fields import CreditsField
from credits.models import Program, Source
from organizations.admin.forms import ActForm

# Staff grant these; the other sources come with money or a plan.
GRANTED_BY_STAFF = [Source.GOODWILL, Source.PROMOTION]


class GrantForm(ActForm):
    """The credits to grant, and their terms."""

    expires_at = forms.DateTimeField(
        label=_("Expires"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=_("In UTC. Leave empty if the credits never expire."),
    )
    source = forms.ChoiceField(label=_("Source"), choices=[(source.value, source.label) for source in GRANTED_BY_STAFF])
    priority = forms.IntegerField(
        label=_("Priority"), min_value=0, max_value=100, initial=50, help_text=_("0 to 100. Lower is used first.")
    )
    features = forms.CharField(
        label=_("Only for features"),
        required=False,
        max_length=500,
        help_text=_("Feature keys, separated by commas. Leave empty for all features."),
    )

    def __init__(self, data: Any, *, program: Program) -> None:
        super().__init__(data)
        self.fields["credits"] = CreditsField(
            decimals=program.decimals, label=_("Amount"), help_text=program.get_unit_display()
        )
        self.order_fields(["credits", "source", "expires_at", "priority", "features", "reason", "token"])

    def clean_expires_at(self) -> datetime | None:
        """Refuse an expiry in the past."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise ValidationError(_("Enter a time in the future."))
        return expires_at

    def clean_features(self) -> frozenset[str] | None:
        """Return the keys, or None for all features."""
        keys = [key.strip() for key in self.cleaned_data["features"].split(",")]
        return frozenset(key for key in keys if key) or None


class VoidForm(ActForm):
    """How much of a grant to void."""

    def __init__(self, data: Any, *, program: Program) -> None:
        super().__init__(data)
        self.fields["credits"] = CreditsField(
            decimals=program.decimals,
            required=False,
            label=_("Amount"),
            help_text=_("Leave empty to void everything that is neither used nor reserved."),
        )
        self.order_fields(["credits", "reason", "token"])
