"""The owners' page of API keys. A new key's text is in the response to its creation, and nowhere else."""

from django.contrib import messages
from django.db.models import F
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from organizations.access import MemberRequest, owner_required
from organizations.api_keys import create_key, revoke_key
from organizations.forms import ApiKeyForm
from organizations.models import ApiKey, Organization
from organizations.refusals import Refusal

KEYS_SHOWN = 200


@require_safe
@owner_required
def api_keys(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Show the keys, valid ones first, and the form for a new one."""
    return _page(request, organization, ApiKeyForm())


@require_POST
@never_cache
@owner_required
def create(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Create a key and show it, this once. No cache may store the response."""
    form = ApiKeyForm(request.POST)
    if not form.is_valid():
        return _page(request, organization, form, status=422)
    try:
        key, text = create_key(organization=organization, created_by=request.user, **form.cleaned_data)
    except Refusal as refusal:
        form.add_error("name", str(refusal))
        return _page(request, organization, form, status=409)
    context = {"organization": organization, "key": key, "secret": text}
    return render(request, "organizations/api_keys/created.html", context, status=201)


@require_POST
@owner_required
def revoke(request: MemberRequest, organization: Organization, key: str) -> HttpResponse:
    """Revoke a key."""
    found = ApiKey.objects.filter(organization=organization, public_id=key).first()
    if found is None:
        raise Http404
    try:
        revoke_key(key=found, actor=request.user)
    except Refusal as refusal:
        messages.info(request, str(refusal))
    else:
        messages.success(request, _("Key %(name)s revoked.") % {"name": found.name})
    return redirect("api_keys", organization.slug)


def _page(request: MemberRequest, organization: Organization, form: ApiKeyForm, *, status: int = 200) -> HttpResponse:
    keys = ApiKey.objects.filter(organization=organization).select_related("created_by")
    context = {
        "organization": organization,
        "keys": keys.order_by(F("revoked_at").desc(nulls_first=True), "name")[:KEYS_SHOWN],
        "form": form,
    }
    return render(request, "organizations/api_keys/api_keys.html", context, status=status)
