"""What staff fill in to act on the ledger: amounts in the program's unit, and always a reason.

The hidden token is the act's idempotency key: a form that is sent twice acts once.
"""

import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from credits.models import MAX_CREDITS, Program, Source

# What staff give away; the other sources come with money or a plan, by their own roads.
GIVEN_BY_STAFF = [Source.GOODWILL, Source.PROMOTION]


class CreditsField(forms.DecimalField):
    """An amount typed in the program's unit; `cleaned_data` has it as an integer of smallest units, exactly.

    least: the smallest amount that is taken, in smallest units.
    """

    def __init__(self, *, decimals: int, least: int = 1, **options: Any) -> None:
        self.decimals = decimals
        super().__init__(
            min_value=Decimal(least).scaleb(-decimals), max_value=Decimal(MAX_CREDITS).scaleb(-decimals), **options
        )

    def to_python(self, value: Any) -> Decimal | None:  # type: ignore[override]
        """Refuse more decimals than the program has; nothing is rounded."""
        number = super().to_python(value)
        # An exponent is an int for every finite number; others were refused above or are by `validate`.
        exponent = number.as_tuple().exponent if number is not None else 0
        if isinstance(exponent, int) and -exponent > self.decimals:
            raise ValidationError(self._too_many_decimals())
        return number

    def clean(self, value: Any) -> Any:
        number = super().clean(value)
        return None if number is None else int(number.scaleb(self.decimals))

    def _too_many_decimals(self) -> str:
        if self.decimals == 0:
            return str(_("This program counts whole credits: enter a number without decimals."))
        return ngettext(
            "This program has %(decimals)s decimal: enter no more of them.",
            "This program has %(decimals)s decimals: enter no more of them.",
            self.decimals,
        ) % {"decimals": self.decimals}


class ActForm(forms.Form):
    """Why, and the token that makes sure that it is done once."""

    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    reason = forms.CharField(label=_("Reason"), max_length=500, help_text=_("Kept in the audit events."))

    @property
    def key(self) -> str:
        """The idempotency key of what this form asks for."""
        return f"staff:{self.cleaned_data['token']}"


class GrantForm(ActForm):
    """Credits to be given away."""

    expires_at = forms.DateTimeField(
        label=_("Expires"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
        help_text=_("In UTC. Empty: never."),
    )
    source = forms.ChoiceField(label=_("Source"), choices=[(source.value, source.label) for source in GIVEN_BY_STAFF])
    priority = forms.IntegerField(
        label=_("Priority"), min_value=0, max_value=100, initial=50, help_text=_("0 to 100; lower is used first.")
    )
    features = forms.CharField(
        label=_("Only for features"),
        required=False,
        max_length=500,
        help_text=_("Keys of features, separated by commas. Empty: for all."),
    )

    def __init__(self, data: Any, *, program: Program) -> None:
        super().__init__(data)
        self.fields["credits"] = CreditsField(
            decimals=program.decimals, label=_("Amount"), help_text=program.get_unit_display()
        )
        self.order_fields(["credits", "source", "expires_at", "priority", "features", "reason", "token"])

    def clean_expires_at(self) -> datetime | None:
        """Credits that have expired already would be of no use."""
        expires_at: datetime | None = self.cleaned_data["expires_at"]
        if expires_at is not None and expires_at <= timezone.now():
            raise ValidationError(_("Enter a time that is still to come."))
        return expires_at

    def clean_features(self) -> frozenset[str] | None:
        """The keys, or None for all features."""
        keys = [key.strip() for key in self.cleaned_data["features"].split(",")]
        return frozenset(key for key in keys if key) or None


class VoidForm(ActForm):
    """How much of a grant is taken back."""

    def __init__(self, data: Any, *, program: Program) -> None:
        super().__init__(data)
        self.fields["credits"] = CreditsField(
            decimals=program.decimals,
            required=False,
            label=_("Amount"),
            help_text=_("Empty: all that is neither used nor reserved."),
        )
        self.order_fields(["credits", "reason", "token"])
