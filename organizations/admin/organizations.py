"""Organizations with their members and teams, for staff to edit. Memberships change through the domain verbs."""

from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from organizations.admin.audited import AuditedAdmin
from organizations.admin.forms import ReasonForm
from organizations.admin.read_only import ReadOnlyAdmin, ReadOnlyInline
from organizations.audit_actions import Action
from organizations.members import membership
from organizations.models import Invitation, Membership, Organization, Role, Team, User


class NewOrganizationForm(ReasonForm):
    """An organization and its first owner."""

    owner = forms.ModelChoiceField(label=_("Owner"), queryset=User.objects.filter(is_active=True).order_by("email"))

    class Meta:
        model = Organization
        fields = ["slug", "name", "country", "currency", "time_zone", "language"]


class MembershipInline(ReadOnlyInline):
    """The members. Each is changed on the page of the membership."""

    model = Membership
    fields = ["user", "role", "team", "created_at"]
    readonly_fields = ["created_at"]
    show_change_link = True


class TeamInline(ReadOnlyInline):
    """The teams. Owners change them."""

    model = Team
    fields = ["name", "created_at", "closed_at"]
    readonly_fields = ["created_at"]


@admin.register(Organization)
class OrganizationAdmin(AuditedAdmin):
    """Found by name, slug or a member's email address."""

    created = Action.ORGANIZATION_CREATED_BY_STAFF
    changed = Action.ORGANIZATION_CHANGED_BY_STAFF
    list_display = ["name", "slug", "country", "currency", "created_at", "closed_at"]
    list_filter = ["country", "currency"]
    search_fields = ["name", "slug", "memberships__user__email"]
    ordering = ["name"]
    readonly_fields = ["created_at"]
    inlines = [MembershipInline, TeamInline]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002
        """Ask for the first owner of a new organization."""
        if obj is None:
            kwargs["form"] = NewOrganizationForm
        return super().get_form(request, obj, change, **kwargs)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        """The slug is part of every address, so it never changes."""
        if obj is None:
            return [*NewOrganizationForm.Meta.fields, "owner", "reason"]
        shown = ["name", "country", "currency", "time_zone", "language", "requires_two_factor", "closed_at", "reason"]
        return ["slug", *shown, "created_at"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return ["created_at"] if obj is None else ["slug", "created_at"]

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:  # noqa: ARG002
        return [] if obj is None else self.inlines

    def save_model(self, request: HttpRequest, obj: Organization, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: FBT001
        """Create a new organization through the verb, with its owner."""
        if change:
            super().save_model(request, obj, form, change)
            return
        terms = {name: form.cleaned_data[name] for name in NewOrganizationForm.Meta.fields}
        created = membership.create_organization(
            **terms, owner=form.cleaned_data["owner"], actor=cast("User", request.user)
        )
        obj.__dict__.update(created.__dict__)
        self.record(request, created, self.created, reason=form.cleaned_data["reason"], details={})


class MembershipForm(ReasonForm):
    """A member's role and team."""

    class Meta:
        model = Membership
        fields = ["organization", "user", "role", "team"]

    def clean(self) -> dict[str, Any]:
        """Refuse here what the verbs would refuse, so that the form can be corrected."""
        data: dict[str, Any] = super().clean() or self.cleaned_data
        team = data.get("team")
        organization = data.get("organization") or self.instance.organization
        if team and (team.organization_id != organization.pk or team.closed_at):
            raise ValidationError(_("This team is closed or belongs to another organization."))
        stepping_down = self.initial.get("role") == Role.OWNER and data.get("role") != Role.OWNER
        if stepping_down and not membership.has_other_owner(organization, self.instance.user):
            raise ValidationError(_("This is the last owner. Make someone else an owner first."))
        return data


@admin.register(Membership)
class MembershipAdmin(AuditedAdmin):
    """Memberships, created and changed through the verbs. Owners remove members, on their members page."""

    form = MembershipForm
    created = Action.MEMBER_CREATED_BY_STAFF
    list_display = ["user", "organization", "role", "team", "created_at"]
    list_filter = ["role"]
    list_select_related = ["user", "organization", "team"]
    search_fields = ["user__email", "organization__name", "organization__slug"]
    autocomplete_fields = ["organization", "user"]
    ordering = ["organization__name", "user__email"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:  # noqa: ARG002
        return [] if obj is None else ["organization", "user"]

    def save_model(self, request: HttpRequest, obj: Membership, form: Any, change: bool) -> None:  # type: ignore[override]  # noqa: FBT001
        """Leave it to the verbs: they lock, check and record."""
        actor, organization, reason = cast("User", request.user), obj.organization, form.cleaned_data["reason"]
        if not change:
            added = membership.add_member(
                organization=organization, user=obj.user, role=obj.role, team=obj.team, actor=actor
            )
            obj.__dict__.update(added.__dict__)
            self.record(request, obj, self.created, reason=reason, details={"user": obj.user.public_id})
            return
        membership.change_role(organization=organization, user=obj.user, role=obj.role, actor=actor, reason=reason)
        membership.move_to_team(organization=organization, user=obj.user, team=obj.team, actor=actor)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Invitations. The token's hash is never shown."""

    list_display = ["email", "organization", "role", "created_at", "mailed_at", "expires_at", "accepted_at"]
    list_select_related = ["organization"]
    search_fields = ["email", "organization__name", "organization__slug"]
    ordering = ["-created_at"]
    exclude = ["token_hash"]
