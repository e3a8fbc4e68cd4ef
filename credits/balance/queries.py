"""What pages and the API read of wallets: balances at an instant, and open grants.

Reads only, and never for a decision about a spend: those are made under the wallet's lock. What has expired, timed out
or begun by the given instant counts as such, swept or not. Amounts are integers in smallest units.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from credits import burndown
from credits.models import Wallet
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
    """What a wallet holds at an instant. `available` can be spent; `reserved` is set aside; `debt` is to be repaid.

    expiring: what of `available` expires within EXPIRING_WITHIN, summed by instant, the earliest first. grants: all
    open ones, in burn-down order, those that can't be spent yet last.
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
    """Leave out what has expired and is not reserved, say which grants can be spent, and sort them."""
    kept = []
    for grant in grants:
        if grant.expires_at is not None and grant.expires_at <= now:
            grant.remaining = grant.reserved
        if grant.remaining > 0:
            grant.is_spendable = burndown.is_spendable(grant, at=now)
            kept.append(grant)
    return sorted(kept, key=lambda grant: (not grant.is_spendable, burndown.rank(grant)))


def _repay(grants: Sequence[OpenGrant], debt: int) -> int:
    """Take the debt from the grants, as the ledger will at its next write; return what is left of it."""
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
