"""What pages and the API read of wallets: balances at an instant, open grants, operations page by page.

Reads only, never for a decision about a spend: those are made under the wallet's lock. What has expired, timed out or
begun by the given instant is taken into account, swept or not. Amounts are integers in smallest units.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from credits import burndown
from credits.models import Operation, Wallet
from credits.statements import fetch

EXPIRING_WITHIN = timedelta(days=14)


@dataclass(slots=True, eq=False)
class OpenGrant:
    """A grant that holds credits and has not expired. `reserved` of `remaining` is set aside, `free` can be spent.

    It can be spent now if `is_spendable`; otherwise it is frozen, or begins later.
    """

    id: UUID
    source: str
    amount: int
    remaining: int
    reserved: int
    priority: int
    effective_at: datetime
    expires_at: datetime | None
    cost_minor: int
    cost_currency: str
    features: frozenset[str] | None
    frozen_at: datetime | None
    created_at: datetime
    is_spendable: bool = False

    @property
    def is_free(self) -> bool:
        return self.cost_minor == 0

    @property
    def is_frozen(self) -> bool:
        return self.frozen_at is not None

    @property
    def free(self) -> int:
        return self.remaining - self.reserved


@dataclass(frozen=True, slots=True)
class Expiring:
    """Credits that nothing holds, and when they expire."""

    credits: int
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Balance:
    """What a wallet holds at an instant. `available` can be spent; `reserved` is set aside; `debt` is owed.

    expiring: what of `available` expires within EXPIRING_WITHIN, the earliest first, one item an instant. grants: all
    open ones, in the order in which they will be used.
    """

    available: int
    reserved: int
    debt: int
    expiring: tuple[Expiring, ...]
    grants: tuple[OpenGrant, ...]

    @property
    def expiring_credits(self) -> int:
        return sum(part.credits for part in self.expiring)


# One statement, so that all of it is seen at one moment. What a reservation holds past its time is free again.
READ_BALANCE = """
    SELECT w.reserved, w.debt, g.id, g.source, g.amount, g.remaining, g.reserved, g.priority, g.effective_at,
           g.expires_at, g.cost_minor, g.cost_currency, g.features, g.frozen_at, g.created_at, coalesce(late.credits, 0)
    FROM credits_wallet w
    LEFT JOIN credits_grant g ON g.wallet_id = w.id AND g.is_open
    LEFT JOIN (
        SELECT d.grant_id, sum(d.credits)::bigint AS credits
        FROM credits_reservation r JOIN credits_reservationdraw d ON d.reservation_id = r.id
        WHERE r.wallet_id = %s AND r.state = 'open' AND r.expires_at <= %s GROUP BY d.grant_id
    ) late ON late.grant_id = g.id
    WHERE w.id = %s
"""


def balance_of(wallet: Wallet, now: datetime) -> Balance:
    """Return what a wallet holds at an instant, in one query, of the database rather than of the object given."""
    rows = fetch(READ_BALANCE, [wallet.pk, now, wallet.pk])
    reserved, debt = rows[0][:2]
    grants = []
    for _, _, *columns, late in rows:
        if columns[0] is None:
            continue
        grant = OpenGrant(*columns)
        grant.features = frozenset(grant.features) if grant.features is not None else None
        grant.reserved -= late
        reserved -= late
        grants.append(grant)
    grants = _present(grants, now)
    debt = _repay(grants, debt)
    spendable = [grant for grant in grants if grant.is_spendable]
    return Balance(
        available=sum(grant.free for grant in spendable),
        reserved=reserved,
        debt=debt,
        expiring=_expiring(spendable, now),
        grants=tuple(grants),
    )


def open_grants(wallet: Wallet, now: datetime) -> list[OpenGrant]:
    """Return the grants that hold credits at an instant, in burn-down order, those that can't be spent yet last."""
    return list(balance_of(wallet, now).grants)


def _present(grants: list[OpenGrant], now: datetime) -> list[OpenGrant]:
    """Leave out what has expired, down to what is set aside of it; mark what can be spent; put all in order."""
    kept = []
    for grant in grants:
        if grant.expires_at is not None and grant.expires_at <= now:
            grant.remaining = grant.reserved
        if grant.remaining > 0:
            grant.is_spendable = burndown.is_spendable(grant, at=now)
            kept.append(grant)
    return sorted(kept, key=lambda grant: (not grant.is_spendable, burndown.rank(grant)))


def _repay(grants: Sequence[OpenGrant], debt: int) -> int:
    """Take what is owed from the grants, as the ledger will at its next turn; return what stays owed."""
    for grant in grants:
        if debt and grant.is_spendable:
            paid = min(grant.free, debt)
            grant.remaining -= paid
            debt -= paid
    return debt


def _expiring(spendable: Sequence[OpenGrant], now: datetime) -> tuple[Expiring, ...]:
    by_instant: dict[datetime, int] = {}
    for grant in spendable:
        if grant.free and grant.expires_at is not None and grant.expires_at <= now + EXPIRING_WITHIN:
            by_instant[grant.expires_at] = by_instant.get(grant.expires_at, 0) + grant.free
    return tuple(Expiring(by_instant[instant], instant) for instant in sorted(by_instant))


@dataclass(frozen=True, slots=True)
class OperationFilters:
    """Which operations to show; what is left empty doesn't filter. `since` <= happened < `until`."""

    kinds: Sequence[str] = ()
    sources: Sequence[str] = ()
    features: Sequence[str] = ()
    user_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def as_condition(self) -> Q:
        """Return the filters as a condition on operations."""
        condition = Q()
        for name, wanted in (("kind__in", self.kinds), ("source__in", self.sources), ("feature__in", self.features)):
            if wanted:
                condition &= Q(**{name: list(wanted)})
        exact = {"actor_id": self.user_id, "occurred_at__gte": self.since, "occurred_at__lt": self.until}
        return condition & Q(**{name: value for name, value in exact.items() if value is not None})


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """Some operations, newest first. `next`: what to pass as `before` for the page after this one; None at the end."""

    operations: list[Operation] = field(default_factory=list)
    next: tuple[int, UUID] | None = None


NO_FILTERS = OperationFilters()


def operations_page(
    wallet: Wallet,
    *,
    before: tuple[int, UUID] | None = None,
    limit: int = 50,
    filters: OperationFilters = NO_FILTERS,
) -> OperationsPage:
    """Return up to `limit` operations of a wallet, newest first, with their actors.

    before: the number and id of the operation after which the page begins. Pages stay where they are while new
    operations are written, and the last one costs no more than the first.
    """
    operations = Operation.objects.filter(filters.as_condition(), wallet=wallet).select_related("actor")
    if before is not None:
        number, operation_id = before
        operations = operations.filter(Q(number__lt=number) | Q(id__lt=operation_id), number__lte=number)
    found = list(operations.order_by("-number", "-id")[: limit + 1])
    page = found[:limit]
    return OperationsPage(page, (page[-1].number, page[-1].pk) if len(found) > limit else None)
