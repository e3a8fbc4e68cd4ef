"""The only code that calls Stripe: typed calls in, frozen dataclasses out, Stripe's exceptions as a few of our own.

Money is an integer in the currency's minor unit, currencies are in capitals, instants are aware. Every write takes an
idempotency key that the caller makes from a row of its own; a second call with it does nothing. Nothing here may be
called inside a database transaction, and nothing here knows purchases, credits or programs.
"""

from billing.stripe_gateway.checkouts import (
    Checkout,
    CheckoutOrder,
    CheckoutState,
    create_checkout,
    create_setup_checkout,
    create_subscription_checkout,
    expire_checkout,
    read_checkout,
)
from billing.stripe_gateway.client import API_VERSION, is_live, is_set_up
from billing.stripe_gateway.customers import (
    MethodState,
    create_portal,
    default_payment_method,
    detach_payment_method,
    ensure_customer,
    list_payment_methods,
    set_default_payment_method,
)
from billing.stripe_gateway.errors import (
    AuthenticationRequired,
    BadEvent,
    Declined,
    GatewayError,
    NotSetUp,
    OutcomeUnknown,
    OversizedEvent,
    Refused,
    Unavailable,
)
from billing.stripe_gateway.events import VerifiedEvent, construct_event, find_events
from billing.stripe_gateway.payments import (
    PaymentState,
    charge_off_session,
    find_payments,
    find_payments_of,
    read_payment,
)
from billing.stripe_gateway.reversals import (
    DisputeState,
    RefundState,
    create_refund,
    find_disputes,
    find_refunds,
    read_disputes,
    read_refunds,
)
from billing.stripe_gateway.subscriptions import (
    InvoiceState,
    SubscriptionState,
    cancel_at_period_end,
    change_plan,
    charge_to,
    ensure_price,
    find_invoices,
    read_invoice,
    read_subscription,
)

__all__ = [
    "API_VERSION",
    "AuthenticationRequired",
    "BadEvent",
    "Checkout",
    "CheckoutOrder",
    "CheckoutState",
    "Declined",
    "DisputeState",
    "GatewayError",
    "InvoiceState",
    "MethodState",
    "NotSetUp",
    "OutcomeUnknown",
    "OversizedEvent",
    "PaymentState",
    "RefundState",
    "Refused",
    "SubscriptionState",
    "Unavailable",
    "VerifiedEvent",
    "cancel_at_period_end",
    "change_plan",
    "charge_off_session",
    "charge_to",
    "construct_event",
    "create_checkout",
    "create_portal",
    "create_refund",
    "create_setup_checkout",
    "create_subscription_checkout",
    "default_payment_method",
    "detach_payment_method",
    "ensure_customer",
    "ensure_price",
    "expire_checkout",
    "find_disputes",
    "find_events",
    "find_invoices",
    "find_payments",
    "find_payments_of",
    "find_refunds",
    "is_live",
    "is_set_up",
    "list_payment_methods",
    "read_checkout",
    "read_disputes",
    "read_invoice",
    "read_payment",
    "read_refunds",
    "read_subscription",
    "set_default_payment_method",
]
