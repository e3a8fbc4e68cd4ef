"""A change of limits: under the wallet's lock, at the wallet's clock, with what was used this month."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from credits import ledger
from credits.models import Wallet
from usage.limits import rows
from usage.limits.publishing import publish_thresholds, withdraw_thresholds
from usage.limits.state import REACHED, LimitState, Moment
from usage.models import Limit, LimitUse

# Entries are numbered in the order of their times, so the first of a month is found by halving, by primary key; then
# only the month's operations are read, however long the history is.
USED = """
    WITH RECURSIVE search (low, high) AS (
        SELECT 0::bigint, w.last_number FROM credits_wallet w WHERE w.id = %(wallet)s
        UNION ALL
        SELECT CASE WHEN e.written_at < %(begins)s THEN e.number ELSE s.low END,
               CASE WHEN e.written_at < %(begins)s THEN s.high ELSE e.number - 1 END
        FROM search s
        JOIN credits_entry e ON e.wallet_id = %(wallet)s AND e.number = (s.low + s.high + 1) / 2
        WHERE s.low < s.high
    )
    SELECT coalesce(sum(u.credits - u.refunded), 0)::bigint
    FROM credits_operation o JOIN usage_usageevent u ON u.operation_id = o.id
    WHERE o.wallet_id = %(wallet)s AND o.number > (SELECT s.low FROM search s WHERE s.low = s.high)
        AND (%(team)s::bigint IS NULL OR u.team_id = %(team)s::bigint)
        AND (%(user)s::bigint IS NULL OR u.user_id = %(user)s::bigint)
        AND (%(feature)s::bigint IS NULL OR u.feature_id = %(feature)s::bigint)
"""


@dataclass(frozen=True, slots=True)
class LimitChange:
    """A change of limits under way: the locked wallet, and when it happens."""

    wallet: Wallet
    moment: Moment

    @property
    def now(self) -> datetime:
        return self.moment.now

    def state_of(self, limit: Limit) -> LimitState:
        """Return a limit as the meter sees it now."""
        limits = rows.read(
            {limit.organization_id: self.moment},
            user_ids=[limit.user_id] if limit.user_id else [],
            team_ids=[limit.team_id] if limit.team_id else [],
            feature_ids=[limit.feature_id] if limit.feature_id else [],
        )
        return next(state for state in limits if state.id == limit.pk)

    def begin_counting(self, limit: Limit) -> None:
        """Write what the month's uses count against a new limit."""
        of_whom: dict[str, Any] = {"team": limit.team_id, "user": limit.user_id, "feature": limit.feature_id}
        with connection.cursor() as cursor:
            cursor.execute(USED, {"wallet": self.wallet.pk, "begins": self.moment.begins_at, **of_whom})
            used = cursor.fetchone()[0]
        LimitUse.objects.create(limit=limit, month_on=self.moment.month_on, credits=used)

    def reevaluate(self, limit: Limit) -> None:
        """Set of which threshold people count as notified, after a change of the amount.

        They are not notified of thresholds below 100 per cent, since whoever sets the limit sees what is used; that the
        limit is reached is published, because it stops others. Notices that no longer apply are dismissed.
        """
        state = self.state_of(limit)
        before, reached = state.notified_percent, state.reached_percent
        if reached == before:
            return
        LimitUse.objects.filter(limit=limit, month_on=self.moment.month_on).update(told_percent=reached)
        if reached < before:
            withdraw_thresholds(limit, now=self.now)
        if reached == REACHED:
            publish_thresholds([(state, reached)])


@contextmanager
def open_change(organization_id: int, now: datetime | None) -> Iterator[LimitChange]:
    """Lock the organization's wallet, in a transaction. now: for tests. Raises Wallet.DoesNotExist."""
    wallet = Wallet.objects.select_related("organization", "program").get(organization_id=organization_id)
    with ledger.open_book(keys=[(wallet.pk, "")], now=now) as book:
        instant = book.wallet(wallet.pk).now
        yield LimitChange(wallet, Moment.at(instant, ZoneInfo(wallet.organization.time_zone)))
