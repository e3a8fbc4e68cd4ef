"""The list of notices, and putting them away: an owner's are the organization's, a member's are those for them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from notices import notices as verbs
from notices import queries
from organizations.access import MemberRequest, member_required
from organizations.models import Organization

PER_PAGE = 25


@require_safe
@member_required
def notices(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show the notices, newest first, with what became of their mails."""
    mine = _mine(request, organization).prefetch_related("mails__user").order_by("-created_at", "-id")
    page = Paginator(mine, PER_PAGE).get_page(request.GET.get("page"))
    context = {
        "organization": organization,
        "notices": queries.with_words(page.object_list, organization),
        "has_open": any(notice.put_away_at is None for notice in page.object_list),
        "stopped": queries.stopped_by(organization, request.user),
        **_neighbours(organization, page),
    }
    return render(request, "notices/notices.html", context)


@require_POST
@member_required
def put_away(request: MemberRequest, organization: Organization, notice: UUID) -> HttpResponse:
    """Put one away. A second click changes nothing more."""
    one = _mine(request, organization).filter(pk=notice)
    if not one.exists():
        raise Http404
    verbs.put_away(one, actor=request.user, organization=organization, now=timezone.now())
    # A name, not an address: a form can't lead anywhere else.
    return redirect("dashboard" if request.POST.get("from") == "dashboard" else "notices", organization.slug)


@require_POST
@member_required
def put_away_all(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Put all away. A second click changes nothing more."""
    verbs.put_away(_mine(request, organization), actor=request.user, organization=organization, now=timezone.now())
    messages.success(request, _("All notices dismissed."))
    return redirect("notices", organization.slug)


def _mine(request: MemberRequest, organization: Organization) -> Any:
    return verbs.visible_to(organization, request.user, request.membership.role)


def _neighbours(organization: Organization, page: Page[Any]) -> dict[str, str]:
    """Addresses of the neighbouring pages; empty ones at either end."""
    here = reverse("notices", args=[organization.slug])
    newer = f"{here}?page={page.previous_page_number()}" if page.has_previous() else ""
    older = f"{here}?page={page.next_page_number()}" if page.has_next() else ""
    return {"newer_url": newer, "older_url": older}
