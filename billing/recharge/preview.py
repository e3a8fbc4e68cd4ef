"""Preview of an auto-recharge rule: what it would have bought in the last 30 days, from recorded balances. Reads only.

The lowest balance of each hour counts; what auto-recharge really bought is left out. Uses that were refused then are
not known, so the real figure may be higher.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from billing.recharge.rules import Rule
from credits.models import Wallet
from organizations.calendar import month_of
from sql.statements import fetch

LOOKED_BACK = timedelta(days=30)

# One pass over the window; at most 720 rows come back, however many operations there are.
READ_LOWEST = """
    SELECT hour, min(lowest) FROM (
        SELECT date_trunc('hour', o.written_at) AS hour,
               o.available_after - sum(
                   CASE WHEN o.kind = 'grant' AND o.source = 'auto_recharge' THEN o.credits ELSE 0 END
               ) OVER (ORDER BY o.number, o.id) AS lowest
        FROM credits_operation o
        WHERE o.wallet_id = %s AND o.occurred_at >= %s AND o.written_at >= %s AND o.written_at < %s
    ) balances GROUP BY hour ORDER BY hour
"""


@dataclass(frozen=True, slots=True)
class Preview:
    """How often the rule would have bought, and for how much. was_limited: whether the monthly limit was reached."""

    purchases: int
    lots: int
    amount_minor: int
    was_limited: bool


def preview(wallet: Wallet, rule: Rule, *, now: datetime) -> Preview:
    """Return what the rule would have done in the 30 days before `now`, in one query."""
    since = now - LOOKED_BACK
    spent: dict[date, int] = defaultdict(int)
    purchases = lots = 0
    was_limited = False
    for hour, lowest in fetch(READ_LOWEST, [wallet.pk, since, since, now]):
        available = int(lowest) + lots * rule.pack.credits
        if available >= rule.threshold:
            continue
        month = month_of(hour, ZoneInfo(wallet.organization.time_zone))
        needed = rule.lots_for(rule.threshold - available)
        bought = min(needed, (rule.monthly_limit_minor - spent[month]) // rule.lot_minor)
        was_limited = was_limited or bought < needed
        if bought < rule.pack.least_lots:
            continue
        spent[month] += bought * rule.lot_minor
        lots += bought
        purchases += 1
    return Preview(purchases, lots, lots * rule.lot_minor, was_limited)
