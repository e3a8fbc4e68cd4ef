"""What owners say of an endpoint."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from webhooks import event_types
from webhooks.addresses import LONGEST_URL, BadAddress, parse


class EndpointForm(forms.Form):
    """An endpoint's address, what it is for, and what it gets. allows_private: whether staff allowed it that."""

    url = forms.CharField(
        label=_("Endpoint URL"),
        max_length=LONGEST_URL,
        help_text=_("We send events to this URL. It must start with https:// and be on the public internet."),
        widget=forms.TextInput(attrs={"inputmode": "url", "spellcheck": "false", "autocomplete": "off"}),
    )
    description = forms.CharField(label=_("Description"), max_length=150, required=False)
    event_types = forms.MultipleChoiceField(
        label=_("Events"),
        choices=lambda: [(each.name, f"{each.name} – {each.description}") for each in event_types.offered()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Choose none to receive all events, including future ones."),
    )

    def __init__(self, *args: Any, allows_private: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.allows_private = allows_private

    def clean_url(self) -> str:
        """Only what may be called; the name is not looked up here."""
        url = str(self.cleaned_data["url"])
        try:
            parse(url, allows_private=self.allows_private)
        except BadAddress as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        return url
