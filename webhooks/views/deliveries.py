"""The owners' pages of one delivery: what was sent, what came back at each try, and sending it again."""

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from organizations.access import MemberRequest, owner_required
from organizations.models import Organization
from organizations.refusals import Refusal
from webhooks import by_hand, queries
from webhooks.models import WebhookDelivery, WebhookEndpoint
from webhooks.views.endpoints import endpoint_of

TRIES_SHOWN = 100


@require_POST
@owner_required
def test(request: MemberRequest, organization: Organization, endpoint: str) -> HttpResponse:
    """Have a test event sent; its delivery's page will show what came back."""
    found = endpoint_of(organization, endpoint)
    try:
        sent = by_hand.send_test(endpoint=found, actor=request.user)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
        return redirect("webhook", organization.slug, found.public_id)
    messages.success(request, _("Test event is being sent. Reload this page to see the response."))
    return redirect("webhook_delivery", organization.slug, found.public_id, sent.pk)


@require_safe
@owner_required
def delivery(request: MemberRequest, organization: Organization, endpoint: str, delivery: UUID) -> HttpResponse:
    """One delivery: the message, and every try of it that is still kept."""
    found = _delivery(endpoint_of(organization, endpoint), delivery)
    context = {
        "organization": organization,
        "endpoint": found.endpoint,
        "delivery": found,
        "body": queries.body(found),
        "tries": found.tries.select_related("asked_by").order_by("-pk")[:TRIES_SHOWN],
    }
    return render(request, "webhooks/deliveries/delivery.html", context)


@require_POST
@owner_required
def replay(request: MemberRequest, organization: Organization, endpoint: str, delivery: UUID) -> HttpResponse:
    """Have it sent once more."""
    found = _delivery(endpoint_of(organization, endpoint), delivery)
    try:
        by_hand.replay(delivery=found, actor=request.user)
    except Refusal as refusal:
        messages.warning(request, str(refusal))
    else:
        messages.success(request, _("Delivery is being resent. Reload this page to see the response."))
    return redirect("webhook_delivery", organization.slug, found.endpoint.public_id, found.pk)


def _delivery(endpoint: WebhookEndpoint, pk: UUID) -> WebhookDelivery:
    found = endpoint.deliveries.select_related("event").filter(pk=pk).first()
    if found is None:
        raise Http404
    found.endpoint = endpoint
    return found
