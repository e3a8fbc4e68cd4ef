"""What the dashboard shows of an organization, in a fixed number of queries. Reads only.

The forecast is computed in `forecast`; nothing is decided here.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from billing.dashboard import forecast
from credits.balance import chart, over_time
from credits.balance.over_time import DayEnd
from credits.balance.queries import EXPIRING_WITHIN, Balance, balance_of
from credits.models import Wallet
from organizations.calendar import Days, midnight, month_before
from organizations.models import Organization
from usage import reports
from usage.models import Service
from usage.reports import Span, periods

CHART_DAYS = 90
# How many grants, features and people are listed.
MOST_GRANTS = 50
MOST_NAMES = 5


def overview(organization: Organization, wallet: Wallet, *, now: datetime) -> dict[str, Any]:
    """Return the dashboard's context. wallet: with its program; it has had credits at least once."""
    zone = ZoneInfo(organization.time_zone)
    balance = balance_of(wallet, now)
    today = now.astimezone(zone).date()
    # The pace counts whole days, so not today.
    days = forecast.pace_days(now, reports.first_use_at(organization))
    of_late = Span(today - timedelta(days=days), midnight(today, zone))
    last_month = Span(month_before(today).first, periods.same_moment_last_month(now, zone)[1])
    used_before, used_of_late = reports.used_in(organization, [last_month, of_late])
    month = reports.report(organization, periods.this_month(today), today=today, dimensions=["feature", "user"])
    return {
        "program": wallet.program,
        "balance": balance,
        "now": now,
        "soon": now + EXPIRING_WITHIN,
        "used": replace(month.total, before=used_before),
        "top": {dimension: lines[:MOST_NAMES] for dimension, lines in month.by.items()},
        "forecast": forecast.forecast(balance.grants, used=used_of_late, days=days, now=now),
        "grants": balance.grants[:MOST_GRANTS],
        "grants_left_out": balance.grants[MOST_GRANTS:],
        "held": _held(balance),
        "chart": _chart(wallet, balance, now=now, zone=zone),
        "switched_off": list(Service.objects.filter(organization=organization, is_ai_on=False).order_by("name")),
    }


def _held(balance: Balance) -> int:
    """All credits of the grants: those that can be spent now or later, reserved and frozen ones."""
    return sum(grant.remaining for grant in balance.grants)


def _chart(wallet: Wallet, balance: Balance, *, now: datetime, zone: ZoneInfo) -> dict[str, Any] | None:
    """The chart of the last days; None on the wallet's first day."""
    today = now.astimezone(zone).date()
    first = wallet.created_at.astimezone(zone).date()
    days = over_time.days_until(today, at_most=CHART_DAYS, not_before=first)
    if len(days) < 2:
        return None
    # Today's value is the balance now, without what has expired, swept or not.
    ends = [
        *over_time.day_ends(wallet, days[:-1], zone),
        DayEnd(today, _held(balance) - balance.debt),
    ]
    begins, ends_at = Days(days[0], today).instants(zone)
    events = over_time.events(wallet, since=begins, until=ends_at)
    return chart.balance_chart(ends, events, program=wallet.program, zone=zone)
