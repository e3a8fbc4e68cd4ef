"""Usage events, and what open reservations are for.

Events, like the ledger's entries, have no foreign keys in the database: every spend would pay for them.
"""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0002_reservations"),
        ("organizations", "0002_teams_and_members"),
        ("usage", "0001_services_and_prices"),
    ]

    operations = [
        migrations.CreateModel(
            name="UsageEvent",
            fields=[
                (
                    "operation",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="usage_event",
                        serialize=False,
                        to="credits.operation",
                    ),
                ),
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
                    "service",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="usage.service",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="usage.feature",
                    ),
                ),
                (
                    "rate",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="usage.rate",
                    ),
                ),
                ("model", models.CharField(blank=True, max_length=100)),
                ("input_tokens", models.BigIntegerField(null=True)),
                ("output_tokens", models.BigIntegerField(null=True)),
                ("quantity", models.BigIntegerField(null=True)),
                ("credits", models.BigIntegerField()),
                ("uncollected", models.BigIntegerField(default=0)),
                ("refunded", models.BigIntegerField(default=0)),
                ("occurred_at", models.DateTimeField()),
                ("written_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "usage event",
                "verbose_name_plural": "usage events",
                "indexes": [models.Index(fields=["organization", "occurred_at"], name="usage_event_by_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("credits__gte", 0), ("uncollected__gte", 0)),
                        name="usage_event_credits_not_negative",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("refunded__gte", 0), ("refunded__lte", models.F("credits"))),
                        name="usage_event_refunded_within_credits",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("input_tokens", None), ("input_tokens__gte", 0), _connector="OR"),
                            models.Q(("output_tokens", None), ("output_tokens__gte", 0), _connector="OR"),
                            models.Q(("quantity", None), ("quantity__gte", 0), _connector="OR"),
                        ),
                        name="usage_event_measures_not_negative",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReservedUse",
            fields=[
                (
                    "reservation",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="reserved_use",
                        serialize=False,
                        to="credits.reservation",
                    ),
                ),
                (
                    "organization",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.organization",
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
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
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="organizations.team",
                    ),
                ),
                (
                    "service",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="usage.service",
                    ),
                ),
                (
                    "feature",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="usage.feature",
                    ),
                ),
                (
                    "rate",
                    models.ForeignKey(
                        db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="usage.rate"
                    ),
                ),
            ],
        ),
    ]
