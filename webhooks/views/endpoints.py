"""The owners' pages of endpoints. A secret is on the answer to what made it, and nowhere else ever."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from organizations.access import MemberRequest, owner_required
from organizations.models import Organization
from organizations.refusals import Refusal
from webhooks import queries
from webhooks.endpoints import (
    MOST_ENDPOINTS,
    change_endpoint,
    create_endpoint,
    disable_endpoint,
    enable_endpoint,
    rotate_secret,
)
from webhooks.forms import EndpointForm
from webhooks.models import WebhookEndpoint

PER_PAGE = 50


@require_safe
@owner_required
def webhooks(request: MemberRequest, organization: Organization) -> HttpResponse:
    """The organization's own endpoints, how they are, and the form that makes one."""
    return _list(request, organization, EndpointForm())


@require_POST
@never_cache
@owner_required
def create(request: MemberRequest, organization: Organization) -> HttpResponse:
    """Make an endpoint and show its secret, this once: the answer may not be kept by any cache."""
    form = EndpointForm(request.POST)
    if not form.is_valid():
        return _list(request, organization, form, status=422)
    try:
        endpoint, secret = create_endpoint(organization=organization, actor=request.user, **form.cleaned_data)
    except Refusal as refusal:
        form.add_error("url", str(refusal))
        return _list(request, organization, form, status=409)
    return _secret(request, endpoint, secret, title=_("Your new endpoint"))


@require_safe
@owner_required
def webhook(request: MemberRequest, organization: Organization, endpoint: str) -> HttpResponse:
    """One endpoint: how it is, what can be done with it, and its delivery log."""
    found = endpoint_of(organization, endpoint)
    lines, older = queries.log(found, before=_before(request), limit=PER_PAGE)
    secrets = list(found.secrets.order_by("-pk"))
    here = reverse("webhook", args=[organization.slug, found.public_id])
    context = {
        "organization": organization,
        "endpoint": found,
        "lines": lines,
        "older_url": f"{here}?before={older}" if older else None,
        "newer_url": here if request.GET.get("before") else None,
        "current": next((secret for secret in secrets if secret.signs_until is None), None),
        "replaced": [secret for secret in secrets if secret.signs_until and secret.signs_until > timezone.now()],
    }
    return render(request, "webhooks/endpoints/endpoint.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@owner_required
def change(request: MemberRequest, organization: Organization, endpoint: str) -> HttpResponse:
    """Show what is set by GET; set it by POST."""
    found = endpoint_of(organization, endpoint)
    if request.method != "POST":
        current = {name: getattr(found, name) for name in EndpointForm.base_fields}
        return _change(request, found, EndpointForm(initial=current))
    form = EndpointForm(request.POST, allows_private=found.allows_private)
    if not form.is_valid():
        return _change(request, found, form, status=422)
    try:
        change_endpoint(endpoint=found, actor=request.user, **form.cleaned_data)
    except Refusal as refusal:
        form.add_error("url", str(refusal))
        return _change(request, found, form, status=409)
    messages.success(request, _("Endpoint saved."))
    return redirect("webhook", organization.slug, found.public_id)


@require_POST
@owner_required
def disable(request: MemberRequest, organization: Organization, endpoint: str) -> HttpResponse:
    """Switch it off."""
    found = endpoint_of(organization, endpoint)
    disable_endpoint(endpoint=found, actor=request.user)
    messages.success(request, _("Endpoint turned off."))
    return redirect("webhook", organization.slug, found.public_id)


@require_POST
@owner_required
def enable(request: MemberRequest, organization: Organization, endpoint: str) -> HttpResponse:
    """Switch it on."""
    found = endpoint_of(organization, endpoint)
    enable_endpoint(endpoint=found, actor=request.user)
    messages.success(request, _("Endpoint turned on."))
    return redirect("webhook", organization.slug, found.public_id)


@require_POST
@never_cache
@owner_required
def rotate(request: MemberRequest, organization: Organization, endpoint: str) -> HttpResponse:
    """Make a new secret and show it, this once."""
    found = endpoint_of(organization, endpoint)
    replaces = request.POST.get("replaces", "")
    try:
        number = int(replaces) if replaces.isascii() and replaces.isdigit() and len(replaces) < 19 else 0
        secret = rotate_secret(endpoint=found, replaces=number, actor=request.user)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return redirect("webhook", organization.slug, found.public_id)
    return _secret(request, found, secret, title=_("Your new signing secret"))


def endpoint_of(organization: Organization, public_id: str) -> WebhookEndpoint:
    """The organization's own endpoint of that id, or 404: those for all organizations are the staff's."""
    found = WebhookEndpoint.objects.filter(organization=organization, public_id=public_id).first()
    if found is None:
        raise Http404
    found.organization = organization
    return found


def _before(request: HttpRequest) -> UUID | None:
    """Where in the log the page begins; at its newest end where the address makes no sense."""
    try:
        return UUID(request.GET.get("before", ""))
    except ValueError:
        return None


def _list(request: MemberRequest, organization: Organization, form: EndpointForm, *, status: int = 200) -> HttpResponse:
    endpoints = list(WebhookEndpoint.objects.filter(organization=organization).order_by("created_at", "pk"))
    context = {
        "organization": organization,
        "endpoints": endpoints,
        "form": form,
        "is_full": len(endpoints) >= MOST_ENDPOINTS,
    }
    return render(request, "webhooks/endpoints/endpoints.html", context, status=status)


def _change(
    request: MemberRequest, endpoint: WebhookEndpoint, form: EndpointForm, *, status: int = 200
) -> HttpResponse:
    context = {"organization": endpoint.organization, "endpoint": endpoint, "form": form}
    return render(request, "webhooks/endpoints/change.html", context, status=status)


def _secret(request: MemberRequest, endpoint: WebhookEndpoint, secret: str, *, title: str) -> HttpResponse:
    context: dict[str, Any] = {"organization": endpoint.organization, "endpoint": endpoint, "secret": secret}
    return render(request, "webhooks/endpoints/secret.html", {**context, "title": title}, status=201)
