"""The auditor proves the daily sums from the events, and names what was done to them past every verb."""

import pytest
from django.db import connection

from credits import audit
from organizations.models import Organization
from tests.support import factories
from tests.support.usage.rollup_stage import at, broken, early_stage, roll_up
from tests.support.usage.usage_stage import ALWAYS, Stage, give
from usage.pricing import Measures
from usage.rollups import audit as rollup_audit

pytestmark = pytest.mark.django_db

NOW = at("2026-03-12 06:00")


@pytest.fixture
def stage() -> Stage:
    """Two organizations on clocks far apart, with uses on two days each, added up through yesterday."""
    stage = early_stage()
    globex = factories.organization(factories.person("Charlie"), slug="globex", time_zone="Pacific/Kiritimati")
    give(factories.wallet(globex, stage.program, now=ALWAYS), 1_000, now=ALWAYS)
    for slug, user in (("acme", stage.owner.email), ("globex", None)):
        for day in ("2026-03-09 12:00", "2026-03-10 09:59"):
            tokens = Measures(model="small", input_tokens=10, output_tokens=2)
            stage.pay(day, now=at(day), organization=slug, user=user)
            stage.pay(f"{day} chat", "chat", now=at(day), organization=slug, user=user, measures=tokens)
    roll_up(NOW)
    assert broken(NOW) == set()
    return stage


FINEST = "UPDATE usage_dailyusage SET {} WHERE shape = 'all'"
CORRUPTIONS = {
    "a use was forgotten": ("daily_usage_is_its_events", FINEST.format("uses = uses + 1")),
    "credits were added": ("daily_usage_is_its_events", FINEST.format("credits = credits + 1")),
    "tokens were added": ("daily_usage_is_its_events", FINEST.format("input_tokens = input_tokens + 1")),
    "a day was moved": ("daily_usage_is_its_events", "UPDATE usage_dailyusage SET day_on = day_on - 1"),
    "a day was deleted": ("daily_usage_is_its_events", "DELETE FROM usage_dailyusage WHERE day_on = '2026-03-09'"),
    "a user was exchanged": (
        "daily_usage_is_its_events",
        "UPDATE usage_dailyusage SET user_id = 987654321 WHERE user_id IS NOT NULL",
    ),
    "an event was written past the meter": (
        "daily_usage_is_its_events",
        """
        INSERT INTO usage_usageevent (operation_id, organization_id, service_id, feature_id, rate_id, model, credits,
            uncollected, refunded, occurred_at, written_at)
        SELECT gen_random_uuid(), organization_id, service_id, feature_id, rate_id, model, 0, 0, 0, occurred_at,
            written_at
        FROM usage_usageevent LIMIT 1
        """,
    ),
    "a coarse sum was lowered": (
        "daily_usage_shapes_agree",
        "UPDATE usage_dailyusage SET credits = credits - 1 WHERE shape = 'team'",
    ),
    "a coarse sum was deleted": ("daily_usage_shapes_agree", "DELETE FROM usage_dailyusage WHERE shape = 'user'"),
    "a coarse sum was given to another service": (
        "daily_usage_shapes_agree",
        "UPDATE usage_dailyusage SET service_id = 987654321 WHERE shape = 'service'",
    ),
    "a day to come has sums": (
        "daily_usage_is_of_days_added_up",
        "UPDATE usage_dailyusage SET day_on = '2026-03-12' WHERE day_on = '2026-03-10'",
    ),
    "nobody knows how far the sums reach": ("daily_usage_is_of_days_added_up", "DELETE FROM usage_usagerollup"),
    "a day was not added up": (
        "ended_days_are_added_up",
        "UPDATE usage_usagerollup SET through_on = through_on - 1",
    ),
}


@pytest.mark.parametrize("done", CORRUPTIONS)
def test_it_names(stage: Stage, done: str) -> None:
    name, sql = CORRUPTIONS[done]
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(sql)
        assert cursor.rowcount, "It must do something, or it proves nothing."

    assert name in broken(NOW)


def test_every_sentence_is_broken_once() -> None:
    assert {name for name, _ in CORRUPTIONS.values()} == set(rollup_audit.NAMES)
    names = [invariant.name for invariant in rollup_audit.invariants(audit.Scope(now=NOW))]
    assert tuple(names) == rollup_audit.NAMES


def test_it_names_the_day_and_the_difference(stage: Stage) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE usage_dailyusage SET credits = credits + 7"
            " WHERE shape = 'model' AND model = 'small' AND day_on = '2026-03-09'"
        )

    scope = audit.Scope(now=NOW, wallet_id=stage.wallet.pk)
    (found,) = audit.prove(rollup_audit.invariants(scope), scope)

    assert found.count == 1
    assert found.first.wallet_id == stage.wallet.pk
    assert found.first.what == "2026-03-09 model: the sums have 0 uses and 7 credits too many"


def test_one_organization_can_be_proved_alone(stage: Stage) -> None:
    globex = Organization.objects.get(slug="globex")
    with connection.cursor() as cursor:
        cursor.execute("UPDATE usage_dailyusage SET credits = credits + 1 WHERE organization_id = %s", [globex.pk])

    assert broken(NOW, wallet_id=stage.wallet.pk) == set()
    assert broken(NOW, wallet_id=globex.wallet.pk) == {"daily_usage_is_its_events", "daily_usage_shapes_agree"}


def test_a_day_that_is_to_be_added_up_again_is_left_out(stage: Stage) -> None:
    stage.pay("late", now=NOW, occurred_at=at("2026-03-09 23:59"))

    assert broken(NOW) == set()


def test_an_organization_that_was_never_added_up_is_late_after_its_first_day() -> None:
    stage = early_stage()
    stage.pay("a", now=at("2026-03-10 12:00"))

    assert broken(at("2026-03-11 02:59")) == set()
    assert broken(at("2026-03-11 03:00")) == {"ended_days_are_added_up"}
