"""What a purchase's reversals take from its grant: the target is computed from all of them, then moved to, under lock.

Money that went back or is on its way, and what lost disputes took, counts once, up to what was paid. Credits follow in
proportion and cumulatively, rounded up to the smallest unit: ceil(credits × money back ÷ money paid). So parts never
add up to more than the whole, and the whole takes all. Used credits become debt; expired ones do not. Nothing here
decides whether money may go back.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum

from billing.models import Dispute, Purchase, PurchaseState, Refund, RefundState
from billing.refunds import disputes
from credits import ledger
from credits.models import EntryKind, Operation, new_id

# Refunds whose money went back or may have. While that is unknown the credits stay taken.
COUNTED = (RefundState.PENDING, RefundState.UNKNOWN, RefundState.SUCCEEDED)


@dataclass(frozen=True, slots=True)
class Position:
    """Where the credits and the money of a paid purchase are. Credits in smallest units, money in minor units.

    left: can be taken now. voided: taken back in all, by staff too, including what became debt. taken: the part of
    voided that this purchase's reversals took and did not give back. reversed_minor: money that counts as gone back.
    """

    credits: int
    left: int
    reserved: int
    spent: int
    expired: int
    voided: int
    taken: int
    paid_minor: int
    reversed_minor: int

    @property
    def refundable_minor(self) -> int:
        """What can still be refunded."""
        return self.paid_minor - self.reversed_minor

    @property
    def unspent_minor(self) -> int:
        """What can still be refunded without debt: the value of the credits that are left, rounded down."""
        worth = self.paid_minor * (self.taken + self.left) // self.credits
        return max(0, min(worth - self.reversed_minor, self.refundable_minor))

    def credits_for(self, money_minor: int) -> int:
        """The credits that correspond to this much money gone back in all, rounded up to the smallest unit."""
        return credits_for(money_minor, credits=self.credits, paid_minor=self.paid_minor)


def credits_for(money_minor: int, *, credits: int, paid_minor: int) -> int:
    """The credits that correspond to this much money gone back in all, rounded up to the smallest unit."""
    return -(-credits * min(money_minor, paid_minor) // paid_minor)


def position_of(book: ledger.Book, purchase: Purchase) -> Position:
    """Count where a paid purchase's credits and money are. Under its wallet's lock; `purchase` with its wallet."""
    grant_id = _grant_of(purchase)
    wallet = book.wallet(purchase.organization.wallet.pk)
    book.load_grants([grant_id])
    grant = wallet.grants[grant_id]
    lines = [line for operation_id in _voids(purchase) for line in _lines(book, operation_id)]
    expired, voided = book.expired_of(wallet, grant_id), book.voided(wallet, grant_id)
    owed = sum(net for is_debt, net in lines if is_debt)
    return Position(
        credits=grant.amount,
        left=grant.free,
        reserved=grant.reserved,
        spent=grant.amount - grant.remaining - expired - (voided - owed),
        expired=expired,
        voided=voided,
        taken=sum(net for _, net in lines),
        paid_minor=purchase.amount_minor,
        reversed_minor=reversed_minor(purchase),
    )


def reversed_minor(purchase: Purchase) -> int:
    """The money of a purchase that counts as gone back: minor units, at most what was paid."""
    refunded = Refund.objects.filter(purchase=purchase, state__in=COUNTED).aggregate(sum=Sum("amount_minor"))["sum"]
    lost = Dispute.objects.filter(purchase=purchase, status=disputes.LOST).aggregate(sum=Sum("amount_minor"))["sum"]
    return min(int(purchase.amount_minor), (refunded or 0) + (lost or 0))


def move(
    purchase_id: UUID,
    *,
    cause: ledger.Cause,
    record: Callable[[ledger.Book, Purchase], None],
    now: datetime | None = None,
) -> Purchase:
    """Call `record` to write the reversals of a paid purchase, then move its grant to match, in one transaction.

    The wallet is locked first, then the purchase. Any number of calls, at once and in any order, have the same result:
    what is taken is the difference between the target and what was taken before. Raises what `record` raises; then
    nothing is written.
    """
    found = Purchase.objects.select_related("organization__wallet").get(pk=purchase_id)
    wallet_id = found.organization.wallet.pk
    is_first = True
    with transaction.atomic():
        while True:
            # The target makes repetition harmless; the key only names the operation.
            key = f"{_prefix(found)}{new_id()}"
            with ledger.open_book(keys=[(wallet_id, key)], now=now) as book:
                purchase = _lock(purchase_id)
                if is_first:
                    record(book, purchase)
                recorded = _step(book, purchase, key=key, cause=cause)
                if recorded is None:
                    disputes.hold(book, purchase)
                    return purchase
            is_first = False
            if recorded.kind == EntryKind.VOID:
                _link(purchase, recorded.id)


def _lock(purchase_id: UUID) -> Purchase:
    return (
        Purchase.objects.select_for_update(no_key=True, of=("self",))
        .select_related("organization__wallet__program")
        .get(pk=purchase_id)
    )


def _step(book: ledger.Book, purchase: Purchase, *, key: str, cause: ledger.Cause) -> ledger.Recorded | None:
    """Take what is missing, or give back from one void what was taken too much. None: nothing is left to do."""
    if purchase.state != PurchaseState.PAID or purchase.amount_minor == 0:
        return None
    wallet_id, position = purchase.organization.wallet.pk, position_of(book, purchase)
    target = position.credits_for(position.reversed_minor)
    content = ledger.hash_content(purchase=str(purchase.pk), target=target)
    missing = min(target - position.taken, position.credits - position.voided - position.expired)
    if missing > 0:
        return ledger.void(
            book,
            wallet_id=wallet_id,
            grant_id=_grant_of(purchase),
            credits=missing,
            key=key,
            content_hash=content,
            cause=cause,
            rest_as_debt=True,
        )
    surplus = position.taken - target
    if surplus <= 0:
        return None
    void_id, net = next(
        (each, total) for each in _voids(purchase) if (total := sum(net for _, net in _lines(book, each))) > 0
    )
    return ledger.reinstate(
        book,
        wallet_id=wallet_id,
        void_id=void_id,
        credits=min(net, surplus),
        key=key,
        content_hash=content,
        cause=cause,
    )


def _voids(purchase: Purchase) -> list[UUID]:
    """The operations by which this purchase's reversals took credits, the latest first."""
    voids = Operation.objects.filter(
        wallet=purchase.organization.wallet,
        kind=EntryKind.VOID,
        subject=purchase.grant_id,
        idempotency_key__startswith=_prefix(purchase),
    )
    return list(voids.order_by("-number", "-id").values_list("id", flat=True))


def _lines(book: ledger.Book, operation_id: UUID) -> list[tuple[bool, int]]:
    """What a void took and was not given back: whether it became debt, and how much."""
    book.load_taken([operation_id])
    return [(line.grant_id is None, line.credits) for line in book.taken(operation_id) or []]


def _link(purchase: Purchase, operation_id: UUID) -> None:
    Refund.objects.filter(purchase=purchase, state__in=COUNTED, void_operation=None).update(void_operation=operation_id)
    Dispute.objects.filter(purchase=purchase, status=disputes.LOST, void_operation=None).update(
        void_operation=operation_id
    )


def _grant_of(purchase: Purchase) -> UUID:
    if purchase.grant_id is None:
        message = f"{purchase.reference} has no grant: it is not paid."
        raise ValueError(message)
    return UUID(str(purchase.grant_id))


def _prefix(purchase: Purchase) -> str:
    return f"reversal:{purchase.pk}:"
