"""What the database itself refuses of the meter's rows, past every model and verb: a case or more per constraint."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from credits.models import MAX_CREDITS
from tests.support import factories
from tests.support.database import built_once
from tests.support.usage import usage_stage
from usage import rollups
from usage.limits import requests, set_limit
from usage.metering.meter import meter
from usage.metering.reservations import reserve
from usage.models import Limit

pytestmark = pytest.mark.django_db

TOO_MUCH = str(MAX_CREDITS + 1)
BAD_PRICES = "rate_has_what_its_pricing_needs"


@dataclass(frozen=True)
class Case:
    """A constraint, and what a copied row would have to be for it to be broken, as SQL by column.

    `where` chooses the row that is copied; `without` names a constraint that would speak first.
    """

    table: str
    constraint: str
    broken: dict[str, str]
    where: str = "true"
    without: str = ""

    def __str__(self) -> str:
        return f"{self.constraint} ({self.where}: {', '.join(f'{c} {v}' for c, v in self.broken.items())})"


# What a copy needs to be another row, and not the same one twice.
ANOTHER = {
    "service": {"key": "'another'"},
    "feature": {"key": "'another'"},
    "rate": {"effective_at": "effective_at + interval '1 day'"},
    "usageevent": {"operation_id": "gen_random_uuid()"},
    "reserveduse": {"reservation_id": "gen_random_uuid()"},
    "limit": {"user_id": "(SELECT max(id) FROM organizations_user)"},
    "limituse": {"month_on": "month_on + 31"},
    "limitrequest": {"public_id": "'another'", "user_id": "(SELECT max(id) FROM organizations_user)"},
    "dailyusage": {"day_on": "day_on + 31"},
}


def rate(pricing: str, /, **broken: str) -> Case:
    return Case("rate", BAD_PRICES, broken, where=f"pricing = '{pricing}'")


def limit(scope: str, /, **broken: str) -> Case:
    return Case("limit", "limit_names_what_its_scope_needs", broken, where=f"scope = '{scope}'")


def raised(**broken: str) -> Case:
    return Case("limit", "limit_is_raised_to_more_and_not_for_ever", broken, where="scope = 'user'")


CASES = [
    Case("service", "service_key_is_unique", {"key": "key"}),
    Case("feature", "feature_key_is_unique", {"key": "key"}),
    Case("feature", "usage_feature_position_check", {"position": "-1"}),
    Case("rate", "rate_begins_once", {"effective_at": "effective_at"}),
    Case("rate", "rate_per_positive", {"per": "0"}),
    Case("rate", "usage_rate_per_check", {"per": "-1"}, without="rate_per_positive"),
    rate("fixed", pricing="'free'"),
    rate("fixed", credits="-1"),
    rate("fixed", credits="NULL"),
    rate("fixed", credits=TOO_MUCH),
    rate("fixed", model="'m'"),
    *[rate("fixed", **{column: "1"}) for column in ("min_credits", "max_credits", "input_credits", "output_credits")],
    rate("range", min_credits="-1"),
    rate("range", min_credits="NULL"),
    rate("range", max_credits="NULL"),
    rate("range", max_credits="min_credits - 1"),
    rate("range", max_credits=TOO_MUCH),
    rate("range", model="'m'"),
    *[rate("range", **{column: "1"}) for column in ("credits", "input_credits", "output_credits")],
    rate("per_token", model="''"),
    rate("per_token", input_credits="-1"),
    rate("per_token", input_credits="NULL"),
    rate("per_token", input_credits=TOO_MUCH),
    rate("per_token", output_credits="-1"),
    rate("per_token", output_credits="NULL"),
    rate("per_token", output_credits=TOO_MUCH),
    *[rate("per_token", **{column: "1"}) for column in ("credits", "min_credits", "max_credits")],
    rate("per_unit", credits="-1"),
    rate("per_unit", credits="NULL"),
    rate("per_unit", credits=TOO_MUCH),
    rate("per_unit", model="'m'"),
    *[rate("per_unit", **{c: "1"}) for c in ("min_credits", "max_credits", "input_credits", "output_credits")],
    Case("usageevent", "usage_usageevent_pkey", {"operation_id": "operation_id"}),
    Case("usageevent", "usage_event_credits_not_negative", {"credits": "-1", "refunded": "-1"}),
    Case("usageevent", "usage_event_credits_not_negative", {"uncollected": "-1"}),
    Case("usageevent", "usage_event_refunded_within_credits", {"refunded": "-1"}),
    Case("usageevent", "usage_event_refunded_within_credits", {"refunded": "credits + 1"}),
    Case("usageevent", "usage_event_measures_not_negative", {"input_tokens": "-1"}),
    Case("usageevent", "usage_event_measures_not_negative", {"output_tokens": "-1"}),
    Case("usageevent", "usage_event_measures_not_negative", {"quantity": "-1"}),
    Case("reserveduse", "usage_reserveduse_pkey", {"reservation_id": "reservation_id"}),
    *[
        Case("limit", "limit_is_set_once", {"user_id": "user_id", "team_id": "team_id"}, where=f"scope = '{scope}'")
        for scope in ("organization", "team", "user")
    ],
    limit("organization", scope="'galaxy'", user_id="NULL"),
    limit("organization", user_id="(SELECT max(id) FROM organizations_user)"),
    limit("organization", user_id="NULL", team_id="(SELECT max(id) FROM organizations_team)"),
    limit("team", team_id="NULL", user_id="NULL"),
    limit("team", user_id="(SELECT max(id) FROM organizations_user)"),
    limit("user", user_id="NULL"),
    limit("user", team_id="(SELECT max(id) FROM organizations_team)"),
    Case("limit", "limit_credits_in_bounds", {"credits": "-1"}, where="scope = 'user'"),
    Case("limit", "limit_credits_in_bounds", {"credits": TOO_MUCH}, where="scope = 'user'"),
    raised(raised_credits="credits + 1"),
    raised(raised_until="now()"),
    raised(raised_credits="credits", raised_until="now()"),
    raised(raised_credits=TOO_MUCH, raised_until="now()"),
    Case("limit", "limit_thresholds_are_per_cents", {"thresholds": "'{0}'"}, where="scope = 'user'"),
    Case("limit", "limit_thresholds_are_per_cents", {"thresholds": "'{50, 101}'"}, where="scope = 'user'"),
    Case("limituse", "limit_use_not_negative", {"credits": "-1"}),
    Case("limituse", "usage_limituse_told_percent_check", {"told_percent": "-1"}),
    Case("limituse", "usage_limituse_pkey", {"month_on": "month_on"}),
    Case("limitrequest", "usage_limitrequest_public_id_key", {"public_id": "public_id"}),
    Case("limitrequest", "limit_request_is_open_once", {"user_id": "user_id"}),
    Case("limitrequest", "limit_request_state_known", {"state": "'wished'", "answered_at": "now()"}),
    Case("limitrequest", "limit_request_credits_in_bounds", {"credits": "0"}),
    Case("limitrequest", "limit_request_credits_in_bounds", {"credits": TOO_MUCH}),
    Case("limitrequest", "limit_request_is_answered_with_a_time", {"answered_at": "now()"}),
    Case("limitrequest", "limit_request_is_answered_with_a_time", {"state": "'granted'"}),
    # Of the shape whose columns are nearly all empty: nothing is no other nothing.
    Case("dailyusage", "daily_usage_is_added_up_once", {"day_on": "day_on"}, where="shape = 'service'"),
    Case("dailyusage", "daily_usage_is_added_up_once", {"day_on": "day_on"}, where="shape = 'all'"),
    Case("dailyusage", "daily_usage_shape_known", {"shape": "'galaxy'"}),
    Case("dailyusage", "daily_usage_sums_make_sense", {"uses": "0"}),
    Case("dailyusage", "daily_usage_sums_make_sense", {"refunded": "-1"}),
    Case("dailyusage", "daily_usage_sums_make_sense", {"refunded": "credits + 1"}),
]


@pytest.fixture
@built_once
def _rows() -> None:
    """Rows of every kind; Bob is the last user and has no limit yet."""
    set_up = usage_stage.set_up()
    research = factories.team(set_up.organization)
    meter([set_up.use("one")], now=usage_stage.NOW)
    reserve(set_up.use("two"), credits=100, now=usage_stage.NOW)
    for whose in ({}, {"team": research}, {"user": set_up.owner}):
        set_limit(organization=set_up.organization, credits=5_000, actor=set_up.owner, now=usage_stage.NOW, **whose)
    requests.ask(limit=Limit.objects.get(user=set_up.owner), user=set_up.owner, now=usage_stage.NOW)
    factories.member(set_up.organization, factories.person("Bob"))
    tomorrow = usage_stage.NOW + timedelta(days=1)
    rollups.roll_up_due(tomorrow)
    meter([set_up.use("three", occurred_at=usage_stage.NOW)], now=tomorrow)


def copy(case: Case) -> None:
    """Insert a copy of a row, with what the case breaks."""
    table = f"usage_{case.table}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
        columns = [column for (column,) in cursor.fetchall() if column != "id"]  # the database numbers these itself
        changed = {**ANOTHER[case.table], **case.broken}
        values = ", ".join(changed.get(column, column) for column in columns)
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM {table} WHERE {case.where} LIMIT 1"
        )
        assert cursor.rowcount == 1


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("_rows")
def test_the_database_refuses(case: Case) -> None:
    if case.without:
        with connection.cursor() as cursor:
            cursor.execute(
                f"SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE usage_{case.table} DROP CONSTRAINT {case.without}"
            )
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        copy(case)
    assert f'"{case.constraint}"' in str(refusal.value)


@pytest.mark.parametrize("table", [table for table in ANOTHER if table != "reserveduse"])
@pytest.mark.usefixtures("_rows")
def test_the_same_copy_is_taken_where_nothing_is_broken(table: str) -> None:
    copy(Case(table, "", {}, where="scope = 'user'" if table == "limit" else "true"))


@pytest.mark.parametrize("pricing", ["fixed", "range", "per_token", "per_unit"])
@pytest.mark.usefixtures("_rows")
def test_a_rate_of_each_pricing_is_taken(pricing: str) -> None:
    copy(Case("rate", "", {}, where=f"pricing = '{pricing}'"))


@pytest.mark.usefixtures("_rows")
def test_a_rate_may_be_free() -> None:
    copy(Case("rate", "", {"credits": "0"}, where="pricing = 'fixed'"))


FOREIGN_KEYS = [
    ("service", "organization_id"),
    ("feature", "program_id"),
    ("rate", "feature_id"),
    ("limit", "organization_id"),
    ("limit", "feature_id"),
    ("limituse", "limit_id"),
    ("limitrequest", "limit_id"),
    ("limitrequest", "user_id"),
    ("usagerollup", "organization_id"),
    ("lateuse", "organization_id"),
    *[("reserveduse", f"{to}_id") for to in ("reservation", "organization", "service", "feature", "rate")],
]


@pytest.mark.parametrize(("table", "column"), FOREIGN_KEYS)
@pytest.mark.usefixtures("_rows")
def test_a_row_points_at_one_that_exists(table: str, column: str) -> None:
    missing = "gen_random_uuid()" if column == "reservation_id" else "987654321"
    one_row = f"ctid IN (SELECT ctid FROM usage_{table} LIMIT 1)"
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(IntegrityError, match="foreign key"), transaction.atomic():
            cursor.execute(f"UPDATE usage_{table} SET {column} = {missing} WHERE {one_row}")


def test_every_constraint_of_the_models_has_a_case() -> None:
    models = apps.get_app_config("usage").get_models()
    declared = {constraint.name for model in models for constraint in model._meta.constraints}

    assert declared <= {case.constraint for case in CASES}


def test_every_check_and_unique_constraint_of_the_database_has_a_case() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'usage\\_%' AND contype IN ('c', 'u')"
        )
        enforced = {name for (name,) in cursor.fetchall()}

    assert enforced <= {case.constraint for case in CASES}
