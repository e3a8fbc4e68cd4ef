"""Daily sums of usage, how far each organization's days are added up, and the days that changed since.

Reports read these instead of millions of events.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("organizations", "0002_teams_and_members"),
        ("usage", "0003_limits"),
    ]

    operations = [
        migrations.CreateModel(
            name="DailyUsage",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
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
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "team",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.team",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="usage.feature",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="usage.service",
                    ),
                ),
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
                "constraints": [
                    models.UniqueConstraint(
                        fields=("organization", "shape", "day_on", "user", "feature", "team", "service", "model"),
                        name="daily_usage_is_added_up_once",
                        nulls_distinct=False,
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("shape__in", ["feature", "user", "team", "service", "model", "user_feature", "all"])
                        ),
                        name="daily_usage_shape_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("refunded__gte", 0), ("refunded__lte", models.F("credits")), ("uses__gt", 0)
                        ),
                        name="daily_usage_sums_make_sense",
                    ),
                ],
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
                ("through_on", models.DateField(verbose_name="rolled up through")),
                ("closed_until", models.DateTimeField(verbose_name="closed until")),
                ("rolled_at", models.DateTimeField(verbose_name="rolled up")),
            ],
            options={
                "verbose_name": "rollup",
                "verbose_name_plural": "rollups",
            },
        ),
        migrations.CreateModel(
            name="LateUse",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="organizations.organization"
                    ),
                ),
                ("occurred_at", models.DateTimeField()),
            ],
        ),
    ]
