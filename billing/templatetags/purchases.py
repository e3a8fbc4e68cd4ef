"""The colour of a purchase's state on pages."""

from django import template

from billing.models import Purchase

register = template.Library()

TONES = {"paid": "good", "failed": "danger", "pending": "warning", "open": "warning", "processing": "warning"}


@register.filter
def state_tone(purchase: Purchase) -> str:
    """The tone of the badge with a purchase's state."""
    return TONES.get(purchase.state, "")
