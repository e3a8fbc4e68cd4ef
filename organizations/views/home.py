"""The first page after sign-in: an owner's only organization at once, or the organizations that there are."""

from typing import cast

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe
from django.views.i18n import set_language

from organizations.models import Membership, Role, User


@require_safe
@login_required
def home(request: HttpRequest) -> HttpResponse:
    """The person's organizations; to the dashboard at once for the owner of one and no other."""
    memberships = list(
        Membership.objects.filter(user=cast("User", request.user), organization__closed_at=None)
        .select_related("organization")
        .order_by("organization__name", "pk")
    )
    if len(memberships) == 1 and memberships[0].role == Role.OWNER:
        return redirect("dashboard", memberships[0].organization.slug)
    return render(request, "organizations/home.html", {"memberships": memberships})


@require_POST
def choose_language(request: HttpRequest) -> HttpResponse:
    """Django's language switch, which whoever is signed in keeps for good."""
    language = request.POST.get("language")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=language)
    response: HttpResponse = set_language(request)
    return response
