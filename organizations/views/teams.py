"""The owners' pages about teams."""

from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from organizations.access import MemberRequest, owner_required
from organizations.forms import TeamForm, open_teams
from organizations.members.teams import close_team, create_team, rename_team
from organizations.models import Organization, Team
from organizations.refusals import Refusal


@require_safe
@owner_required
def teams(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show the teams with their number of members, and the form for a new one."""
    return _teams_page(request, organization, TeamForm())


@require_POST
@owner_required
def create(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Create a team."""
    form = TeamForm(request.POST)
    if not form.is_valid():
        return _teams_page(request, organization, form, status=422)
    try:
        team = create_team(organization=organization, name=form.cleaned_data["name"], actor=request.user)
    except Refusal as refusal:
        form.add_error("name", str(refusal))
        return _teams_page(request, organization, form, status=409)
    messages.success(request, _("Team %(team)s created.") % {"team": team})
    return redirect("teams", organization.slug)


@require_safe
@owner_required
def team(request: MemberRequest, organization: Organization, team: str) -> HttpResponse:
    """Show one team, with the forms to rename and to close it."""
    found = _find(organization, team)
    return _team_page(request, found, TeamForm(instance=found))


@require_POST
@owner_required
def rename(request: MemberRequest, organization: Organization, team: str) -> HttpResponse:
    """Rename a team."""
    found = _find(organization, team)
    form = TeamForm(request.POST)
    if not form.is_valid():
        return _team_page(request, found, form, status=422)
    name = form.cleaned_data["name"]
    try:
        rename_team(organization=organization, team=found, name=name, actor=request.user)
    except Refusal as refusal:
        form.add_error("name", str(refusal))
        return _team_page(request, found, form, status=409)
    messages.success(request, _("Team renamed to %(name)s.") % {"name": name})
    return redirect("teams", organization.slug)


@require_POST
@owner_required
def close(request: MemberRequest, organization: Organization, team: str) -> HttpResponse:
    """Close a team."""
    found = _find(organization, team)
    try:
        close_team(organization=organization, team=found, actor=request.user)
    except Refusal as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, _("The team %(team)s is closed.") % {"team": found})
    return redirect("teams", organization.slug)


def _find(organization: Organization, public_id: str) -> Team:
    found = Team.objects.filter(organization=organization, public_id=public_id).first()
    if found is None:
        raise Http404
    found.organization = organization
    return found


def _teams_page(
    request: MemberRequest, organization: Organization, form: TeamForm, *, status: int = 200
) -> HttpResponse:
    counted = open_teams(organization).annotate(people=Count("memberships"))
    context = {"organization": organization, "teams": counted, "form": form}
    return render(request, "organizations/teams/teams.html", context, status=status)


def _team_page(request: MemberRequest, team: Team, form: TeamForm, *, status: int = 200) -> HttpResponse:
    context = {"organization": team.organization, "team": team, "form": form}
    return render(request, "organizations/teams/team.html", context, status=status)
