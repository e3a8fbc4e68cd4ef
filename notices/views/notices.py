"""The list of notices, and dismissing them: an owner's are the organization's, a member's are those for them."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
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
        "has_open": any(notice.dismissed_at is None for notice in page.object_list),
        "stopped": queries.stopped_by(organization, request.user),
        **_neighbours(organization, page),
    }
    return render(request, "notices/notices.html", context)


@require_POST
@member_required
def dismiss(request: MemberRequest, organization: Organization, notice: UUID) -> HttpResponse:
    """Dismiss one. A second click changes nothing more."""
    one = _mine(request, organization).filter(pk=notice)
    if not one.exists():
        raise Http404
    verbs.dismiss(one, actor=request.user, organization=organization, now=timezone.now())
    return redirect(_back(request, organization))


@require_POST
@member_required
def dismiss_all(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Dismiss all. A second click changes nothing more."""
    verbs.dismiss(_mine(request, organization), actor=request.user, organization=organization, now=timezone.now())
    messages.success(request, _("All notices dismissed."))
    return redirect("notices", organization.slug)


def _back(request: MemberRequest, organization: Organization) -> str:
    """The page that the form was on, where it says so and it is one of this site's; else the list of notices."""
    page = request.POST.get("next", "")
    if page.startswith("/") and url_has_allowed_host_and_scheme(page, allowed_hosts=None):
        return page
    return reverse("notices", args=[organization.slug])


def _mine(request: MemberRequest, organization: Organization) -> Any:
    return verbs.visible_to(organization, request.user, request.membership.role)


def _neighbours(organization: Organization, page: Page[Any]) -> dict[str, str]:
    """Addresses of the neighbouring pages; empty ones at either end."""
    here = reverse("notices", args=[organization.slug])
    newer = f"{here}?page={page.previous_page_number()}" if page.has_previous() else ""
    older = f"{here}?page={page.next_page_number()}" if page.has_next() else ""
    return {"newer_url": newer, "older_url": older}
