"""Refunds of purchases by staff: what one would do, and doing it once.

The refund and the credits that it takes are committed before Stripe is called (`calls`), so nobody spends what is being
paid back. A refund that fails gives them back. One whose fate is unknown keeps them, and blocks others, until it is
known.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from billing import stripe_calls
from billing.audit_actions import Action
from billing.models import Purchase, PurchaseState, Refund, RefundMode, RefundPolicy, RefundState, SaleTerms
from billing.refunds import clawback, disputes
from billing.refunds.calls import RefundCall
from billing.refunds.rows import record, set_state, unresolved
from credits import ledger
from credits.models import Entry, EntryKind
from organizations.formats import format_money
from organizations.models import User
from organizations.refusals import Refusal


class RefundRefused(Refusal):
    """The purchase can't be refunded like this; the message says why. Nothing was written."""


@dataclass(frozen=True, slots=True)
class RefundChoice:
    """What staff choose to refund. amount_minor: in the purchase's currency."""

    amount_minor: int
    mode: RefundMode
    reason: str


@dataclass(frozen=True, slots=True)
class Effect:
    """What a refund would do. Credits in smallest units; `before` and `after`: the purchase's positions.

    taken: from the grant. owed: what becomes debt. The balances and the debt are the wallet's.
    """

    taken: int
    owed: int
    balance_before: int
    balance_after: int
    debt_after: int
    before: clawback.Position
    after: clawback.Position


def is_by_hand(purchase: Purchase) -> bool:
    """Whether the money did not come through Stripe, so that staff have to send it back."""
    return purchase.stripe_payment_intent_id is None


def is_allowed(purchase: Purchase) -> bool:
    """Whether the program refunds purchases, and this one is paid and cost something."""
    return (
        purchase.state == PurchaseState.PAID and purchase.amount_minor > 0 and _policy(purchase) != RefundPolicy.NEVER
    )


def position_of(purchase: Purchase, *, now: datetime | None = None) -> clawback.Position:
    """Return where a paid purchase's credits and money are now. Writes nothing."""
    with transaction.atomic():
        with ledger.open_book(keys=[(purchase.organization.wallet.pk, "")], now=now) as book:
            position = clawback.position_of(book, purchase)
        transaction.set_rollback(True)
    return position


def preview(purchase: Purchase, choice: RefundChoice, *, now: datetime | None = None) -> Effect:
    """Return what a refund would do: it is made and rolled back, so nothing is written. Raises RefundRefused."""
    wallet = purchase.organization.wallet
    with transaction.atomic():
        before = position_of(purchase, now=now)
        wallet.refresh_from_db()
        balance_before = wallet.balance
        row = _attempt(purchase, choice, refund_id=None, actor=None, now=now)
        wallet.refresh_from_db()
        moved = Entry.objects.filter(
            wallet=wallet, operation=row.void_operation, kind__in=[EntryKind.VOID, EntryKind.DEBT]
        )
        moves = list(moved) if row.void_operation else []
        effect = Effect(
            taken=-sum(move.amount for move in moves if move.kind == EntryKind.VOID),
            owed=-sum(move.amount for move in moves if move.kind == EntryKind.DEBT),
            balance_before=balance_before,
            balance_after=wallet.balance,
            debt_after=wallet.debt,
            before=before,
            after=position_of(purchase, now=now),
        )
        transaction.set_rollback(True)
    return effect


def refund(
    purchase: Purchase, choice: RefundChoice, *, refund_id: UUID, actor: User, now: datetime | None = None
) -> Refund:
    """Refund all or a part of a purchase and return the refund in its state then. Outside any transaction.

    refund_id: the form's token; a second call with it does nothing and returns the first refund. A bank transfer stays
    pending until staff have sent it back. Raises RefundRefused. A refund that Stripe refuses is returned as failed,
    with its credits back.
    """
    row = _attempt(purchase, choice, refund_id=refund_id, actor=actor, now=now)
    if row.state == RefundState.PENDING and row.stripe_id is None and not is_by_hand(row.purchase):
        stripe_calls.send(RefundCall(row, now=now))
        row.refresh_from_db()
    return row


