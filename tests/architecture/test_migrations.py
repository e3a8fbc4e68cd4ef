"""Migrations: each says why and can be undone, and an app's rest on those of the apps below it."""

import re
import sys

from django.apps import apps
from django.db import connection
from django.db.migrations import RunSQL
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.state import ProjectState

from tests.architecture.sources import APPS

GRAPH = MigrationLoader(None).graph
IN_ORDER = dict.fromkeys(key for leaf in GRAPH.leaf_nodes() for key in GRAPH.forwards_plan(leaf))
OURS = [GRAPH.nodes[key] for key in IN_ORDER if key[0] in APPS]
NAMED_BY_DJANGO = re.compile(r"_initial$|_auto_\d{8}|_and_more$")

# What Django's own operations don't make: functions, triggers, storage parameters, foreign keys checked at once.
MADE_BY_SQL = """
    SELECT proname::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    UNION ALL SELECT tgname::text FROM pg_trigger WHERE NOT tgisinternal
    UNION ALL SELECT relname || ' ' || unnest(reloptions) FROM pg_class WHERE relnamespace = 'public'::regnamespace
    UNION ALL SELECT conname::text FROM pg_constraint WHERE contype = 'f' AND NOT condeferrable
"""


def made_by_sql() -> set[str]:
    """The names of what is in the database by migrations' SQL, tables without a model included."""
    with connection.cursor() as cursor:
        cursor.execute(MADE_BY_SQL)
        made = {name for (name,) in cursor.fetchall()}
    modelled = {model._meta.db_table for model in apps.get_models(include_auto_created=True)}
    return made | set(connection.introspection.table_names()) - modelled - {"django_migrations"}


def test_each_says_why() -> None:
    assert [str(each) for each in OURS if not sys.modules[type(each).__module__].__doc__] == []
    assert [str(each) for each in OURS if NAMED_BY_DJANGO.search(each.name)] == [], "Name it by its idea"


def test_each_rests_on_its_own_app_and_those_below() -> None:
    upward = [
        f"{each} on {app}"
        for each in OURS
        for app, _ in each.dependencies
        if app in APPS and APPS.index(app) > APPS.index(each.app_label)
    ]

    assert upward == []


def test_each_step_can_be_undone() -> None:
    assert [f"{each}: {step.describe()}" for each in OURS for step in each.operations if not step.reversible] == []


def test_sql_undoes_what_it_made_and_makes_it_again(db: None) -> None:
    steps = [(each.app_label, step) for each in OURS for step in each.operations if isinstance(step, RunSQL)]
    made, state = made_by_sql(), ProjectState()

    with connection.schema_editor() as editor:
        for app, step in reversed(steps):
            step.database_backwards(app, editor, state, state)
        assert made_by_sql() == set()
        for app, step in steps:
            step.database_forwards(app, editor, state, state)

    assert {"credits_refuse_change", "credits_grant fillfactor=50", "drawdown_cache"} <= made
    assert made_by_sql() == made
