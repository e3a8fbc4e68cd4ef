"""Stripe's test cards: which number behaves how when it is saved, charged, refunded or disputed."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Card:
    """A test card: its number, its names in Stripe's tests, and its behaviour."""

    number: str
    names: tuple[str, ...] = ()
    brand: str = "visa"
    code: str | None = None
    """The error of every charge; None: it is paid."""
    decline_code: str | None = None
    saves: bool = False
    """A declining card that can be saved all the same."""
    asks: str = "never"
    """When the bank wants the customer present: never, unless_set_up, when_present, always."""
    dispute: str | None = None
    inquiry: bool = False
    fraud_warning: bool = False
    refund: str = "succeeded"
    available_at_once: bool = False
    blocked: bool = False
    country: str = "US"


def _declining(number: str, name: str, code: str, decline_code: str | None = None) -> Card:
    return Card(number, (name,), code=code, decline_code=decline_code)


CARDS = (
    Card("4242424242424242", ("pm_card_visa", "tok_visa", "pm_card_us")),
    Card("5555555555554444", ("pm_card_mastercard", "tok_mastercard"), brand="mastercard"),
    Card("378282246310005", ("pm_card_amex", "tok_amex"), brand="amex"),
    Card("4000000000000077", ("pm_card_bypassPending", "tok_bypassPending"), available_at_once=True),
    Card(
        "4000000000000002",
        ("pm_card_visa_chargeDeclined", "pm_card_chargeDeclined", "tok_chargeDeclined", "tok_visa_chargeDeclined"),
        code="card_declined",
        decline_code="generic_decline",
    ),
    Card(
        "4000000000009995",
        ("pm_card_visa_chargeDeclinedInsufficientFunds", "pm_card_chargeDeclinedInsufficientFunds"),
        code="card_declined",
        decline_code="insufficient_funds",
    ),
    _declining("4000000000009987", "pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card"),
    _declining("4000000000009979", "pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card"),
    _declining("4000000000000069", "pm_card_chargeDeclinedExpiredCard", "expired_card"),
    _declining("4000000000000127", "pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
    _declining("4000000000000119", "pm_card_chargeDeclinedProcessingError", "processing_error"),
    _declining(
        "4000000000006975",
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        "card_declined",
        "card_velocity_exceeded",
    ),
    Card(
        "4000000000000341",
        ("pm_card_chargeCustomerFail", "tok_chargeCustomerFail"),
        code="card_declined",
        decline_code="generic_decline",
        saves=True,
    ),
    Card("4000002500003155", ("pm_card_authenticationRequiredOnSetup",), asks="unless_set_up", country="DE"),
    Card("4000002760003184", ("pm_card_authenticationRequired",), asks="always", country="DE"),
    Card("4000003800000446", ("pm_card_authenticationRequiredSetupForOffSession",), asks="when_present", country="DE"),
    Card(
        "4000008260003178",
        ("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds",),
        asks="always",
        code="card_declined",
        decline_code="insufficient_funds",
        saves=True,
    ),
    Card("4000000000003220", ("pm_card_threeDSecure2Required",), asks="always"),
    Card(
        "4000008400001629",
        ("pm_card_threeDSecureRequiredChargeDeclined",),
        asks="always",
        code="card_declined",
        decline_code="generic_decline",
    ),
    Card("4000000000000259", ("pm_card_createDispute", "tok_createDispute"), dispute="fraudulent"),
    Card("4000000000002685", ("pm_card_createDisputeProductNotReceived",), dispute="product_not_received"),
    Card("4000000000001976", ("pm_card_createDisputeInquiry",), dispute="fraudulent", inquiry=True),
    Card("4000000000005423", ("pm_card_createIssuerFraudRecord",), fraud_warning=True),
    Card("4000000000007726", ("pm_card_pendingRefund",), refund="pending"),
    Card("4000000000005126", ("pm_card_refundFail",), refund="fails"),
    Card("4100000000000019", ("pm_card_radarBlock",), code="card_declined", decline_code="fraudulent", blocked=True),
)
BY_NUMBER = {card.number: card for card in CARDS}
BY_NAME = {name: card for card in CARDS for name in card.names}

SENTENCES = {
    "generic_decline": "Your card was declined.",
    "insufficient_funds": "Your card has insufficient funds.",
    "lost_card": "Your card was declined.",
    "stolen_card": "Your card was declined.",
    "fraudulent": "Your card was declined.",
    "card_velocity_exceeded": "Your card was declined for making repeated attempts too frequently "
    "or exceeding its amount limit.",
    "authentication_required": "Your card was declined. This transaction requires authentication.",
    "expired_card": "Your card has expired.",
    "incorrect_cvc": "Your card's security code is incorrect.",
    "processing_error": "An error occurred while processing your card. Try again in a little bit.",
    "incorrect_number": "Your card number is incorrect.",
    "invalid_expiry_month": "Your card's expiration month is invalid.",
    "invalid_expiry_year": "Your card's expiration year is invalid.",
    "invalid_cvc": "Your card's security code is invalid.",
}
ADVICE = {
    "insufficient_funds": "try_again_later",
    "processing_error": "try_again_later",
    "lost_card": "do_not_try_again",
}


def wants_customer(card: Card, *, present: bool, set_up: bool) -> bool:
    """Whether the bank asks for the customer before this charge."""
    if card.asks == "unless_set_up":
        return not set_up
    if card.asks == "when_present":
        return present
    return card.asks == "always"


def passes_checksum(number: str) -> bool:
    """Whether a card number satisfies the Luhn checksum."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
