"""What people ask for on the pages of the ledger, checked: days, and which operations to show."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from credits.history.queries import Edge, OperationFilters
from credits.labels import TYPES
from credits.models import EntryKind, Source
from organizations.audit_actions import Action
from organizations.calendar import ONE_DAY, midnight
from organizations.models import AuditEvent, Organization, User

# Wide enough for every import, narrow enough that no calendar or time zone ends.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 1, 1)


class DayField(forms.DateField):
    """A day as the browser's own date field sends it, in whatever language the page is."""

    def __init__(self, label: Any) -> None:
        widget = forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
        super().__init__(label=label, required=False, input_formats=["%Y-%m-%d"], widget=widget)

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day is not None and not FIRST_DAY <= day <= LAST_DAY:
            raise forms.ValidationError(_("Enter a date between the years 2000 and 2100."))
        return day


class DaysForm(forms.Form):
    """From one day to another, both included, on the organization's clocks."""

    since = DayField(_("From"))
    until = DayField(_("To"))

    def clean(self) -> dict[str, Any]:
        cleaned = self.cleaned_data
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and until < since:
            self.add_error("until", _("The end date is before the start date."))
        if self.errors:
            self.add_error(None, _("No results. Please correct:"))
        return cleaned

    def period(self, zone: ZoneInfo) -> tuple[datetime | None, datetime | None]:
        """Return the instants at which the days begin and end; None where a side is open."""
        since, until = self.cleaned_data["since"], self.cleaned_data["until"]
        return (
            midnight(since, zone) if since else None,
            midnight(until + ONE_DAY, zone) if until else None,
        )


class HistoryForm(DaysForm):
    """Which operations to show. Made for one organization; `features`: the keys and names of its program's."""

    kind = forms.ChoiceField(label=_("Type"), required=False)
    source = forms.ChoiceField(label=_("Source"), required=False)
    feature = forms.ChoiceField(label=_("Feature"), required=False)
    user = forms.ChoiceField(label=_("User"), required=False)

    field_order = ["since", "until", "kind", "source", "feature", "user"]

    def __init__(self, *args: Any, organization: Organization, features: dict[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.people = people_of(organization)
        kinds = [(kind, capfirst(str(TYPES[kind]))) for kind in EntryKind.values if kind != EntryKind.DEBT]
        choices: dict[str, list[tuple[Any, Any]]] = {
            "kind": [("", _("All types")), *kinds],
            "source": [("", _("All sources")), *((value, capfirst(label)) for value, label in Source.choices)],
            "feature": [("", _("All features")), *features.items()],
            "user": [("", _("All users")), *((user.public_id, str(user)) for user in self.people)],
        }
        for name, options in choices.items():
            field = self.fields[name]
            if isinstance(field, forms.ChoiceField):
                field.choices = options

    def filters(self, zone: ZoneInfo) -> OperationFilters:
        """Return what was asked for. The form must be valid."""
        asked = self.cleaned_data
        since, until = self.period(zone)
        return OperationFilters(
            kinds=[asked["kind"]] if asked["kind"] else [],
            sources=[asked["source"]] if asked["source"] else [],
            features=[asked["feature"]] if asked["feature"] else [],
            user_id=next((user.pk for user in self.people if user.public_id == asked["user"]), None),
            since=since,
            until=until,
        )


def people_of(organization: Organization) -> list[User]:
    """Return everyone who is or was a member, by name. What they did stays in the history."""
    past = AuditEvent.objects.filter(organization=organization, action__in=[Action.MEMBER_REMOVED, "member.left"])
    current = User.objects.filter(memberships__organization=organization)
    former = User.objects.filter(public_id__in=past.values("target"))
    return list(current.union(former).order_by("name", "email"))


def read_edge(text: str) -> Edge | None:
    """Read where a page begins, as its address says; None for no place. Raises ValueError for nonsense."""
    if not text:
        return None
    number, _, operation_id = text.partition("_")
    if not (number.isascii() and number.isdecimal() and len(number) <= 18):
        raise ValueError(text)
    return Edge(int(number), UUID(operation_id))


def write_edge(edge: Edge | None) -> str:
    """Write where a page begins for its address; nothing for no place."""
    return f"{edge.number}_{edge.operation_id}" if edge else ""
