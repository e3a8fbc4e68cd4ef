"""Paying in person for what auto-recharge could not charge: a new order for the same lots, paid on Stripe's page.

Nothing is charged here: the order is paid and settled like any other purchase.
"""

from dataclasses import replace
from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from billing.models import Method, Purchase, PurchaseState, RechargeAttempt, RechargeState
from billing.purchases import orders, quotes
from credits import ledger
from credits.models import Wallet
from organizations.models import User
from organizations.refusals import Refusal


class NothingToPay(Refusal):
    """The attempt was paid, or is still open."""


def is_open(attempt: RechargeAttempt) -> bool:
    """Whether an attempt failed, and nobody has paid in person since."""
    if attempt.state not in {RechargeState.FAILED, RechargeState.NEEDS_PERSON}:
        return False
    return not _orders_of(attempt).filter(state=PurchaseState.PAID).exists()


def _orders_of(attempt: RechargeAttempt) -> QuerySet[Purchase]:
    token = f"in-person:{attempt.pk}:"
    return Purchase.objects.filter(organization=attempt.organization_id, form_token__startswith=token)


def order(attempt: RechargeAttempt, *, buyer: User, now: datetime | None = None) -> Purchase:
    """Place an order for what a failed attempt was to buy, or return the one that already waits for its payment.

    At today's price. Auto-recharge's monthly limit does not count it. Raises NothingToPay, and what
    `orders.place_order` raises; then nothing was written.
    """
    if not is_open(attempt):
        raise NothingToPay(_("This payment is no longer open."))
    organization, pack = attempt.organization, attempt.purchase.pack
    terms = orders.refuse_unless_buyer(organization, Method.CARD)
    wallet = Wallet.objects.select_related("program", "organization").get(organization=organization)
    with transaction.atomic(), ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        state = book.wallet(wallet.pk)
        earlier = _orders_of(attempt)
        waiting = earlier.filter(quotes.open_orders(organization, now=state.now)).first()
        if waiting is not None:
            return waiting
        if pack is None or earlier.filter(state=PurchaseState.PAID).exists():
            raise NothingToPay(_("This payment is no longer open."))
        lot = quotes.quote(organization, quotes.PackChoice(pack.key, pack.least_lots), now=state.now)
        lots, price = attempt.purchase.lots, lot.amount_minor // lot.lots
        quoted = replace(
            lot,
            lots=lots,
            name=attempt.purchase.name,
            credits=pack.credits * lots,
            list_amount_minor=price * lots,
            amount_minor=price * lots,
        )
        held = sum(grant.remaining for grant in state.grants.values())
        orders.refuse_above_limits(wallet, quoted, held=held, now=state.now)
        return orders.write_order(
            quoted,
            organization=organization,
            buyer=buyer,
            method=Method.CARD,
            terms=terms,
            form_token=f"in-person:{attempt.pk}:{earlier.count()}",
            now=state.now,
        )
