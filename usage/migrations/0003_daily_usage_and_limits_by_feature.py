"""Daily sums of usage; limits for a feature, raised for a time, with thresholds; members asking for more."""

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import credits.models
import usage.models.limits


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0003_audit_events_are_append_only"),
        ("usage", "0002_rates_are_complete"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyUsage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "shape",
                    models.CharField(
                        choices=[
                            ("feature", "by feature"),
                            ("user", "by user"),
                            ("team", "by team"),
                            ("service", "by service"),
                            ("model", "by model"),
                            ("user_feature", "by user and feature"),
                            ("all", "by everything"),
                        ],
                        max_length=12,
                    ),
                ),
                ("day_on", models.DateField()),
                ("model", models.CharField(blank=True, max_length=100)),
                ("credits", models.BigIntegerField()),
                ("refunded", models.BigIntegerField()),
                ("uncollected", models.BigIntegerField()),
                ("uses", models.BigIntegerField()),
                ("input_tokens", models.BigIntegerField()),
                ("output_tokens", models.BigIntegerField()),
                ("quantity", models.BigIntegerField()),
            ],
            options={
                "verbose_name": "daily usage",
                "verbose_name_plural": "daily usage",
            },
        ),
        migrations.CreateModel(
            name="LateUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("occurred_at", models.DateTimeField()),
            ],
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
                ("credits", models.BigIntegerField(blank=True, null=True, verbose_name="credits a month")),
                ("message", models.CharField(blank=True, max_length=500, verbose_name="message")),
                ("created_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "open"), ("granted", "granted"), ("declined", "declined")],
                        default="open",
                        max_length=10,
                        verbose_name="state",
                    ),
                ),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
            ],
            options={
                "verbose_name": "request for more",
                "verbose_name_plural": "requests for more",
            },
        ),
        migrations.CreateModel(
            name="UsageRollup",
            fields=[
                (
                    "organization",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="usage_rollup",
                        serialize=False,
                        to="organizations.organization",
                    ),
                ),
                ("time_zone", models.CharField(max_length=64, verbose_name="time zone")),
                ("through_on", models.DateField(verbose_name="added up through")),
                ("closed_until", models.DateTimeField(verbose_name="closed until")),
                ("rolled_at", models.DateTimeField(verbose_name="added up")),
            ],
            options={
                "verbose_name": "rollup",
                "verbose_name_plural": "rollups",
            },
        ),
        migrations.RemoveConstraint(
            model_name="limit",
            name="limit_is_set_once",
        ),
        migrations.AddField(
            model_name="limit",
            name="feature",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="limits",
                to="usage.feature",
            ),
        ),
        migrations.AddField(
            model_name="limit",
            name="raised_credits",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="raised to"),
        ),
        migrations.AddField(
            model_name="limit",
            name="raised_until",
            field=models.DateTimeField(blank=True, null=True, verbose_name="raised until"),
        ),
        migrations.AddField(
            model_name="limit",
            name="thresholds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveSmallIntegerField(),
                default=credits.models.default_limit_thresholds,
                size=None,
                verbose_name="thresholds",
            ),
        ),
        migrations.AddField(
            model_name="limituse",
            name="told_percent",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.UniqueConstraint(
                fields=("organization", "scope", "team", "user", "feature"),
                name="limit_is_set_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
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
        ),
        migrations.AddField(
            model_name="dailyusage",
            name="feature",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="usage.feature",
            ),
        ),
        migrations.AddField(
            model_name="dailyusage",
            name="organization",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.organization",
            ),
        ),
        migrations.AddField(
            model_name="dailyusage",
            name="service",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="usage.service",
            ),
        ),
        migrations.AddField(
            model_name="dailyusage",
            name="team",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="organizations.team",
            ),
        ),
        migrations.AddField(
            model_name="dailyusage",
            name="user",
            field=models.ForeignKey(
                db_constraint=False,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="lateuse",
            name="organization",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
            ),
        ),
        migrations.AddField(
            model_name="limitrequest",
            name="answered_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="limitrequest",
            name="limit",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="requests", to="usage.limit"
            ),
        ),
        migrations.AddField(
            model_name="limitrequest",
            name="user",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddConstraint(
            model_name="dailyusage",
            constraint=models.UniqueConstraint(
                fields=("organization", "shape", "day_on", "user", "feature", "team", "service", "model"),
                name="daily_usage_is_added_up_once",
                nulls_distinct=False,
            ),
        ),
        migrations.AddConstraint(
            model_name="dailyusage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("shape__in", ["feature", "user", "team", "service", "model", "user_feature", "all"])
                ),
                name="daily_usage_shape_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="dailyusage",
            constraint=models.CheckConstraint(
                condition=models.Q(("refunded__gte", 0), ("refunded__lte", models.F("credits")), ("uses__gt", 0)),
                name="daily_usage_sums_make_sense",
            ),
        ),
        migrations.AddConstraint(
            model_name="limitrequest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open")), fields=("limit", "user"), name="limit_request_is_open_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="limitrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ["open", "granted", "declined"])), name="limit_request_state_known"
            ),
        ),
        migrations.AddConstraint(
            model_name="limitrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("credits", None), models.Q(("credits__gt", 0), ("credits__lte", 1000000000000)), _connector="OR"
                ),
                name="limit_request_credits_in_bounds",
            ),
        ),
        migrations.AddConstraint(
            model_name="limitrequest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("answered_at", None), ("state", "open")),
                    models.Q(
                        models.Q(("state", "open"), _negated=True), models.Q(("answered_at", None), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="limit_request_is_answered_with_a_time",
            ),
        ),
    ]
