"""March 2026 at a seller in Johannesburg, told day by day with a moved clock: what is used, bought, given, limited,
renewed and lost, every night's jobs, and exactly the mails that come of it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from billing.audit import nightly
from billing.dashboard import expiry_notices
from billing.models import Plan
from billing.plans import invoiced, renewals
from billing.purchases.quotes import PackChoice
from credits import audit, ledger
from credits.balance.queries import balance_of
from credits.models import Source
from notices import delivery
from organizations.calendar import whole_month
from organizations.models import User
from tests.support import factories
from tests.support.billing.shop import Shop, open_shop
from usage import limits, reports, rollups
from usage.limits import requests
from usage.limits.changes import open_change
from usage.metering import usage_refunds
from usage.metering.meter import meter
from usage.models import Limit, UsageEvent, UsageRollup
from usage.uses import Insufficient, LimitReached, Metered, Use, UseRefusal

pytestmark = pytest.mark.django_db

ZONE = ZoneInfo("Africa/Johannesburg")
RESTOCK, REPORT, BULK = "inventory-restock-prediction", "daily-market-trend-report", "bulk-pricing-optimization"
ALICE, BOB = "alice@example.com", "bob@example.com"


def at(day: int, hour: int = 12, *, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, tzinfo=ZONE)


@dataclass
class Month:
    """The shop, its people, and the diary of mails: (day of the month, to whom, subject)."""

    shop: Shop
    bob: User
    diary: list[tuple[str, str, str]] = field(default_factory=list)
    used: dict[date, int] = field(default_factory=dict)
    _keys: Any = field(default_factory=lambda: count(1))

    def use(self, who: str, feature: str, now: datetime, *, times: int = 1) -> list[Metered | UseRefusal]:
        slug = self.shop.organization.slug
        uses = [Use(organization=slug, key=f"use-{next(self._keys)}", feature=feature, user=who) for _ in range(times)]
        answers = meter(uses, now=now)
        paid = sum(answer.credits for answer in answers if isinstance(answer, Metered))
        self.used[now.date()] = self.used.get(now.date(), 0) + paid
        return answers

    def left(self, now: datetime) -> int:
        return balance_of(self.shop.wallet, now).available

    def run_jobs(self, now: datetime) -> None:
        """What the schedule does all day; the order of the jobs does not matter, since each asks its rows."""
        ledger.release_timed_out(now=now)
        ledger.sweep_expired(now=now)
        renewals.renew_due(now=now)
        ledger.sweep_thresholds(now=now)
        expiry_notices.notify_of_expiring(now=now)
        rollups.roll_up_due(now)
        mail.outbox.clear()
        delivery.send_due(now=now)
        day = now.strftime("%d %b")
        self.diary += [(day, message.to[0], message.subject.split(" · ")[0]) for message in mail.outbox]

    def pass_until(self, now: datetime, then: datetime) -> None:
        """The schedule in every night and evening after an instant and before another."""
        day = now.date()
        while day <= then.date():
            for hour in (0, 18):
                turn = datetime(day.year, day.month, day.day, hour, 30, tzinfo=ZONE)
                if now < turn < then:
                    self.run_jobs(turn)
            day += timedelta(days=1)

    def days_of_march(self) -> list[date]:
        return [date(2026, 3, day) for day in range(1, 32)]


def both(day: str, subject: str) -> list[tuple[str, str, str]]:
    """The owner and the member whose limit it is are told alike."""
    return [(day, ALICE, subject), (day, BOB, subject)]


@pytest.fixture
def month() -> Month:
    shop = open_shop("fluxori")
    bob = factories.person("Bob")
    factories.member(shop.organization, bob)
    return Month(shop, bob)


def live_through(month: Month, first: int, last: int, *, bob: int = 0, alice: int = 0) -> None:
    """Days on which, at noon, Bob uses so many predictions and Alice so many reports, with the jobs until next noon."""
    for day in range(first, last + 1):
        for who, feature, times in ((BOB, RESTOCK, bob), (ALICE, REPORT, alice)):
            for answer in month.use(who, feature, at(day), times=times) if times else ():
                assert isinstance(answer, Metered), (day, who, answer)
        month.pass_until(at(day), at(day) + timedelta(days=1))


def test_a_month_of_a_seller_in_johannesburg(month: Month) -> None:
    shop, organization, owner = month.shop, month.shop.organization, month.shop.owner

    # The 1st: the month's plan begins and brings 1,000 credits; Bob may use 300 of them.
    growth = Plan.objects.get(program=shop.program, key="growth")
    invoiced.put_on_plan(organization=organization, plan=growth, actor=None, reason="Contract", now=at(1, 9))
    limit = limits.set_limit(organization=organization, user=month.bob, credits=300, actor=owner, now=at(1, 9))

    # 25 credits a day; a prediction of the 2nd failed, and is refunded on the 5th.
    live_through(month, 1, 4, bob=1)
    assert month.left(at(5, 11)) == 900
    failed = UsageEvent.objects.get(occurred_at=at(2))
    usage_refunds.refund(failed.pk, credits=None, key="failed", reason="No answer", within=None, now=at(5, 11))
    live_through(month, 5, 13, bob=1)
    assert month.diary == [
        # With the refund taken off: 150 on the 7th, 225 on the 10th, 275 on the 12th, 300 on the 13th.
        *both("07 Mar", "50% of a monthly limit used"),
        *both("10 Mar", "75% of a monthly limit used"),
        *both("12 Mar", "90% of a monthly limit used"),
        *both("13 Mar", "Monthly limit reached"),
    ]
    month.diary.clear()

    # The 14th: Bob is refused, and asks; Alice allows 500 until the month is over.
    (refused,) = month.use(BOB, RESTOCK, at(14, 12))
    assert isinstance(refused, LimitReached)
    assert (refused.scope, refused.name, refused.limit, refused.used) == ("user", "Bob", 300, 300)
    request = requests.ask(limit=limit, user=month.bob, credits=500, message="For the fair", now=at(14, 13))
    month.run_jobs(at(14, 14))
    until = at(1, 0, month=4)
    requests.grant(request=request, credits=500, actor=owner, until=until, now=at(14, 15))
    month.run_jobs(at(14, 16))
    assert month.diary == [
        ("14 Mar", ALICE, "Bob requested a higher limit"),
        ("14 Mar", BOB, "Your limit request was granted"),
    ]
    month.diary.clear()

    # 125 credits a day: fewer than 100 of 700 are left on the 19th, none on the 20th.
    assert month.left(at(15, 11)) == 700
    live_through(month, 15, 19, bob=1, alice=2)
    live_through(month, 20, 20, bob=1, alice=1)
    assert month.left(at(21, 11)) == 0
    assert month.diary == [
        *both("17 Mar", "75% of a monthly limit used"),
        ("19 Mar", ALICE, "Your balance is low"),
        *both("20 Mar", "90% of a monthly limit used"),
        ("20 Mar", ALICE, "You're out of credits"),
    ]
    month.diary.clear()

    # The 21st: refused, then 2,000 are bought, and 600 are given for the fair that last for ten days.
    (too_much,) = month.use(ALICE, BULK, at(21, 12))
    assert isinstance(too_much, Insufficient)
    shop.buy(PackChoice("medium"), now=at(21, 14))
    shop.driver.now = at(21, 15)
    shop.driver.grant(600, source=Source.PROMOTION, days=10)
    month.run_jobs(at(21, 18))
    assert month.diary == [("21 Mar", ALICE, "Credits are available again")]
    month.diary.clear()

    # 50 a day of the gift: it ends with 100 unused on the 31st, which is said on the 28th, and the plan begins anew.
    live_through(month, 22, 31, alice=1)
    month.run_jobs(at(1, 13, month=4))
    assert month.diary == [("28 Mar", ALICE, "Credits expire on Mar 31, 2026")]
    assert month.left(at(1, 14, month=4)) == 2_000 + 1_000

    # April: Bob may use 300 again, and nothing counts yet. March, from the daily sums, is what was used.
    with open_change(organization.pk, at(1, 14, month=4)) as change:
        state = change.state_of(Limit.objects.get(pk=limit.pk))
    assert (state.credits, state.used) == (300, 0)
    march = reports.report(organization, whole_month(date(2026, 3, 1)), today=date(2026, 4, 1))
    assert march.total.credits == sum(month.used.values()) - 25
    assert [line.credits for line in march.over_time] == [
        0 if day == date(2026, 3, 2) else month.used.get(day, 0) for day in month.days_of_march()
    ]
    assert UsageRollup.objects.get(pk=organization.pk).through_on == date(2026, 3, 31)
    assert nightly.make_report(audit.Scope(now=at(1, 14, month=4))).broken == []
