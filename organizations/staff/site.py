"""The staff's entrance: Django's admin, opened only to staff who have two factors, through Drawdown's own sign-in.

Django's own login form is never shown: it knows neither rate limits nor a second factor.
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
    """Every admin page asks `has_permission`; whoever lacks it is sent to `login`, which says what is missing."""

    site_title = site_header = gettext_lazy("Drawdown staff")
    index_title = gettext_lazy("Staff")
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        """Active staff with a code generator or a passkey. One query a request."""
        return super().has_permission(request) and self._has_second_factor(request)

    @method_decorator(secure_admin_login)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # noqa: ARG002
        """Send the anonymous to sign in, staff without a second factor to its set-up; others than staff get 403."""
        if not self._has_second_factor(request):
            messages.warning(request, _("Staff need two factors. Set one up here, then come back."))
            return redirect("mfa_index")
        return redirect("admin:index")

    def _has_second_factor(self, request: HttpRequest) -> bool:
        # Asked several times while one admin page is made.
        answer = getattr(request, ANSWER, None)
        if answer is None:
            answer = has_second_factor(cast("User", request.user))
            setattr(request, ANSWER, answer)
        return bool(answer)
