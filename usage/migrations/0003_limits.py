"""Limits, what counts against them month by month, and requests for more."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import credits.models.programs
import usage.models.limits


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0002_teams_and_members"),
        ("usage", "0002_usage_events"),
    ]

    operations = [
        migrations.CreateModel(
            name="Limit",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="limits",
                        to="organizations.organization",
                    ),
                ),
                (
                    "scope",
                    models.CharField(
                        choices=[("organization", "organization"), ("team", "team"), ("user", "user")],
                        max_length=12,
                        verbose_name="scope",
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="limits",
                        to="organizations.team",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="limits",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="limits",
                        to="usage.feature",
                    ),
                ),
                ("credits", models.BigIntegerField(verbose_name="credits a month")),
                (
                    "thresholds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(),
                        default=credits.models.programs.default_limit_thresholds,
                        size=None,
                        verbose_name="thresholds",
                    ),
                ),
                ("raised_credits", models.BigIntegerField(blank=True, null=True, verbose_name="raised to")),
                ("raised_until", models.DateTimeField(blank=True, null=True, verbose_name="raised until")),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "limit",
                "verbose_name_plural": "limits",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "scope", "team", "user", "feature"),
                        name="limit_is_set_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("scope", "organization"), ("team", None), ("user", None)),
                            models.Q(("scope", "team"), ("team__isnull", False), ("user", None)),
                            models.Q(("scope", "user"), ("team", None), ("user__isnull", False)),
                            _connector="OR",
                        ),
                        name="limit_names_what_its_scope_needs",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("credits__gte", 0), ("credits__lte", 1000000000000)),
                        name="limit_credits_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("raised_credits", None), ("raised_until", None)),
                            models.Q(
                                ("raised_credits__gt", models.F("credits")),
                                ("raised_credits__isnull", False),
                                ("raised_credits__lte", 1000000000000),
                                ("raised_until__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="limit_is_raised_to_more_and_not_for_ever",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("thresholds__contained_by", list(range(1, 101)))),
                        name="limit_thresholds_are_per_cents",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="LimitUse",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "limit_id", "month_on", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "limit",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="uses",
                        to="usage.limit",
                    ),
                ),
                ("month_on", models.DateField()),
                ("credits", models.BigIntegerField()),
                ("told_percent", models.PositiveSmallIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("credits__gte", 0)), name="limit_use_not_negative")
                ],
            },
        ),
        migrations.CreateModel(
            name="LimitRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "public_id",
                    models.CharField(
                        default=usage.models.limits.limit_request_id, editable=False, max_length=32, unique=True
                    ),
                ),
                (
                    "limit",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="requests", to="usage.limit"
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                ("credits", models.BigIntegerField(blank=True, null=True, verbose_name="credits a month")),
                ("message", models.CharField(blank=True, max_length=500, verbose_name="message")),
                ("created_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("granted", "approved"), ("declined", "declined")],
                        default="open",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                (
                    "answered_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "limit increase request",
                "verbose_name_plural": "limit increase requests",
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("state", "open")),
                        fields=("limit", "user"),
                        name="limit_request_is_open_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["open", "granted", "declined"])),
                        name="limit_request_state_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("credits", None),
                            models.Q(("credits__gt", 0), ("credits__lte", 1000000000000)),
                            _connector="OR",
                        ),
                        name="limit_request_credits_in_bounds",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answered_at", None), ("state", "open")),
                            models.Q(
                                models.Q(("state", "open"), _negated=True),
                                models.Q(("answered_at", None), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="limit_request_is_answered_with_a_time",
                    ),
                ],
            },
        ),
    ]
