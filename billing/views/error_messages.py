"""What went wrong with Stripe, in sentences for the person who waits for it. No state, no writing."""

from django.utils.translation import gettext as _

from billing import stripe_gateway
from billing.plans.subscriptions import TooBusy, UnknownPrice

# What a page that talks to Stripe must be ready for, beside refusals of our own.
TROUBLE = (stripe_gateway.GatewayError, TooBusy, UnknownPrice)


def sentence_for(error: Exception) -> tuple[str, int]:
    """Return what to say about an error of TROUBLE, and the status of the page that says it."""
    if isinstance(error, stripe_gateway.NotSetUp):
        return _("Payments by card are not set up here. Ask our support."), 409
    if isinstance(error, stripe_gateway.Declined):
        return _("The payment was declined: %(reason)s") % {"reason": error.message}, 409
    if isinstance(error, stripe_gateway.Refused):
        return _("Stripe refused this: %(reason)s") % {"reason": error.message}, 409
    if isinstance(error, UnknownPrice):
        return _("Your plan at Stripe is none that we know. Ask our support."), 409
    sentence = _(
        "Stripe has not answered in time, so it is not known yet what was done. Look again in a minute; "
        "a form that is sent twice acts once."
    )
    return sentence, 503
