"""Errors of calls to Stripe, in the few kinds that make a difference to the caller.

Stripe's own exceptions never leave the gateway.
"""


class GatewayError(Exception):
    """Any error of the gateway. `str()` is for logs and staff; it contains no secret."""


class Refused(GatewayError):
    """Stripe refused, and nothing was done. `code` is Stripe's, or empty; `message` is Stripe's text."""

    def __init__(self, message: str, *, code: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code


class NotSetUp(Refused):
    """No Stripe key is configured: this installation takes no payments by card."""


class Declined(Refused):
    """The bank or Stripe declined the payment. `payment_id`: the payment, which exists all the same."""

    def __init__(self, message: str, *, code: str, decline_code: str, payment_id: str | None) -> None:
        super().__init__(message, code=code)
        self.decline_code = decline_code
        self.payment_id = payment_id


class AuthenticationRequired(Declined):
    """The bank wants the customer present; the payment failed. Charging again without them is of no use."""


class OutcomeUnknown(GatewayError):
    """A write whose fate is unknown: there was no answer, or an unclear one. Call again with the same key."""


class Unavailable(GatewayError):
    """A read without an answer. Nothing has changed; call again later."""


class BadEvent(GatewayError):
    """A webhook that is not Stripe's, too old, from the future, or not an event that can be read."""


class OversizedEvent(BadEvent):
    """A webhook whose body is larger than any event of Stripe's."""
