"""Monthly limits for an organization, a team, a user: set by owners, enforced at the moment of the spend.

What counts is judged by when it was written, in months of the organization's time zone, refunds taken off, open
reservations added. All of it is read and written under the wallet's lock. Where several limits apply, the one with the
least left decides, and the refusal names it; where two have the same left, the narrower one (user, team, organization).
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import F, Sum
from django.db.models.functions import Coalesce

from credits import arrays, ledger
from credits.models import MAX_CREDITS, Wallet
from credits.statements import execute, pipelined, run
from organizations import audit_events
from organizations.models import Organization, Team, User
from usage.models import Limit, LimitScope, LimitUse, UsageEvent
from usage.uses import LimitReached

NARROWNESS = {"user": 0, "team": 1, "organization": 2}


def month_of(instant: datetime, zone: ZoneInfo) -> date:
    """Return the first day of the instant's month in the zone."""
    return instant.astimezone(zone).date().replace(day=1)


@dataclass(slots=True)
class LimitState:
    """A limit under the lock. `used`: counted this month; `reserved`: held by open reservations. Smallest units."""

    id: int
    organization_id: int
    scope: str
    team_id: int | None
    user_id: int | None
    credits: int
    name: str
    month_on: date
    used: int
    reserved: int = 0
    is_changed: bool = False

    @property
    def left(self) -> int:
        return self.credits - self.used - self.reserved

    def covers(self, user_id: int | None, team_id: int | None) -> bool:
        """Say whether a use by this user, then in this team, counts against the limit."""
        if self.scope == "user":
            return user_id == self.user_id
        return self.scope == "organization" or team_id == self.team_id


class Limits:
    """The limits of the organizations whose wallets are locked."""

    def __init__(self, states: Iterable[LimitState]) -> None:
        self._by_organization: dict[int, list[LimitState]] = {}
        for state in states:
            self._by_organization.setdefault(state.organization_id, []).append(state)

    def check(self, organization_id: int, *, user_id: int | None, team_id: int | None, credits: int) -> None:
        """Raise LimitReached, naming the strictest limit, where one doesn't allow `credits` more."""
        covering = [s for s in self._by_organization.get(organization_id, ()) if s.covers(user_id, team_id)]
        if not covering:
            return
        strictest = min(covering, key=lambda s: (s.left, NARROWNESS[s.scope]))
        # Below zero where the limit was lowered, or a settlement went beyond it; what costs nothing passes even then.
        if credits > max(0, strictest.left):
            raise LimitReached(
                scope=strictest.scope,
                name=strictest.name,
                limit=strictest.credits,
                used=strictest.used + strictest.reserved,
                needed=credits,
            )

    def of_user(self, organization_id: int, user_id: int) -> LimitState | None:
        """Return a user's own limit, or None."""
        states = self._by_organization.get(organization_id, ())
        return next((state for state in states if state.scope == "user" and state.user_id == user_id), None)

    def count(self, organization_id: int, *, user_id: int | None, team_id: int | None, credits: int) -> None:
        """Count credits (negative: refunded) against every limit that covers the use."""
        for state in self._by_organization.get(organization_id, ()):
            if credits and state.covers(user_id, team_id):
                state.used = max(0, state.used + credits)
                state.is_changed = True

    def write(self) -> None:
        """Write what was counted."""
        changed = [state for states in self._by_organization.values() for state in states if state.is_changed]
        if changed:
            _write_uses(changed)


def read(months: Mapping[int, date], *, user_ids: Collection[int], team_ids: Collection[int], now: datetime) -> Limits:
    """Read the limits of organizations, by id, with what counts in their month. After the lock.

    user_ids, team_ids: those whose uses will be asked about; an organization may have a limit for each of thousands of
    users, and only theirs are read. A month without a row has counted nothing: `set_limit` makes the row of a limit
    that begins in mid-month.
    """
    with pipelined():
        rows = execute(
            """
            SELECT l.id, l.organization_id, l.scope, l.team_id, l.user_id, l.credits,
                   coalesce(t.name, nullif(u.name, ''), u.email, o.name), n.month_on, coalesce(c.credits, 0),
                   coalesce(held.credits, 0)
            FROM unnest(%s::bigint[], %s::date[]) AS n(organization_id, month_on)
            JOIN usage_limit l ON l.organization_id = n.organization_id
              AND (l.scope = 'organization' OR l.user_id = ANY(%s::bigint[]) OR l.team_id = ANY(%s::bigint[]))
            JOIN organizations_organization o ON o.id = l.organization_id
            LEFT JOIN organizations_team t ON t.id = l.team_id
            LEFT JOIN organizations_user u ON u.id = l.user_id
            LEFT JOIN usage_limituse c ON c.limit_id = l.id AND c.month_on = n.month_on
            LEFT JOIN LATERAL (
                SELECT sum(r.credits)::bigint AS credits
                FROM credits_wallet w
                JOIN credits_reservation r ON r.wallet_id = w.id AND r.state = 'open' AND r.expires_at > %s
                JOIN usage_reserveduse v ON v.reservation_id = r.id
                WHERE w.organization_id = l.organization_id
                  AND (l.scope = 'organization' OR v.user_id = l.user_id OR v.team_id = l.team_id)
            ) held ON true
            """,
            [
                arrays.numbers(months),
                arrays.texts(day.isoformat() for day in months.values()),
                arrays.numbers(user_ids),
                arrays.numbers(team_ids),
                now,
            ],
        )
    return Limits([LimitState(*row) for row in rows.fetchall()])


