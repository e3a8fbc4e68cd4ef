"""Decides who may see an organization's page: decorators that turn a `slug` into the organization, or refuse.

Not signed in: to the sign-in page. Not a member, or the organization is closed: 404. A member without the right: 403,
naming the owners. No second factor where the organization requires one: to its setup. No view decides this itself.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Concatenate, cast
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _

from organizations.accounts.people import has_second_factor
from organizations.models import Membership, Organization, Role, User


class MemberRequest(HttpRequest):
    """A request from a member of the page's organization."""

    user: User
    membership: Membership


# A view before it is decorated, and after, as Django calls it. Both also take the other parts of the address.
MemberView = Callable[Concatenate[MemberRequest, Organization, ...], HttpResponseBase]
SlugView = Callable[..., HttpResponseBase]


def member_required(view: MemberView) -> SlugView:
    """Let any member in. The view gets `request` (with `membership`) and `organization` in place of `slug`.

    It runs in the organization's time zone. A streaming response has to activate the zone itself.
    """
    return _guard(view, owners_only=False)


def owner_required(view: MemberView) -> SlugView:
    """As `member_required`, for owners only."""
    return _guard(view, owners_only=True)


def owners_of(organization: Organization | int) -> list[User]:
    """Return the active owners of an organization, named by itself or by its id; by name. One query."""
    owners = User.objects.filter(memberships__organization=organization, memberships__role=Role.OWNER, is_active=True)
    return list(owners.order_by("name", "email"))


def _guard(view: MemberView, *, owners_only: bool) -> SlugView:
    @wraps(view)
    def guarded(request: HttpRequest, *, slug: str, **rest: Any) -> HttpResponseBase:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        membership = _membership(request.user, slug)
        organization = membership.organization
        member_request = cast("MemberRequest", request)
        member_request.membership = membership
        if organization.requires_two_factor and not has_second_factor(request.user):
            messages.warning(
                request,
                _("%(name)s requires two-factor authentication. Set it up here to continue.") % {"name": organization},
            )
            return redirect("mfa_index")
        with timezone.override(ZoneInfo(organization.time_zone)):
            if owners_only and membership.role != Role.OWNER:
                return forbidden(member_request, organization)
            return view(member_request, organization, **rest)

    return guarded


def forbidden(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Return the 403 page, which names the owners."""
    context = {"organization": organization, "owners": owners_of(organization)}
    return render(request, "organizations/forbidden.html", context, status=403)


def _membership(user: User, slug: str) -> Membership:
    membership = (
        Membership.objects.select_related("organization")
        .filter(organization__slug=slug, organization__closed_at=None, user=user)
        .first()
    )
    if membership is None:
        raise Http404
    return membership
