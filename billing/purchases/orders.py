"""Orders: who may buy, how much may be held, and the order row that payment and grant refer to.

The order is committed before Stripe is called; its id is the idempotency key of the checkout. An organization's orders
are placed one at a time, under its wallet's lock, so that two can't share the last place under the holding limit.
Payment and grant are not decided here.
"""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing import stripe_gateway
from billing.audit_actions import Action
from billing.models import (
    BillingDetails,
    Buyers,
    Method,
    Purchase,
    PurchaseState,
    SaleTerms,
    StripeCustomer,
    SubscriptionState,
)
from billing.purchases import promotions
from billing.purchases.quotes import Choice, Quote, open_orders, ordered_credits, quote
from credits import ledger
from credits.models import Wallet
from organizations import audit_events
from organizations.formats import format_credits
from organizations.models import Organization, Role, User
from organizations.public_ids import new_code
from organizations.refusals import Refusal

logger = logging.getLogger(__name__)

# How long an unpaid order keeps its place: an hour for a checkout, two weeks for a bank transfer.
CHECKOUT_LASTS = timedelta(hours=1)
TRANSFER_LASTS = timedelta(days=14)
# How many orders of an organization may wait for their payment.
MOST_OPEN_ORDERS = 20


class MayNotBuy(Refusal):
    """The program doesn't sell to this organization now; the message says what has to change."""


class HoldingLimitReached(Refusal):
    """The organization would hold more than the law allows. Smallest units."""

    def __init__(self, sentence: str, *, limit: int, held: int, ordered: int, wanted: int) -> None:
        super().__init__(sentence)
        self.limit = limit
        self.held = held
        self.ordered = ordered
        self.wanted = wanted


class DetailsMissing(MayNotBuy):
    """The tax invoice that goes with the order needs billing details."""


class MethodMissing(MayNotBuy):
    """A payment method must be on file first."""


def refuse_unless_buyer(organization: Organization, method: Method) -> SaleTerms:
    """Return the program's terms of sale if the organization may buy by this method. Raises MayNotBuy."""
    terms = terms_of(organization)
    if terms is None or organization.closed_at is not None:
        raise MayNotBuy(_("No credits are available to buy."))
    if terms.buyers == Buyers.ON_PAID_PLAN and not is_on_paid_plan(organization):
        raise MayNotBuy(_("Credits are sold to organizations on a paid plan. Choose a plan first."))
    if method == Method.BANK_TRANSFER:
        _refuse_transfer(organization, terms)
    has_method = organization.payment_methods.filter(detached_at=None).exists()
    if method == Method.CARD and terms.needs_payment_method and not has_method:
        raise MethodMissing(_("Add a payment method first."))
    return terms


def terms_of(organization: Organization) -> SaleTerms | None:
    """Return the program's terms of sale; None: it sells nothing, or the organization has no program."""
    return SaleTerms.objects.filter(program__wallets__organization=organization).first()


def _refuse_transfer(organization: Organization, terms: SaleTerms) -> None:
    if not terms.takes_bank_transfer:
        raise MayNotBuy(_("Bank transfers are not accepted."))
    details = BillingDetails.objects.filter(organization=organization).first() or BillingDetails()
    if terms.gives_tax_invoice and not (details.legal_name and details.address and details.tax_number):
        raise DetailsMissing(
            _("A tax invoice requires your legal name, address and registration number. Complete the billing details.")
        )


def is_on_paid_plan(organization: Organization) -> bool:
    """Whether the organization has a plan with a price that is paid or overdue."""
    subscription = getattr(organization, "subscription", None)
    if subscription is None or subscription.state not in {SubscriptionState.ACTIVE, SubscriptionState.PAST_DUE}:
        return False
    return bool(subscription.plan.prices.filter(currency=subscription.currency, amount_minor__gt=0).exists())


def place_order(
    *,
    organization: Organization,
    buyer: User,
    choice: Choice,
    method: Method,
    form_token: str,
    promotion_code: str = "",
    now: datetime | None = None,
) -> Purchase:
    """Place an order, or return the one that this form placed before, whatever else the second call says.

    form_token: the form's, at most 64 characters; a form orders once. The quote is frozen on the order.
    Raises MayNotBuy, NotForSale, PromotionRefused, HoldingLimitReached; then nothing was written.
    """
    earlier = Purchase.objects.filter(organization=organization, form_token=form_token).first()
    if earlier is not None:
        return earlier
    terms = refuse_unless_buyer(organization, method)
    wallet = Wallet.objects.select_related("program").get(organization=organization)
    with transaction.atomic(), ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        # The first of a double click may have ordered while this one waited for the lock.
        earlier = Purchase.objects.filter(organization=organization, form_token=form_token).first()
        if earlier is not None:
            return earlier
        state = book.wallet(wallet.pk)
        quoted = quote(organization, choice, promotion_code=promotion_code, now=state.now)
        if quoted.promotion_id is not None:
            promotions.claim(organization, quoted.promotion_id, now=state.now)
        held = sum(grant.remaining for grant in state.grants.values())
        refuse_above_limits(wallet, quoted, held=held, now=state.now)
        return write_order(
            quoted,
            organization=organization,
            buyer=buyer,
            method=method,
            terms=terms,
            form_token=form_token,
            now=state.now,
        )


