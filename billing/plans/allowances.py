"""A plan's allowances: the credits of a month, granted once under a key made of the subscription and the period.

A month brings its plan's allowance, which expires with the month. A higher plan chosen within the month brings the
difference, prorated like the fee that Stripe charges, and never a second time, however often plans are changed. A month
that is already over is recorded without a grant: its credits would have expired. Bought credits are never changed here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.audit_actions import Action
from billing.models import Allowance, Plan, SaleTerms, StripePrice, Subscription
from billing.plans.periods import Period, share_left
from billing.stripe_gateway import InvoiceState
from credits import ledger
from credits.models import Source, Wallet
from organizations import audit_events

# Months that ended longer before the current one are settled history.
MEMORY = timedelta(days=100)


@dataclass(frozen=True, slots=True)
class Due:
    """Credits (smallest units, above zero) that a plan brings for a period, and the key under which they come once."""

    key: str
    plan: Plan
    period: Period
    credits: int


def of_month(subscription: Subscription, plan: Plan, period: Period) -> list[Due]:
    """Return what a whole month brings: one Due, or none where the plan brings no credits."""
    return _due(_key(subscription, period), plan, period, plan.allowance)


def of_upgrade(subscription: Subscription, plan: Plan, at: datetime) -> list[Due]:
    """Return what a higher plan brings for the rest of the current month, where Stripe writes no invoices.

    Under the wallet's lock.
    """
    period = Period(subscription.period_start, subscription.period_end)
    granted = subscription.allowances.filter(period_start=period.start).select_related("plan")
    highest = max((allowance.plan.allowance for allowance in granted), default=0)
    more = share_left(max(0, plan.allowance - highest), period, at)
    return _due(f"{_key(subscription, period)}:{plan.key}", plan, period, more)


def of_invoices(subscription: Subscription, invoices: Sequence[InvoiceState]) -> list[Due]:
    """Return what a subscription's paid invoices bring, oldest first. invoices: all of them, newest first.

    An invoice for a whole month brings the month's allowance; one for the rest of a month brings the difference to the
    highest plan of the month's earlier invoices. So the result does not depend on which invoice is seen first.
    """
    prices = StripePrice.objects.filter(stripe_id__in=[invoice.price_id for invoice in invoices if invoice.price_id])
    plans = {price.stripe_id: price.plan for price in prices.select_related("plan")}
    oldest = max(subscription.created_at, subscription.period_start - MEMORY)
    dues: list[Due] = []
    highest: dict[datetime, int] = {}
    starts: dict[datetime, datetime] = {}
    # Stripe's instants are whole seconds: two invoices of one second stay in the order in which Stripe lists them.
    oldest_first = list(reversed(invoices))
    oldest_first.sort(key=lambda each: each.created_at)
    for invoice in oldest_first:
        charged, plan = _period(invoice), plans.get(invoice.price_id or "")
        if charged is None or plan is None:
            continue
        # Invoices of one month end together; the earliest of them, paid or not, is for the whole of it.
        period = Period(starts.setdefault(charged.end, charged.start), charged.end)
        before = highest.get(period.end)
        highest[period.end] = max(before or 0, plan.allowance)
        if invoice.status != "paid" or period.end <= oldest:
            continue
        if before is None:
            dues += of_month(subscription, plan, period)
        else:
            more = share_left(max(0, plan.allowance - before), period, charged.start)
            dues += _due(f"{_key(subscription, period)}:{invoice.id}", plan, period, more)
    return dues


def give(subscription: Subscription, dues: Iterable[Due], *, now: datetime | None = None) -> list[Allowance]:
    """Grant what is due and not granted yet, in order; return what is new.

    Inside the caller's transaction, which has locked the wallet before anything else. A Due whose period is over is
    recorded without a grant. A second call does nothing. Raises the ledger's WalletFull.
    """
    wallet = Wallet.objects.get(organization=subscription.organization_id)
    wanted = list(dues)
    known = set(Allowance.objects.filter(key__in=[due.key for due in wanted]).values_list("key", flat=True))
    new = [due for due in wanted if due.key not in known]
    if not new:
        return []
    terms = SaleTerms.objects.filter(program=wallet.program_id).first()
    with ledger.open_book(keys=[(wallet.pk, due.key) for due in new], now=now) as book:
        return [_give(book, wallet, subscription, due, terms) for due in new]


def _give(
    book: ledger.Book, wallet: Wallet, subscription: Subscription, due: Due, terms: SaleTerms | None
) -> Allowance:
    instant = book.wallet(wallet.pk).now
    operation_id = None
    if due.period.end > instant:
        recorded = ledger.grant(
            book,
            wallet_id=wallet.pk,
            credits=due.credits,
            source=_source(subscription, terms),
            key=due.key,
            content_hash=ledger.hash_content(subscription=subscription.pk, plan=due.plan.key, credits=due.credits),
            cause=ledger.Cause(actor_label="plan", memo=due.plan.name),
            expires_at=due.period.end,
            priority=terms.allowance_priority if terms else 50,
        )
        operation_id = recorded.id
    else:
        _note_missed(subscription, due, instant)
    # The operation's row is written on leaving the book; the foreign key is checked at the commit.
    return Allowance.objects.create(
        subscription=subscription,
        plan=due.plan,
        key=due.key,
        period_start=due.period.start,
        period_end=due.period.end,
        credits=due.credits,
        operation_id=operation_id,
        recorded_at=instant,
    )


def _note_missed(subscription: Subscription, due: Due, now: datetime) -> None:
    audit_events.record(
        action=Action.ALLOWANCE_MISSED,
        organization=subscription.organization,
        target=due.plan.key,
        reason="The period was over before its credits could be granted.",
        details={"period_end": due.period.end.isoformat(), "credits": due.credits},
        now=now,
    )


def _source(subscription: Subscription, terms: SaleTerms | None) -> Source:
    if subscription.is_invoiced and terms is not None and terms.invoiced_allowance_is_bank_transfer:
        return Source.BANK_TRANSFER
    return Source.PLAN


def _period(invoice: InvoiceState) -> Period | None:
    if invoice.period_start is None or invoice.period_end is None or invoice.period_end <= invoice.period_start:
        return None
    return Period(invoice.period_start, invoice.period_end)


def _due(key: str, plan: Plan, period: Period, credits: int) -> list[Due]:
    return [Due(key, plan, period, credits)] if credits > 0 else []


def _key(subscription: Subscription, period: Period) -> str:
    return f"allowance:{subscription.pk}:{period.start.isoformat()}"
