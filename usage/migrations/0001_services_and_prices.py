"""Where credits are used, and what work costs: services, features, and rates that begin at an instant."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("credits", "0001_ledger"),
        ("organizations", "0001_people_and_organizations"),
    ]

    operations = [
        migrations.CreateModel(
            name="Service",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "organization",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="services",
                        to="organizations.organization",
                    ),
                ),
                ("key", models.CharField(max_length=100, verbose_name="key")),
                ("name", models.CharField(max_length=150, verbose_name="name")),
                ("is_ai_on", models.BooleanField(default=True, verbose_name="AI is on")),
                ("switched_at", models.DateTimeField(blank=True, null=True, verbose_name="changed")),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now, editable=False)),
            ],
            options={
                "verbose_name": "service",
                "verbose_name_plural": "services",
                "constraints": [models.UniqueConstraint(fields=("organization", "key"), name="service_key_is_unique")],
            },
        ),
        migrations.CreateModel(
            name="Feature",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "program",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="features", to="credits.program"
                    ),
                ),
                ("key", models.CharField(max_length=100, verbose_name="key")),
                ("name", models.CharField(max_length=150, verbose_name="name")),
                ("position", models.PositiveSmallIntegerField(default=0, verbose_name="position")),
            ],
            options={
                "verbose_name": "feature",
                "verbose_name_plural": "features",
                "constraints": [models.UniqueConstraint(fields=("program", "key"), name="feature_key_is_unique")],
            },
        ),
        migrations.CreateModel(
            name="Rate",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "feature",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rates", to="usage.feature"
                    ),
                ),
                (
                    "pricing",
                    models.CharField(
                        choices=[
                            ("fixed", "fixed per use"),
                            ("range", "amount named by the caller, within a range"),
                            ("per_token", "per token, by model"),
                            ("per_unit", "per unit"),
                        ],
                        max_length=10,
                        verbose_name="pricing",
                    ),
                ),
                ("model", models.CharField(blank=True, max_length=100, verbose_name="model")),
                ("credits", models.BigIntegerField(blank=True, null=True, verbose_name="credits")),
                ("min_credits", models.BigIntegerField(blank=True, null=True, verbose_name="at least")),
                ("max_credits", models.BigIntegerField(blank=True, null=True, verbose_name="at most")),
                ("input_credits", models.BigIntegerField(blank=True, null=True, verbose_name="for input")),
                ("output_credits", models.BigIntegerField(blank=True, null=True, verbose_name="for output")),
                ("per", models.PositiveIntegerField(default=1, verbose_name="per number of tokens or units")),
                ("effective_at", models.DateTimeField(verbose_name="effective from")),
            ],
            options={
                "verbose_name": "rate",
                "verbose_name_plural": "rates",
                "constraints": [
                    models.UniqueConstraint(fields=("feature", "model", "effective_at"), name="rate_begins_once"),
                    models.CheckConstraint(condition=models.Q(("per__gt", 0)), name="rate_per_positive"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("credits__gte", 0),
                                ("credits__isnull", False),
                                ("credits__lte", 1000000000000),
                                ("input_credits", None),
                                ("max_credits", None),
                                ("min_credits", None),
                                ("model", ""),
                                ("output_credits", None),
                                ("pricing", "fixed"),
                            ),
                            models.Q(
                                ("credits", None),
                                ("input_credits", None),
                                ("max_credits__gte", models.F("min_credits")),
                                ("max_credits__isnull", False),
                                ("max_credits__lte", 1000000000000),
                                ("min_credits__gte", 0),
                                ("min_credits__isnull", False),
                                ("model", ""),
                                ("output_credits", None),
                                ("pricing", "range"),
                            ),
                            models.Q(
                                ("credits", None),
                                ("input_credits__gte", 0),
                                ("input_credits__isnull", False),
                                ("input_credits__lte", 1000000000000),
                                ("max_credits", None),
                                ("min_credits", None),
                                ("output_credits__gte", 0),
                                ("output_credits__isnull", False),
                                ("output_credits__lte", 1000000000000),
                                ("pricing", "per_token"),
                                models.Q(("model", ""), _negated=True),
                            ),
                            models.Q(
                                ("credits__gte", 0),
                                ("credits__isnull", False),
                                ("credits__lte", 1000000000000),
                                ("input_credits", None),
                                ("max_credits", None),
                                ("min_credits", None),
                                ("model", ""),
                                ("output_credits", None),
                                ("pricing", "per_unit"),
                            ),
                            _connector="OR",
                        ),
                        name="rate_has_what_its_pricing_needs",
                    ),
                ],
            },
        ),
    ]
