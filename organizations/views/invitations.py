"""The pages on which owners invite, and on which invited people accept."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organizations.access import MemberRequest, owner_required
from organizations.forms import InviteForm
from organizations.members import invitations
from organizations.models import Invitation, Organization, User
from organizations.refusals import Refusal
from organizations.views.members import members_page

TOKEN = "invitation_token"  # noqa: S105 - the session's key for it


@require_POST
@owner_required
def invite(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Invite an address."""
    form = InviteForm(request.POST, organization=organization)
    if not form.is_valid():
        return members_page(request, organization, form=form, status=422)
    try:
        invitations.invite(organization=organization, invited_by=request.user, **form.cleaned_data)
    except Refusal as refusal:
        form.add_error(None, str(refusal))
        return members_page(request, organization, form=form, status=409)
    messages.success(request, _("Invitation sent to %(email)s.") % {"email": form.cleaned_data["email"]})
    return redirect("members", organization.slug)


@require_POST
@owner_required
def invite_again(request: MemberRequest, organization: Organization, invitation: str) -> HttpResponse:
    """Send an invitation again, with a new link."""
    found = _find(organization, invitation)
    try:
        invitations.invite_again(invitation=found, actor=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(
            request, _("New invitation sent to %(email)s. The previous link no longer works.") % {"email": found}
        )
    return redirect("members", organization.slug)


@require_POST
@owner_required
def revoke(request: MemberRequest, organization: Organization, invitation: str) -> HttpResponse:
    """Revoke an invitation."""
    found = _find(organization, invitation)
    try:
        invitations.revoke(invitation=found, actor=request.user)
    except Refusal as refusal:
        messages.error(request, str(refusal))
    else:
        messages.success(request, _("Invitation to %(email)s revoked.") % {"email": found})
    return redirect("members", organization.slug)


@require_safe
@never_cache
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Follow the mailed link: move the token into the session, so that no later address, log or Referer shows it.

    It does nothing else, so programs that open the links in mails do no harm.
    """
    request.session[TOKEN] = token
    response = redirect("accept_invitation")
    response["Referrer-Policy"] = "no-referrer"
    return response


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@login_required
def accept(request: HttpRequest) -> HttpResponse:
    """Show the invitation of the session by GET; accept it by POST."""
    token = request.session.get(TOKEN, "")
    try:
        if request.method == "POST":
            assert isinstance(request.user, User)  # noqa: S101 - login_required
            membership = invitations.accept(token=token, user=request.user)
            del request.session[TOKEN]
            messages.success(request, _("You joined %(name)s.") % {"name": membership.organization})
            return redirect("home")
        found = invitations.find(token)
    except Refusal as refusal:
        context = {"refusal": str(refusal)}
        return render(request, "organizations/invitations/accept.html", context, status=409)
    return render(request, "organizations/invitations/accept.html", {"invitation": found})


def _find(organization: Organization, public_id: str) -> Invitation:
    found = Invitation.objects.filter(organization=organization, public_id=public_id).first()
    if found is None:
        raise Http404
    found.organization = organization
    return found
