"""The first page after signing in: the only organization of an owner, or the list of organizations."""

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
    """Show the person's organizations; an owner with only one goes to its dashboard."""
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
    """Switch the language, and store it for a user who is signed in."""
    language = request.POST.get("language")
    if request.user.is_authenticated and language in dict(settings.LANGUAGES):
        User.objects.filter(pk=request.user.pk).update(language=language)
    response: HttpResponse = set_language(request)
    return response
