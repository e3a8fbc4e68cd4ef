"""What every form of staff asks: the reason. Forms of acts also carry a token, so that a form sent twice acts once."""

import uuid
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


class ReasonField(forms.CharField):
    """Why staff do something: required, at most 500 characters."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            **{"label": _("Reason"), "max_length": 500, "help_text": _("Kept in the audit events."), **options}
        )


class ReasonForm(forms.ModelForm):  # type: ignore[type-arg]
    """The form of a row that staff create or change, with the reason."""

    reason = ReasonField()


class ActForm(forms.Form):
    """The form of an act: the reason, and a token that is new each time the form is opened."""

    token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    reason = ReasonField()

    @property
    def key(self) -> str:
        """The idempotency key of what the form asks for. The form must be valid."""
        return f"staff:{self.cleaned_data['token']}"