def _attempt(
    purchase: Purchase, choice: RefundChoice, *, refund_id: UUID | None, actor: User | None, now: datetime | None
) -> Refund:
    made: list[Refund] = []

    def begin(book: ledger.Book, locked: Purchase) -> None:
        earlier = Refund.objects.filter(pk=refund_id).first() if refund_id else None
        if earlier is not None and earlier.purchase_id != locked.pk:
            raise RefundRefused(_("This form was already sent for another purchase. Reload the page."))
        made.append(earlier or _begin(book, locked, choice, refund_id=refund_id, actor=actor))

    clawback.move(purchase.pk, cause=_cause(purchase, actor), record=begin, now=now)
    made[0].refresh_from_db()
    return made[0]


def _begin(
    book: ledger.Book, purchase: Purchase, choice: RefundChoice, *, refund_id: UUID | None, actor: User | None
) -> Refund:
    if purchase.state != PurchaseState.PAID:
        raise RefundRefused(_("This purchase is not paid."))
    if purchase.amount_minor == 0:
        raise RefundRefused(_("Nothing was paid for this purchase."))
    position = clawback.position_of(book, purchase)
    _refuse(purchase, choice, position)
    back = position.reversed_minor + choice.amount_minor
    named = {} if refund_id is None else {"id": refund_id}
    row = Refund.objects.create(
        **named,
        purchase=purchase,
        amount_minor=choice.amount_minor,
        credits=position.credits_for(back) - position.credits_for(position.reversed_minor),
        mode=choice.mode,
        reason=choice.reason,
        refunded_by=actor,
        created_at=book.wallet(purchase.organization.wallet.pk).now,
    )
    record(row, Action.REFUND_STARTED, actor=actor, reason=choice.reason)
    return row


def _refuse(purchase: Purchase, choice: RefundChoice, position: clawback.Position) -> None:
    if _policy(purchase) == RefundPolicy.NEVER:
        raise RefundRefused(_("The organization's program does not refund purchases."))
    if Refund.objects.filter(unresolved(), purchase=purchase).exists():
        raise RefundRefused(_("The outcome of an earlier refund is still unknown. We are checking it with Stripe."))
    if purchase.disputes.filter(status__in=disputes.OPEN).exists():
        raise RefundRefused(_("The payment is disputed. The bank decides about the money."))
    if not 0 < choice.amount_minor <= position.refundable_minor:
        raise RefundRefused(
            _("At most %(amount)s can be refunded.") % {"amount": _money(position.refundable_minor, purchase)}
        )
    if choice.mode == RefundMode.UNSPENT and choice.amount_minor > position.unspent_minor:
        raise RefundRefused(
            _("The remaining credits are worth %(amount)s. Refund at most that amount, or all of it with debt.")
            % {"amount": _money(position.unspent_minor, purchase)}
        )


def close_by_hand(row: Refund, *, is_paid: bool, actor: User, reason: str, now: datetime | None = None) -> Refund:
    """Note that a bank transfer was sent back, or that it will not be: then the credits return to the grant.

    A second call changes nothing. Raises RefundRefused for a refund through Stripe.
    """
    if not is_by_hand(row.purchase):
        raise RefundRefused(_("Stripe pays this refund. It can't be closed by hand."))

    def close(_book: ledger.Book, _locked: Purchase) -> None:
        state = RefundState.SUCCEEDED if is_paid else RefundState.FAILED
        if Refund.objects.filter(pk=row.pk, state=RefundState.PENDING).exists():
            set_state(row, state, actor=actor, reason=reason, now=now)

    clawback.move(row.purchase_id, cause=_cause(row.purchase, actor), record=close, now=now)
    row.refresh_from_db()
    return row


def _cause(purchase: Purchase, actor: User | None) -> ledger.Cause:
    return ledger.Cause(actor_id=actor.pk if actor else None, actor_label="refund", memo=purchase.reference)


def _policy(purchase: Purchase) -> str:
    terms = SaleTerms.objects.filter(program=purchase.organization.wallet.program_id).first()
    return terms.purchase_refunds if terms is not None else RefundPolicy.NEVER


def _money(amount_minor: int, purchase: Purchase) -> str:
    return format_money(amount_minor, currency=purchase.currency, language=get_language() or "en")