def _write_uses(states: list[LimitState]) -> None:
    run(
        """
        INSERT INTO usage_limituse (limit_id, month_on, credits, told_percent)
        SELECT u.*, 0 FROM unnest(%s::bigint[], %s::date[], %s::bigint[]) AS u
        ON CONFLICT (limit_id, month_on) DO UPDATE SET credits = excluded.credits
        """,
        [
            arrays.numbers(state.id for state in states),
            arrays.texts(state.month_on.isoformat() for state in states),
            arrays.numbers(state.used for state in states),
        ],
    )


def set_limit(
    *,
    organization: Organization,
    credits: int,
    actor: User,
    team: Team | None = None,
    user: User | None = None,
    reason: str = "",
    now: datetime | None = None,
) -> Limit:
    """Let a team, a user or (with neither) the whole organization use at most `credits` (smallest units) a month.

    Replaces the limit that was there. What was used this month counts at once; a limit below that stops further use.
    Setting what is already set writes nothing. Raises ValueError for a team or user of another organization, for both
    at once, and for an amount out of bounds.
    """
    scope = _scope(organization, team, user)
    if not 0 <= credits <= MAX_CREDITS:
        message = f"A limit must be from 0 to {MAX_CREDITS} smallest units."
        raise ValueError(message)
    wallet = Wallet.objects.only("id").get(organization=organization)
    with ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        instant = book.wallet(wallet.pk).now
        limit, is_new = Limit.objects.get_or_create(
            organization=organization,
            scope=scope,
            team=team,
            user=user,
            defaults={"credits": credits, "created_at": instant},
        )
        if not is_new and limit.credits == credits:
            return limit
        before = None if is_new else limit.credits
        limit.credits = credits
        limit.save(update_fields=["credits"])
        if is_new:
            month_on = month_of(instant, ZoneInfo(organization.time_zone))
            LimitUse.objects.create(limit=limit, month_on=month_on, credits=_used(limit, month_on))
        audit_events.record(
            action="limit.set",
            organization=organization,
            actor=actor,
            target=_target(team, user),
            reason=reason,
            details={"credits": credits, "before": before},
            now=instant,
        )
    return limit


def clear_limit(*, limit: Limit, actor: User, reason: str = "", now: datetime | None = None) -> None:
    """Take a limit away. Taking it away twice does no harm."""
    wallet = Wallet.objects.only("id").get(organization=limit.organization)
    with transaction.atomic(), ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        deleted, _ = Limit.objects.filter(pk=limit.pk).delete()
        if deleted:
            audit_events.record(
                action="limit.cleared",
                organization=limit.organization,
                actor=actor,
                target=_target(limit.team, limit.user),
                reason=reason,
                details={"before": limit.credits},
                now=book.wallet(wallet.pk).now,
            )


def _scope(organization: Organization, team: Team | None, user: User | None) -> LimitScope:
    if team is not None and user is not None:
        message = "A limit is for a team or for a user, not for both."
        raise ValueError(message)
    if team is not None:
        if team.organization_id != organization.pk:
            message = "The team belongs to another organization."
            raise ValueError(message)
        return LimitScope.TEAM
    if user is not None:
        if not organization.memberships.filter(user=user).exists():
            message = "The user is not a member of the organization."
            raise ValueError(message)
        return LimitScope.USER
    return LimitScope.ORGANIZATION


def _target(team: Team | None, user: User | None) -> str:
    if team is not None:
        return team.public_id
    return user.public_id if user is not None else ""


def _used(limit: Limit, month_on: date) -> int:
    """Add up what the month's events count against a new limit."""
    zone = ZoneInfo(limit.organization.time_zone)
    begins = datetime(month_on.year, month_on.month, 1, tzinfo=zone)
    events = UsageEvent.objects.filter(organization=limit.organization, written_at__gte=begins)
    if limit.team is not None:
        events = events.filter(team=limit.team)
    if limit.user is not None:
        events = events.filter(user=limit.user)
    total = events.aggregate(total=Coalesce(Sum(F("credits") - F("refunded")), 0))["total"]
    return int(total)
