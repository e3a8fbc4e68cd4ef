"""The form field for an amount of credits."""

from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from credits.models import MAX_CREDITS


class CreditsField(forms.DecimalField):
    """An amount typed in the program's unit; `cleaned_data` holds it as an integer of smallest units, exactly.

    decimals: the program's. least: the smallest amount accepted, in smallest units.
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
            return _("This program counts whole credits: enter a number without decimals.")
        return ngettext(
            "This program has %(decimals)s decimal: enter no more of them.",
            "This program has %(decimals)s decimals: enter no more of them.",
            self.decimals,
        ) % {"decimals": self.decimals}
