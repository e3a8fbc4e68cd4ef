"""The tables of billing: what is sold, to whom, what was paid, refunded and disputed, and Stripe's events.

Money is an integer in the currency's minor unit beside its currency; credits are integers in smallest units. Rows only:
states move in the domain modules, under lock.
"""

from billing.models.auto_recharge import AutoRecharge, PauseReason, RechargeAttempt, RechargeState
from billing.models.catalog import (
    Buyers,
    CustomAmount,
    Pack,
    PackPrice,
    Plan,
    PlanPrice,
    ProgramCurrency,
    Promotion,
    PromotionUse,
    RefundPolicy,
    SaleTerms,
)
from billing.models.customers import BillingDetails, PaymentMethod, Referral, ReferralCode, StripeCustomer
from billing.models.purchases import Method, Purchase, PurchaseState
from billing.models.reversals import Dispute, Refund, RefundMode, RefundRequest, RefundState, RequestState
from billing.models.stripe_rows import EventState, StripeEvent
from billing.models.subscriptions import (
    Allowance,
    CheckoutStage,
    PlanCheckout,
    StripePrice,
    Subscription,
    SubscriptionState,
)

__all__ = [
    "Allowance",
    "AutoRecharge",
    "BillingDetails",
    "Buyers",
    "CheckoutStage",
    "CustomAmount",
    "Dispute",
    "EventState",
    "Method",
    "Pack",
    "PackPrice",
    "PauseReason",
    "PaymentMethod",
    "Plan",
    "PlanCheckout",
    "PlanPrice",
    "ProgramCurrency",
    "Promotion",
    "PromotionUse",
    "Purchase",
    "PurchaseState",
    "RechargeAttempt",
    "RechargeState",
    "Referral",
    "ReferralCode",
    "Refund",
    "RefundMode",
    "RefundPolicy",
    "RefundRequest",
    "RefundState",
    "RequestState",
    "SaleTerms",
    "StripeCustomer",
    "StripeEvent",
    "StripePrice",
    "Subscription",
    "SubscriptionState",
]
