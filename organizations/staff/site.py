"""The admin site: only for staff with two factors, who sign in through Drawdown's own sign-in page.

Django's login form is never shown, since it has neither rate limits nor a second factor.
"""

from typing import Any, cast

from allauth.account.decorators import secure_admin_login
from django.contrib import messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from organizations.accounts.people import has_second_factor
from organizations.models import User

ANSWER = "staff_has_second_factor"


class StaffSite(AdminSite):
    """Every admin page calls `has_permission`. If it is refused, `login` says what is missing."""

    site_title = site_header = gettext_lazy("Drawdown staff")
    index_title = gettext_lazy("Staff")
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether the user is active staff with a second factor. One query per request."""
        return super().has_permission(request) and self._has_second_factor(request)

    @method_decorator(secure_admin_login)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Send staff without a second factor to its setup. Others sign in first; who is not staff gets 403."""
        if not self._has_second_factor(request):
            messages.warning(request, _("Staff must use two-factor authentication. Set it up here to continue."))
            return redirect("mfa_index")
        return redirect("admin:index")

    def _has_second_factor(self, request: HttpRequest) -> bool:
        # Called several times for one admin page.
        answer = getattr(request, ANSWER, None)
        if answer is None:
            answer = has_second_factor(cast("User", request.user))
            setattr(request, ANSWER, answer)
        return bool(answer)
