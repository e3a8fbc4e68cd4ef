"""What people type about limits, checked: amounts exact, days on the organization's clocks. Verbs decide the rest."""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from credits.fields import CreditsField
from credits.history.forms import DayField
from credits.models import Program
from organizations.calendar import ONE_DAY, midnight, whole_month
from organizations.forms import open_teams
from organizations.models import Membership, Organization, User
from usage.limits.setting import MOST_THRESHOLDS
from usage.models import Feature

# So many members are offered by name while one is typed.
MOST_OFFERED = 200


class ThresholdsField(forms.CharField):
    """Per cents in one line: "50, 75, 90". `cleaned_data` has them as a list, rising."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Alert at (%)"),
            required=False,
            max_length=100,
            help_text=_("For example 50, 75, 90. An alert is always sent at 100."),
        )

    def clean(self, value: Any) -> Any:
        text: str = super().clean(value)
        parts = [part.strip().removesuffix("%").strip() for part in text.replace("、", ",").split(",")]
        try:
            percents = sorted({int(part) for part in parts if part})
        except ValueError:
            raise ValidationError(_("Enter whole numbers, separated by commas.")) from None
        if any(not 1 <= percent <= 100 for percent in percents):
            raise ValidationError(_("A threshold must be from 1 to 100 percent."))
        if len(percents) > MOST_THRESHOLDS:
            raise ValidationError(_("Enter at most %(most)s thresholds."), params={"most": MOST_THRESHOLDS})
        return percents


class AmountForm(forms.Form):
    """How much a month, and the thresholds of notices."""

    def __init__(self, *args: Any, program: Program, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["credits"] = CreditsField(
            decimals=program.decimals, least=0, label=_("Monthly limit"), help_text=program.get_unit_display()
        )
        self.fields["thresholds"] = ThresholdsField()


class AddForm(AmountForm):
    """Whose limit, for which feature, and how much."""

    whose = forms.ChoiceField(label=_("Applies to"))
    member = forms.EmailField(
        label=_("Email address of the member"),
        required=False,
        max_length=254,
        widget=forms.EmailInput(attrs={"list": "members", "autocomplete": "off"}),
        help_text=_("Only for a member's limit."),
    )
    feature = forms.ModelChoiceField(
        label=_("Feature"),
        queryset=Feature.objects.none(),
        to_field_name="key",
        required=False,
        empty_label=_("All features"),
    )

    def __init__(self, *args: Any, organization: Organization, program: Program, **options: Any) -> None:
        super().__init__(*args, program=program, **options)
        self.organization = organization
        self.teams = {team.public_id: team for team in open_teams(organization)}
        choices = [("organization", _("The whole organization")), ("member", _("A member"))]
        if self.teams:
            choices.append((_("Teams"), [(key, team.name) for key, team in self.teams.items()]))  # type: ignore[arg-type]
        whose, feature = self.fields["whose"], self.fields["feature"]
        if isinstance(whose, forms.ChoiceField) and isinstance(feature, forms.ModelChoiceField):
            whose.choices = choices
            feature.queryset = Feature.objects.filter(program=program).order_by("position", "key")
        self.order_fields(["whose", "member", "feature", "credits", "thresholds"])

    def clean(self) -> dict[str, Any]:
        """Find the member, where it is one's."""
        cleaned = super().clean() or {}
        cleaned["team"] = self.teams.get(cleaned.get("whose", ""))
        cleaned["user"] = self._member(cleaned) if cleaned.get("whose") == "member" else None
        return cleaned

    def _member(self, cleaned: dict[str, Any]) -> User | None:
        email = cleaned.get("member")
        if not email:
            if "member" not in self.errors:
                self.add_error("member", _("Enter the email address of the member."))
            return None
        found = User.objects.filter(memberships__organization=self.organization, email=email.lower()).first()
        if found is None:
            self.add_error("member", _("This user is not a member of the organization."))
        return found

    def offered(self) -> QuerySet[User]:
        """Members whose addresses are offered while one is typed."""
        members = Membership.objects.filter(organization=self.organization)
        return User.objects.filter(memberships__in=members).order_by("name", "email")[:MOST_OFFERED]


class RaiseForm(forms.Form):
    """How much a month until the end of a day."""

    day = DayField(_("Until the end of"))

    def __init__(self, *args: Any, program: Program, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["day"].required = True
        self.fields["credits"] = CreditsField(
            decimals=program.decimals, label=_("Temporary monthly limit"), help_text=program.get_unit_display()
        )
        self.order_fields(["credits", "day"])

    def until(self, zone: ZoneInfo) -> datetime:
        """The instant at which the day ends. The form must be valid."""
        return midnight(self.cleaned_data["day"] + ONE_DAY, zone)


class AskForm(forms.Form):
    """How much a month a member wants, and why."""

    message = forms.CharField(
        label=_("What do you need it for?"), required=False, max_length=500, widget=forms.Textarea(attrs={"rows": 3})
    )

    def __init__(self, *args: Any, program: Program, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["credits"] = CreditsField(
            decimals=program.decimals,
            required=False,
            label=_("Requested monthly limit"),
            help_text=_("Leave empty to request an increase without naming an amount."),
        )
        self.order_fields(["credits", "message"])


class GrantForm(forms.Form):
    """How much is allowed, and for how long."""

    how_long = forms.ChoiceField(
        label=_("Duration"),
        choices=[
            ("month", _("Until the end of this month")),
            ("day", _("Until the end of a day")),
            ("good", _("Permanently")),
        ],
        initial="month",
        widget=forms.RadioSelect,
    )
    day = DayField(_("Day"))

    def __init__(self, *args: Any, program: Program, **options: Any) -> None:
        super().__init__(*args, **options)
        self.fields["credits"] = CreditsField(
            decimals=program.decimals, label=_("New monthly limit"), help_text=program.get_unit_display()
        )
        self.order_fields(["credits", "how_long", "day"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("how_long") == "day" and not cleaned.get("day") and "day" not in self.errors:
            self.add_error("day", _("Enter the day."))
        return cleaned

    def until(self, *, today: date, zone: ZoneInfo) -> datetime | None:
        """The instant at which it ends, or None for good. The form must be valid."""
        how_long = self.cleaned_data["how_long"]
        if how_long == "good":
            return None
        last = self.cleaned_data["day"] if how_long == "day" else whole_month(today).last
        return midnight(last + ONE_DAY, zone)


class DeclineForm(forms.Form):
    """Why not."""

    sentence = forms.CharField(
        label=_("Message to the member"), max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )


class FindForm(forms.Form):
    """Whose limits are shown."""

    q = forms.CharField(label=_("Member, team or feature"), required=False, max_length=100)
