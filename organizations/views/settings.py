"""The owners' page of the organization's settings."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from organizations.access import MemberRequest, owner_required
from organizations.forms import PreferencesForm
from organizations.models import Organization
from organizations.preferences import change_preferences
from organizations.refusals import Refusal


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def settings(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show the settings by GET; change them by POST."""
    if request.method != "POST":
        current = {key: getattr(organization, key) for key in PreferencesForm.base_fields}
        return _page(request, organization, PreferencesForm(initial=current))
    form = PreferencesForm(request.POST)
    if not form.is_valid():
        return _page(request, organization, form, status=422)
    try:
        change_preferences(organization=organization, actor=request.user, **form.cleaned_data)
    except Refusal as refusal:
        form.add_error("requires_two_factor", str(refusal))
        return _page(request, organization, form, status=409)
    messages.success(request, _("Settings saved."))
    return redirect("settings", organization.slug)


def _page(
    request: MemberRequest, organization: Organization, form: PreferencesForm, *, status: int = 200
) -> HttpResponse:
    context = {"organization": organization, "form": form}
    return render(request, "organizations/settings.html", context, status=status)
