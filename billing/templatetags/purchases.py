"""How a purchase's state looks. Nothing is decided here."""

from django import template

from billing.models import Purchase

register = template.Library()

TONES = {"paid": "good", "failed": "danger", "pending": "warning", "open": "warning", "processing": "warning"}


@register.filter
def state_tone(purchase: Purchase) -> str:
    """The tone of the badge that names a purchase's state."""
    return TONES.get(purchase.state, "")
