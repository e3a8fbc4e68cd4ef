"""Error messages of pages that call Stripe. Reads and writes nothing."""

from django.utils.translation import gettext as _

from billing import stripe_gateway
from billing.plans.subscriptions import TooBusy, UnknownPrice

# What a page that calls Stripe must handle, in addition to our own refusals.
STRIPE_ERRORS = (stripe_gateway.GatewayError, TooBusy, UnknownPrice)


def sentence_for(error: Exception) -> tuple[str, int]:
    """Return the message for one of STRIPE_ERRORS, and the HTTP status of the page that shows it."""
    if isinstance(error, stripe_gateway.NotSetUp):
        return _("Card payments are not available. Contact support."), 409
    if isinstance(error, stripe_gateway.Declined):
        return _("The payment was declined. Reason: %(reason)s") % {"reason": error.message}, 409
    if isinstance(error, stripe_gateway.Refused):
        return _("Stripe rejected this request. Reason: %(reason)s") % {"reason": error.message}, 409
    if isinstance(error, UnknownPrice):
        return _("We couldn't match your plan at Stripe. Contact support."), 409
    sentence = _(
        "Stripe did not respond in time, so we don't know the outcome yet. Check again in a minute. "
        "It is safe to send the form again."
    )
    return sentence, 503
