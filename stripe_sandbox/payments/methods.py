"""Payment methods: cards, Link, and one delayed method under three names. Their calls: `method_calls`."""

import hashlib
import time
from typing import Any

from stripe_sandbox.front.errors import ApiError, no_such
from stripe_sandbox.front.fields import address
from stripe_sandbox.front.routes import Call
from stripe_sandbox.front.shapes import Thing, skeleton
from stripe_sandbox.payments import cards
from stripe_sandbox.payments.cards import Card
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.events import emit

DELAYED = ("konbini", "us_bank_account", "sepa_debit")
SHORTEST, LONGEST = 12, 19
FAILING_ACCOUNTS = ("AT861904300235473202", "IT60X0542811101000000123456")


def card_error(code: str, *, param: str | None = None, decline_code: str | None = None, **fields: Any) -> ApiError:
    """402 with Stripe's sentence for the code; decline_code says why where code is card_declined."""
    return ApiError(
        cards.SENTENCES[decline_code or code],
        status=402,
        kind="card_error",
        code=code,
        decline_code=decline_code,
        advice_code=cards.ADVICE.get(decline_code or code),
        param=param,
        doc_url=f"https://stripe.com/docs/error-codes/{code.replace('_', '-')}",
        **fields,
    )


def make_card(account: Account, number: str, *, month: int, year: int, cvc: str | None, billing: Thing | None) -> Thing:
    """A new card. Raises ApiError: incorrect_number, invalid_expiry_month, invalid_expiry_year, invalid_cvc."""
    digits = "".join(number.split())
    if not digits.isdecimal() or not SHORTEST <= len(digits) <= LONGEST or not cards.passes_checksum(digits):
        raise card_error("incorrect_number", param="number")
    if not 1 <= month <= 12:
        raise card_error("invalid_expiry_month", param="exp_month")
    full_year = year + 2000 if year < 100 else year
    this_year, this_month = _today(account)
    if (full_year, month) < (this_year, this_month) or full_year > this_year + 50:
        raise card_error("invalid_expiry_year", param="exp_year")
    if cvc is not None and not (cvc.isdecimal() and len(cvc) in {3, 4}):
        raise card_error("invalid_cvc", param="cvc")
    if digits not in cards.BY_NUMBER:
        raise ApiError(
            "Your card was declined. Your request was in test mode, but used a card that is not a test card. "
            "Use one of the numbers shown on the page.",
            status=402,
            kind="card_error",
            code="card_declined",
            decline_code="test_mode_live_card",
        )
    return _add_card(account, cards.BY_NUMBER[digits], month=month, year=full_year, billing=billing)


def _today(account: Account) -> tuple[int, int]:
    today = time.gmtime(account.now())
    return today.tm_year, today.tm_mon


