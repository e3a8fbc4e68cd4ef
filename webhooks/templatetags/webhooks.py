"""How endpoints and deliveries stand, in a word and a tone."""

from django import template
from django.utils.translation import gettext as _

from webhooks.models import DeliveryState, WebhookAttempt, WebhookDelivery, WebhookEndpoint

register = template.Library()

TONES = {DeliveryState.PENDING: "warning", DeliveryState.DELIVERED: "good", DeliveryState.FAILED: "danger"}


@register.filter
def health(endpoint: WebhookEndpoint) -> str:
    """How an endpoint is."""
    if endpoint.disabled_at:
        return _("turned off")
    if endpoint.failing_since:
        return _("failing")
    return _("working") if endpoint.last_delivered_at else _("no deliveries yet")


@register.filter
def health_tone(endpoint: WebhookEndpoint) -> str:
    """The tone of the word for it."""
    if endpoint.is_gone or (endpoint.failing_since and not endpoint.disabled_at):
        return "danger"
    return "good" if endpoint.last_delivered_at and not endpoint.disabled_at else ""


@register.filter
def state_tone(delivery: WebhookDelivery) -> str:
    """The tone of a delivery's state; one that was not tried yet is nothing to worry about."""
    if delivery.state == DeliveryState.PENDING and not delivery.attempts:
        return ""
    return TONES[DeliveryState(delivery.state)]


@register.filter
def outcome(attempt: WebhookAttempt | None) -> str:
    """What a try came to: the status, or why there was none."""
    if attempt is None:
        return "–"
    return str(attempt.status or attempt.get_error_display())
