"""What pages and the API read of wallets: balances at an instant, open grants, operations page by page.

Reads only, never for a decision about a spend: those are made under the wallet's lock. What has expired, timed out or
begun by the given instant is taken into account, swept or not. Amounts are integers in smallest units.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q, Sum

from credits import burndown
from credits.models import Entry, Kind, Operation, Wallet
from sql.rows import Columns

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
    features: Collection[str] | None
    frozen_at: datetime | None
    created_at: datetime
    is_spendable: bool = field(default=False, init=False)

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


@dataclass(slots=True, eq=False)
class WalletGrant(OpenGrant):
    """A grant beside what its wallet holds; `overdue`: what of `reserved` is held by reservations past their time.

    not has_grant: the wallet has no open grant, and all that would be the grant's is None.
    """

    wallet_reserved: int
    wallet_debt: int
    overdue: int
    has_grant: bool


GRANT = Columns(
    WalletGrant,
    "g",
    wallet_reserved="w.reserved",
    wallet_debt="w.debt",
    overdue="coalesce(late.credits, 0)",
    has_grant="g.id IS NOT NULL",
)
# One statement, so that all of it is seen at one moment. What a reservation holds past its time is free again.
READ_BALANCE = f"""
    SELECT {GRANT} FROM credits_wallet w
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
    rows = GRANT.fetch(READ_BALANCE, [wallet.pk, now, wallet.pk])
    reserved = rows[0].wallet_reserved - sum(row.overdue for row in rows)
    held = [row for row in rows if row.has_grant]
    for grant in held:
        grant.reserved -= grant.overdue
    grants = _present(held, now)
    debt = _repay(grants, rows[0].wallet_debt)
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


def _present(grants: Iterable[OpenGrant], now: datetime) -> list[OpenGrant]:
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
        if self.sources:
            # Said again, so that the index of what is not usage can serve.
            condition &= Q(kind=Kind.GRANT)
        exact = {"actor_id": self.user_id, "occurred_at__gte": self.since, "occurred_at__lt": self.until}
        return condition & Q(**{name: value for name, value in exact.items() if value is not None})


# Where a page of operations begins or ends: the number and id of the operation at its edge.
Edge = tuple[int, UUID]


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """Some operations, newest first. `next`: what to pass as `before` for the page of older ones; `previous`: what to
    pass as `after` for the page of newer ones; None where there are none."""

    operations: list[Operation] = field(default_factory=list)
    next: Edge | None = None
    previous: Edge | None = None


NO_FILTERS = OperationFilters()


def operations_page(
    wallet: Wallet,
    *,
    before: Edge | None = None,
    after: Edge | None = None,
    limit: int = 50,
    filters: OperationFilters = NO_FILTERS,
) -> OperationsPage:
    """Return up to `limit` operations of a wallet, newest first, with their actors.

    before: the operation after which the page begins, going back in time; after: the one before which it ends. Pages
    stay where they are while new operations are written, and the last one costs no more than the first.
    """
    operations = Operation.objects.filter(filters.as_condition(), wallet=wallet).select_related("actor")
    if after is not None:
        found = list(operations.filter(_beyond(after, "gt")).order_by("number", "id")[: limit + 1])
        page = found[:limit][::-1]
        return OperationsPage(page, _edge(page, -1) or after, _edge(page, 0) if len(found) > limit else None)
    if before is not None:
        operations = operations.filter(_beyond(before, "lt"))
    found = list(operations.order_by("-number", "-id")[: limit + 1])
    page = found[:limit]
    return OperationsPage(page, _edge(page, -1) if len(found) > limit else None, _edge(page, 0) if before else None)


def each_operation(
    wallet: Wallet, *, filters: OperationFilters = NO_FILTERS, at_a_time: int = 2_000
) -> Iterator[Operation]:
    """Yield every operation that the filters let through, newest first, in constant memory.

    Fetched page by page: what is written after the beginning doesn't appear, and no transaction stays open.
    """
    page = operations_page(wallet, limit=at_a_time, filters=filters)
    while True:
        yield from page.operations
        if page.next is None:
            return
        page = operations_page(wallet, before=page.next, limit=at_a_time, filters=filters)


@dataclass(frozen=True, slots=True)
class OperationsSum:
    """What operations brought into and took out of the balance (`went_out` is not above zero), in smallest units."""

    came_in: int
    went_out: int

    @property
    def change(self) -> int:
        return self.came_in + self.went_out


def operations_sum(wallet: Wallet, filters: OperationFilters) -> OperationsSum:
    """Add up all operations that the filters let through."""
    sums = Operation.objects.filter(filters.as_condition(), wallet=wallet).aggregate(
        came_in=Sum("credits", filter=Q(credits__gt=0)), went_out=Sum("credits", filter=Q(credits__lt=0))
    )
    return OperationsSum(came_in=int(sums["came_in"] or 0), went_out=int(sums["went_out"] or 0))


def entries_of(operation: Operation) -> list[Entry]:
    """Return the lines of an operation with the grants that they touched, in the order in which they were written."""
    lines = Entry.objects.filter(
        wallet_id=operation.wallet_id, number__gte=operation.first_number, number__lte=operation.number
    )
    return list(lines.select_related("grant").order_by("number"))


def _beyond(edge: Edge, direction: str) -> Q:
    # Operations that moved nothing share the number of the one before them, hence the id; the redundant bound on the
    # number alone is what the index can start from.
    number, operation_id = edge
    return Q(**{f"number__{direction}e": number}) & (
        Q(**{f"number__{direction}": number}) | Q(**{f"id__{direction}": operation_id})
    )


def _edge(page: Sequence[Operation], position: int) -> Edge | None:
    return (page[position].number, page[position].pk) if page else None