def _add_card(account: Account, card: Card, *, month: int, year: int, billing: Thing | None) -> Thing:
    checks = {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "unchecked"}
    method = _blank(account, "card", billing)
    method["card"] = {
        "brand": card.brand,
        "checks": checks,
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": month,
        "exp_year": year,
        "fingerprint": hashlib.sha256(card.number.encode()).hexdigest()[:16],
        "funding": "credit",
        "generated_from": None,
        "last4": card.number[-4:],
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
    return account.add(method, number=card.number, set_up=False)


def billing_details(sent: Thing | None) -> Thing:
    """Billing details with every field that Stripe's have."""
    sent = sent or {}
    return {
        "address": address(sent.get("address")) or address({"city": ""}),
        "email": sent.get("email") or None,
        "name": sent.get("name") or None,
        "phone": sent.get("phone") or None,
        "tax_id": None,
    }


def _blank(account: Account, kind: str, billing: Thing | None) -> Thing:
    method = skeleton("payment_method", created=account.now(), type=kind, allow_redisplay="unspecified", metadata={})
    method["billing_details"] = billing_details(billing)
    kinds = ("card", "link", *DELAYED)
    details = {name for name in method if name not in _COMMON} - {kind}
    for name in details:  # Stripe sends only the part of the method's own type
        del method[name]
    if kind not in kinds:
        raise ApiError(f"Invalid type: the sandbox knows {', '.join(kinds)}", param="type")
    return method


_COMMON = {
    *("allow_redisplay", "billing_details", "created", "customer", "customer_account", "id", "livemode"),
    *("metadata", "object", "type"),
}


def make_link(account: Account, email: str) -> Thing:
    """A Link wallet: an address and no card; it can be charged later like a saved card."""
    method = _blank(account, "link", {"email": email})
    method["link"] = {"email": email}
    return account.add(method, number="4242424242424242", set_up=True)


def make_delayed(account: Account, kind: str, billing: Thing | None) -> Thing:
    """A method whose money comes, or does not, days later."""
    method = _blank(account, kind, billing)
    if kind == "konbini":
        method["konbini"] = {}
    elif kind == "sepa_debit":
        method["sepa_debit"] = {
            "bank_code": "19043",
            "branch_code": "",
            "country": "AT",
            "fingerprint": "sandboxsepa",
            "generated_from": {"charge": None, "setup_attempt": None},
            "last4": "3201",
        }
    else:
        method["us_bank_account"] = {
            "account_holder_type": "individual",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "fingerprint": "sandboxbank",
            "last4": "6789",
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": None,
        }
    return account.add(method, number=None, set_up=True)


def from_name(account: Account, name: str, *, param: str = "payment_method") -> Thing:
    """The payment method of this identifier; names of test cards such as pm_card_visa make a new one each time."""
    if name in cards.BY_NAME:
        year = _today(account)[0] + 1
        return _add_card(account, cards.BY_NAME[name], month=12, year=year, billing=None)
    method = account.find(name)
    if method is None or method["object"] != "payment_method":
        noun = "PaymentMethod" if name.startswith("pm_") else "token"
        raise no_such(noun, name, param=param)
    return method


def card_of(account: Account, method: Thing) -> Card | None:
    """How the method behaves; None for the delayed ones."""
    number = account.hidden(method)["number"]
    return cards.BY_NUMBER[number] if number else None


def must_belong(method: Thing, customer: str | None) -> None:
    """Refuse a method of another customer, or one that could not be used again."""
    if method["customer"] and method["customer"] != customer:
        raise ApiError(
            f"The payment method {method['id']} does not belong to the Customer you supplied. "
            "Please use this payment method with the Customer that it belongs to instead.",
            param="payment_method",
        )


def attach(account: Account, method: Thing, customer: str, *, allow_redisplay: str | None = None) -> Thing:
    """Save a method for a customer. Raises ApiError (402) for cards that decline already then."""
    if method["customer"] == customer:
        return method
    must_belong(method, customer)
    card = card_of(account, method)
    if card and card.code and not card.saves:
        raise card_error(card.code, decline_code=card.decline_code)
    method["customer"] = customer
    if allow_redisplay:
        method["allow_redisplay"] = allow_redisplay
    if method.get("card"):
        method["card"]["checks"]["cvc_check"] = "pass"
    emit(account, "payment_method.attached", method)
    return method


def detach(account: Account, method: Thing) -> Thing:
    """Take a saved method from its customer; it can't be used again."""
    if not method["customer"]:
        raise ApiError(
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            param="payment_method",
        )
    previous = method["customer"]
    method["customer"] = None
    account.hidden(method)["detached"] = True
    customer = account.find(previous)
    if customer and customer["invoice_settings"]["default_payment_method"] == method["id"]:
        customer["invoice_settings"]["default_payment_method"] = None
        before = {"invoice_settings": {"default_payment_method": method["id"]}}
        emit(account, "customer.updated", customer, previous=before)
    emit(account, "payment_method.detached", method, previous={"customer": previous})
    return method


def of_customer(call: Call, customer: str) -> list[Thing]:
    """The saved methods of a customer, newest first, by type and allow_redisplay where asked for."""
    wanted = {"type": call.params["type"]} if "type" in call.params else {}
    if "allow_redisplay" in call.params:
        wanted["allow_redisplay"] = call.params["allow_redisplay"]
    return call.account.newest_first("payment_method", customer=customer, **wanted)


def is_expired(account: Account, method: Thing) -> bool:
    """Whether a card's last month is over."""
    card = method.get("card")
    return card is not None and (card["exp_year"], card["exp_month"]) < _today(account)
