"""What the owners' page of auto-recharge shows: state, obstacle, money spent, attempts. Reads only.

What the rule buys, and what prevents it, is decided in `rules`.
"""

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from billing.models import AutoRecharge, PauseReason, RechargeAttempt
from billing.recharge import in_person
from billing.recharge.rules import Holdings, decide, spent_in
from credits.balance.queries import balance_of
from organizations.calendar import month_of
from organizations.models import Organization

ATTEMPTS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Status:
    """The state of a rule. word, tone: its badge. obstacle: why it would buy nothing now, or empty.

    to_pay: the attempt that an owner may pay in person, or None. can_restart: whether an owner can restart it.
    """

    row: AutoRecharge
    word: str
    tone: str
    obstacle: str
    spent_minor: int
    left_minor: int
    attempts: list[RechargeAttempt]
    to_pay: RechargeAttempt | None
    can_restart: bool


def status_of(organization: Organization, *, now: datetime) -> Status | None:
    """Return the state of the organization's rule; None if no owner ever agreed to one."""
    rows = AutoRecharge.objects.select_related("pack", "organization__wallet__program", "consented_by")
    row = rows.filter(pk=organization.pk).first()
    if row is None:
        return None
    found = RechargeAttempt.objects.filter(organization=organization).select_related("purchase")
    attempts = list(found.order_by("-created_at")[:ATTEMPTS_SHOWN])
    spent = spent_in(organization, month_of(now, ZoneInfo(organization.time_zone)))
    word, tone = _badge(row)
    last = attempts[0] if attempts else None
    is_unpaid = last is not None and in_person.is_open(last)
    return Status(
        row=row,
        word=word,
        tone=tone,
        obstacle=_obstacle(row, now) if row.is_on and row.paused_at is None else "",
        spent_minor=spent,
        left_minor=max(0, row.monthly_limit_minor - spent),
        attempts=attempts,
        to_pay=last if is_unpaid and row.is_on else None,
        can_restart=row.is_on
        and (row.paused_at is not None or row.retry_at is not None)
        and row.pause_reason != PauseReason.STAFF,
    )


def _badge(row: AutoRecharge) -> tuple[str, str]:
    if not row.is_on:
        return _("off"), ""
    if row.paused_at is not None:
        return _("stopped"), "danger"
    return (_("retrying later"), "warning") if row.retry_at is not None else (_("on"), "good")


def _obstacle(row: AutoRecharge, now: datetime) -> str:
    """Why the rule would buy nothing if the balance fell just below the threshold now; empty if it would buy."""
    balance = balance_of(row.organization.wallet, now)
    held = sum(grant.remaining for grant in balance.grants)
    available = min(balance.available, row.threshold - 1)
    return decide(row, Holdings(available, balance.debt, held, now)).obstacle
