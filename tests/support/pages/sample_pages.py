"""Addresses of pages that show every component with invented figures: for the accessibility tests and for the eye."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.template import RequestContext, Template
from django.urls import path

from config.urls import urlpatterns as real_urlpatterns
from organizations.models import User

SOURCES = Path(__file__).parent / "samples"
ORGANIZATION = SimpleNamespace(slug="acme", name="Acme Marketing Berlin GmbH")
PROGRAM = SimpleNamespace(decimals=0, unit="tokens")


class SettingsForm(forms.Form):
    name = forms.CharField(label="Name", help_text="As it should stand on receipts.")
    threshold = forms.IntegerField(label="Warn me below", min_value=1, required=False)
    role = forms.ChoiceField(label="Role", choices=[("owner", "Owner"), ("member", "Member")], widget=forms.RadioSelect)
    team = forms.ChoiceField(label="Team", choices=[("", "No team"), ("t", "Research")], required=False)
    two_factors = forms.BooleanField(label="Require two-factor authentication", required=False)
    note = forms.CharField(label="Note", widget=forms.Textarea, required=False)


class FilterForm(forms.Form):
    kind = forms.ChoiceField(label="Type", choices=[("", "All"), ("usage", "Usage")], required=False)
    since = forms.DateField(label="From", widget=forms.DateInput(attrs={"type": "date"}), required=False)
    until = forms.DateField(label="To", widget=forms.DateInput(attrs={"type": "date"}), required=False)
    person = forms.ChoiceField(label="User", choices=[("", "All users")], required=False)


def _chart() -> dict[str, Any]:
    return {
        "id": "balance",
        "title": "Balance over time",
        "description": "Fell from 4,100,000 on Oct 1 to 1,284,500 today, with one purchase on Oct 14.",
        "template": Template((SOURCES / "chart.svg").read_text()),
        "legend": [
            {"kind": "chart-line", "label": "Balance"},
            {"kind": "chart-line chart-line-forecast", "label": "At this pace"},
            {"kind": "chart-mark", "label": "Credits in"},
            {"kind": "chart-mark-out", "label": "Credits expired"},
        ],
        "columns": [{"label": "Day"}, {"label": "Change", "number": True}, {"label": "Balance", "number": True}],
        "rows": [
            ["Oct 1", "−120,000", "4,100,000"],
            ["Oct 14", "+2,500,000", "4,420,000"],
            ["Nov 2", "−99,500", "1,284,500"],
        ],
        "total": ["Sum", "+2,280,500", ""],
    }


def page(request: HttpRequest, slug: str, name: str) -> HttpResponse:
    """Show the sample `name`, as to an owner, with a message."""
    request.membership = SimpleNamespace(role="owner")  # type: ignore[attr-defined]
    request.user = User(email="mia@acme.example", name="Mia")
    messages.info(request, "The invitation to jonas@acme.example was sent.")
    bound = SettingsForm({"name": "", "threshold": "0", "role": "owner"})
    context = {
        "organization": ORGANIZATION,
        "program": PROGRAM,
        "chart": _chart(),
        "facts": [("Program", "enrich"), ("Time zone", "Europe/Berlin"), ("Currency", "EUR")],
        "form": bound,
        "filters": FilterForm(request.GET),
        "operations": range(6),
    }
    return HttpResponse(Template((SOURCES / f"{name}.html").read_text()).render(RequestContext(request, context)))


urlpatterns = [
    path("o/<slug:slug>/", page, {"name": "dashboard"}, name="dashboard"),
    path("o/<slug:slug>/history/", page, {"name": "history"}, name="history"),
    path("o/<slug:slug>/settings/", page, {"name": "settings"}, name="settings"),
    *(
        path(f"o/<slug:slug>/{name}/", page, {"name": "settings"}, name=name)
        for name in ("usage", "members", "teams", "api_keys")
    ),
    *real_urlpatterns,
]
