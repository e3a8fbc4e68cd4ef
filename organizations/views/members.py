"""The owners' pages about members."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organizations.access import MemberRequest, member_required, owner_required
from organizations.forms import InviteForm, MemberTeamForm, RoleForm
from organizations.members import membership
from organizations.models import Invitation, Membership, Organization
from organizations.refusals import Refusal

MEMBERS_PER_PAGE = 100


@require_safe
@owner_required
def members(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show members, open invitations, and the form that invites."""
    return members_page(request, organization, form=InviteForm(organization=organization))


def members_page(
    request: MemberRequest, organization: Organization, *, form: InviteForm, status: int = 200
) -> HttpResponse:
    """Return the page with the given invitation form."""
    everyone = Membership.objects.filter(organization=organization).select_related("user", "team")
    page = Paginator(everyone.order_by("user__name", "user__email"), MEMBERS_PER_PAGE)
    unanswered = Invitation.objects.filter(organization=organization, accepted_at=None, revoked_at=None)
    context = {
        "organization": organization,
        "page": page.get_page(request.GET.get("page")),
        "invitations": unanswered.select_related("team", "invited_by").order_by("-created_at"),
        "form": form,
        "now": timezone.now(),
    }
    return render(request, "organizations/members/members.html", context, status=status)


@require_safe
@owner_required
def member(request: MemberRequest, organization: Organization, person: str) -> HttpResponse:
    """Show one member, with the forms for role, team and removal."""
    return _member_page(request, organization, _find(organization, person))


@require_POST
@owner_required
def change_role(request: MemberRequest, organization: Organization, person: str) -> HttpResponse:
    """Change a member's role."""
    found = _find(organization, person)
    form = RoleForm(request.POST)
    if not form.is_valid():
        return _member_page(request, organization, found, role_form=form, status=422)
    role = form.cleaned_data["role"]
    try:
        membership.change_role(organization=organization, user=found.user, role=role, actor=request.user)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _member_page(request, organization, found, role_form=form, status=409)
    messages.success(request, _("Role of %(person)s updated.") % {"person": found.user})
    return _back(request, organization, found)


@require_POST
@owner_required
def move(request: MemberRequest, organization: Organization, person: str) -> HttpResponse:
    """Move a member to a team, or to none."""
    found = _find(organization, person)
    form = MemberTeamForm(request.POST, organization=organization)
    if not form.is_valid():
        return _member_page(request, organization, found, team_form=form, status=422)
    team = form.cleaned_data["team"]
    try:
        membership.move_to_team(organization=organization, user=found.user, team=team, actor=request.user)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return _member_page(request, organization, found, team_form=form, status=409)
    messages.success(request, _("Team of %(person)s updated.") % {"person": found.user})
    return redirect("members", organization.slug)


@require_POST
@owner_required
def remove(request: MemberRequest, organization: Organization, person: str) -> HttpResponse:
    """Remove a member. A second click changes nothing and says so."""
    found = Membership.objects.filter(organization=organization, user__public_id=person).select_related("user").first()
    if found is None:
        messages.info(request, _("This user is no longer a member."))
        return redirect("members", organization.slug)
    try:
        membership.remove_member(organization=organization, user=found.user, actor=request.user)
    except Refusal as refusal:
        return _member_page(request, organization, found, refusal=str(refusal), status=409)
    messages.success(request, _("%(person)s removed from the organization.") % {"person": found.user})
    return _back(request, organization, found)


@require_http_methods(["GET", "HEAD", "POST"])
@member_required
def leave(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Ask for confirmation by GET; leave by POST."""
    context: dict[str, Any] = {"organization": organization}
    if request.method != "POST":
        return render(request, "organizations/members/leave.html", context)
    try:
        membership.leave(organization=organization, user=request.user)
    except Refusal as refusal:
        return render(request, "organizations/members/leave.html", {**context, "refusal": str(refusal)}, status=409)
    messages.success(request, _("You left %(organization)s.") % {"organization": organization})
    return redirect("home")


def _find(organization: Organization, person: str) -> Membership:
    found = (
        Membership.objects.filter(organization=organization, user__public_id=person)
        .select_related("user", "team")
        .first()
    )
    if found is None:
        raise Http404
    return found


def _back(request: MemberRequest, organization: Organization, found: Membership) -> HttpResponse:
    # An owner who gave up their own role or membership would be refused on the members page.
    return redirect("home") if found.user == request.user else redirect("members", organization.slug)


def _member_page(
    request: MemberRequest,
    organization: Organization,
    found: Membership,
    *,
    role_form: RoleForm | None = None,
    team_form: MemberTeamForm | None = None,
    refusal: str = "",
    status: int = 200,
) -> HttpResponse:
    team = found.team.public_id if found.team else None
    context = {
        "organization": organization,
        "member": found,
        "role_form": role_form or RoleForm(initial={"role": found.role}),
        "team_form": team_form or MemberTeamForm(initial={"team": team}, organization=organization),
        "refusal": refusal,
    }
    return render(request, "organizations/members/member.html", context, status=status)