def refuse_above_limits(wallet: Wallet, quoted: Quote, *, held: int, now: datetime) -> None:
    """Refuse what the organization may not hold or order. held: smallest units, including reserved and frozen ones.

    Final only under the wallet's lock. Raises HoldingLimitReached, MayNotBuy.
    """
    if Purchase.objects.filter(open_orders(wallet.organization, now=now)).count() >= MOST_OPEN_ORDERS:
        raise MayNotBuy(_("You have too many unpaid orders. Pay or cancel some first."))
    limit = wallet.program.holding_limit
    ordered = ordered_credits(wallet.organization, now=now)
    if limit is None or held + ordered + quoted.credits <= limit:
        return
    amounts = {"limit": limit, "held": held, "ordered": ordered, "left": max(0, limit - held - ordered)}
    sentence = _(
        "By law, your organization can hold up to %(limit)s %(unit)s. You hold %(held)s and have %(ordered)s on order, "
        "so you can buy up to %(left)s more."
    ) % {
        "unit": wallet.program.get_unit_display(),
        **{
            name: format_credits(amount, decimals=wallet.program.decimals, language=get_language() or "en")
            for name, amount in amounts.items()
        },
    }
    raise HoldingLimitReached(sentence, limit=limit, held=held, ordered=ordered, wanted=quoted.credits)


def write_order(
    quoted: Quote,
    *,
    organization: Organization,
    buyer: User | None,
    method: Method,
    terms: SaleTerms,
    form_token: str,
    now: datetime,
) -> Purchase:
    """Write the order row of a quote. Under the wallet's lock, after every check."""
    details = BillingDetails.objects.filter(organization=organization).first() or BillingDetails()
    purchase = Purchase.objects.create(
        reference=new_reference(terms.reference_prefix),
        organization=organization,
        pack_id=quoted.pack_id,
        lots=quoted.lots,
        name=quoted.name,
        credits=quoted.credits,
        validity_days=quoted.validity_days,
        list_amount_minor=quoted.list_amount_minor,
        amount_minor=quoted.amount_minor,
        currency=quoted.currency,
        promotion_id=quoted.promotion_id,
        method=method,
        state=PurchaseState.OPEN if method == Method.BANK_TRANSFER else PurchaseState.PENDING,
        form_token=form_token,
        bought_by=buyer,
        created_at=now,
        expires_at=now + (TRANSFER_LASTS if method == Method.BANK_TRANSFER else CHECKOUT_LASTS),
        billing_name=details.legal_name,
        billing_address=details.address,
        billing_tax_number=details.tax_number,
    )
    audit_events.record(
        action=Action.PURCHASE_ORDERED,
        organization=organization,
        actor=buyer,
        target=purchase.reference,
        details={"credits": quoted.credits, "amount_minor": quoted.amount_minor, "currency": quoted.currency},
        now=now,
    )
    return purchase


def new_reference(prefix: str) -> str:
    """Return a fresh reference such as `FLX-7K2M-9Q4T`: 40 random bits, readable over the phone."""
    letters = new_code(8)
    return f"{prefix}-{letters[:4]}-{letters[4:]}"


def begin_checkout(purchase: Purchase) -> str:
    """Have Stripe prepare the payment of a pending order and return the address to pay at. Outside any transaction.

    A second call returns the same address: the order's id is the key. Raises the gateway's Refused (the order then is
    failed) and OutcomeUnknown (the order stays pending; call again).
    """
    if purchase.checkout_url:
        return purchase.checkout_url
    organization = purchase.organization
    terms = SaleTerms.objects.get(program=organization.wallet.program)
    order = stripe_gateway.CheckoutOrder(
        purchase_id=purchase.pk,
        reference=purchase.reference,
        customer=customer_of(organization),
        description=purchase.name,
        amount_minor=purchase.amount_minor,
        currency=purchase.currency,
        locale=organization.language,
        success_url=_url("purchase_return", organization, purchase),
        cancel_url=_url("purchase_canceled", organization, purchase),
        expires_at=purchase.expires_at,
        offers_link=terms.offers_link,
        saves_method=True,
        invoice=True,
    )
    try:
        checkout = stripe_gateway.create_checkout(order, key=f"checkout:{purchase.pk}")
    except stripe_gateway.Refused as refused:
        logger.error("Stripe refused the checkout of %s: %s", purchase.reference, refused)  # noqa: TRY400
        Purchase.objects.filter(pk=purchase.pk, state=PurchaseState.PENDING).update(
            state=PurchaseState.FAILED, failure=_("The payment page could not be created.")
        )
        raise
    Purchase.objects.filter(pk=purchase.pk).update(stripe_session_id=checkout.session_id, checkout_url=checkout.url)
    # Only a pending order opens: a webhook may have settled it before Stripe's answer came.
    Purchase.objects.filter(pk=purchase.pk, state=PurchaseState.PENDING).update(state=PurchaseState.OPEN)
    return checkout.url


def customer_of(organization: Organization) -> str:
    """Return the organization's customer at Stripe; the first call makes it. Outside any transaction."""
    known = StripeCustomer.objects.filter(organization=organization).first()
    if known is not None:
        return known.stripe_id
    details = BillingDetails.objects.filter(organization=organization).first() or BillingDetails()
    stripe_id = stripe_gateway.ensure_customer(
        organization_id=organization.pk,
        name=details.legal_name or organization.name,
        email=details.receipt_email or _first_owner_email(organization),
        language=organization.language,
        key=f"customer:{organization.slug}:{organization.created_at.timestamp():.0f}",
    )
    customer, _is_new = StripeCustomer.objects.get_or_create(
        organization=organization, defaults={"stripe_id": stripe_id, "created_at": timezone.now()}
    )
    return str(customer.stripe_id)


def _first_owner_email(organization: Organization) -> str:
    owner = organization.memberships.filter(role=Role.OWNER).select_related("user").order_by("pk").first()
    return owner.user.email if owner is not None else ""


def _url(name: str, organization: Organization, purchase: Purchase) -> str:
    return settings.BASE_URL + reverse(name, args=[organization.slug, purchase.reference])
