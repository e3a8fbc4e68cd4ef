"""Notifying owners of credits that will expire unused: once 14 days before a grant's end, and once 3 days before.

Only what would really be lost counts: what is left of the grant at its end, at the current rate of use. Where that is
nothing, nobody is notified, and every run asks again, since the rate may change. A stage is for grants that live at
least three times as long: of a month's allowance, which comes again and again, owners are notified 3 days before alone,
of a two days' gift never. The forecast itself belongs in `forecast`, the words in `events`.
"""

import logging
import random
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from billing.dashboard import forecast
from billing.dashboard.events import GRANT_EXPIRING, GrantExpiring
from credits.balance.queries import OpenGrant, balance_of
from credits.models import Grant, Wallet
from domain_events.publishing import publish
from notices.models import Notice
from organizations.calendar import midnight
from usage import reports
from usage.reports import Span

logger = logging.getLogger(__name__)

# So many days before, the nearest first.
STAGES = (3, 14)
LIVES_AT_LEAST = 3
# A run takes nothing further after this, so that its job ends before its time is up.
RUN_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Due:
    """A grant that expires soon, when that is, and at which stage of it that is (days)."""

    grant: OpenGrant
    expires_at: datetime
    stage: int

    @property
    def key(self) -> str:
        return f"expiring:{self.stage}:grt_{self.grant.id.hex}"


def notify_of_expiring(*, now: datetime | None = None) -> dict[str, int]:
    """Publish every grant that would lose credits soon and was not published yet; return how many grants that were, and
    for how many wallets it failed. now: for tests.

    A replay, or two at once, publish each once. Organizations come in no order, so that where there are more than a run
    has time for, it is not always the same ones that wait.
    """
    instant = now or timezone.now()
    soon = Grant.objects.filter(
        is_open=True,
        frozen_at=None,
        expires_at__gt=instant,
        expires_at__lte=instant + timedelta(days=max(STAGES)),
        wallet__organization__closed_at=None,
    )
    wallet_ids = list(soon.values_list("wallet_id", flat=True).distinct())
    random.shuffle(wallet_ids)
    give_up = time.monotonic() + RUN_SECONDS
    notified = failed = 0
    for wallet_id in wallet_ids:
        if time.monotonic() > give_up:
            break
        try:
            notified += _notify(wallet_id, now=instant)
        except Exception:  # one organization's failure must not stop the others
            logger.exception("The owners of wallet %s could not be notified of what expires", wallet_id)
            failed += 1
    return {"notified": notified, "failed": failed}


def due(grants: Iterable[OpenGrant], now: datetime) -> list[Due]:
    """Return the grants that have reached a stage which they live long enough for, the nearest stage alone."""
    found = []
    for grant in grants:
        # What has expired is still there as long as a reservation holds it: nothing of it can be lost any more.
        if grant.expires_at is None or grant.expires_at <= now or grant.is_frozen:
            continue
        lives = grant.expires_at - max(grant.effective_at, grant.created_at)
        stage = next((days for days in STAGES if grant.expires_at - now <= timedelta(days=days)), None)
        if stage is not None and lives >= LIVES_AT_LEAST * timedelta(days=stage):
            found.append(Due(grant, grant.expires_at, stage))
    return found


def _notify(wallet_id: int, *, now: datetime) -> int:
    wallet = Wallet.objects.select_related("organization", "program").get(pk=wallet_id)
    grants = balance_of(wallet, now).grants
    reached = due(grants, now)
    keys = [each.key for each in reached]
    known = set(Notice.objects.filter(organization=wallet.organization, key__in=keys).values_list("key", flat=True))
    waiting = [each for each in reached if each.key not in known]
    if not waiting:
        return 0
    used, days, is_known = _pace(wallet, now)
    lost = forecast.lost_at_expiry(grants, used=used, days=days, now=now)
    notified = 0
    with transaction.atomic():
        for each in waiting:
            # Who has only just begun may yet use it all; shortly before the end it is said all the same.
            if lost[each.grant.id] and (is_known or each.stage == min(STAGES)):
                notified += _publish(wallet, each, lost=lost[each.grant.id], now=now)
    return notified


def _pace(wallet: Wallet, now: datetime) -> tuple[int, int, bool]:
    """Return what was used in how many whole days through yesterday, and whether that says anything about a pace."""
    organization = wallet.organization
    zone = ZoneInfo(organization.time_zone)
    first_use_at = reports.first_use_at(organization)
    days = forecast.pace_days(now, first_use_at)
    today = now.astimezone(zone).date()
    (used,) = reports.used_in(organization, [Span(today - timedelta(days=days), midnight(today, zone))])
    return used, days, first_use_at is None or days >= forecast.PACE_NEEDS


def _publish(wallet: Wallet, each: Due, *, lost: int, now: datetime) -> bool:
    grant = each.grant
    payload = GrantExpiring(
        organization=wallet.organization.slug,
        grant=f"grt_{grant.id.hex}",
        source=grant.source,
        credits=lost,
        remaining=grant.remaining,
        expires_at=each.expires_at,
        days=each.stage,
        unit=wallet.program.unit,
        decimals=wallet.program.decimals,
    )
    return publish(GRANT_EXPIRING, payload, organization_id=wallet.organization_id, key=each.key, now=now)
