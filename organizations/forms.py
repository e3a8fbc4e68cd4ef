"""The forms of the organization's pages. They check what was typed; the domain verbs check the rest."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from organizations.models import ApiKey, Language, Organization, Role, Scope, Team, time_zones


def open_teams(organization: Organization) -> Any:
    """Return the open teams, by name."""
    return Team.objects.filter(organization=organization, closed_at=None).order_by("name")


class TeamChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """An open team of the organization, by its public id, or none."""

    def __init__(self, organization: Organization) -> None:
        super().__init__(
            queryset=open_teams(organization),
            to_field_name="public_id",
            required=False,
            label=_("Team"),
            empty_label=_("No team"),
        )


class InviteForm(forms.Form):
    """The address to invite, with a role and a team."""

    email = forms.EmailField(label=_("Email address"), max_length=254)
    role = forms.ChoiceField(label=_("Role"), choices=Role, initial=Role.MEMBER)

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"] = TeamChoiceField(organization)


class RoleForm(forms.Form):
    """A member's role."""

    role = forms.ChoiceField(
        label=_("Role"),
        choices=Role,
        help_text=_("Owners can see and change everything. Members can see their own usage."),
    )


class MemberTeamForm(forms.Form):
    """A member's team."""

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["team"] = TeamChoiceField(organization)


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]
    """A team's name. The verb checks under its lock that the name is free."""

    class Meta:
        model = Team
        fields = ["name"]

    def validate_constraints(self) -> None:
        """Leave it to the verb."""


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new key's name and scope."""

    scope = forms.ChoiceField(
        label=_("Scope"),
        choices=Scope,
        initial=Scope.READ,
        widget=forms.RadioSelect,
        help_text=_("A key that can spend can also read."),
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scope"]
        help_texts = {"name": _("Name what uses the key, so that you know which one to revoke.")}

    def validate_constraints(self) -> None:
        """Leave it to the verb."""


class PreferencesForm(forms.Form):
    """The settings that owners can change."""

    name = forms.CharField(label=_("Name"), max_length=150)
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=lambda: [(name, name) for name in sorted(time_zones())],
        help_text=_("Days and months follow this time zone. If you change it, past usage is recalculated."),
    )
    language = forms.ChoiceField(label=_("Language"), choices=Language, help_text=_("For emails to the organization."))
    requires_two_factor = forms.BooleanField(
        label=_("Require two-factor authentication"),
        required=False,
        help_text=_("Members must set up two-factor authentication before they can open the organization."),
    )
