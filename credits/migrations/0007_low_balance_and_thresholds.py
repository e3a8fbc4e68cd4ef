"""When a balance is low, since when that is known, and at which parts of a limit people are told."""

import django.contrib.postgres.fields
from django.db import migrations, models

import credits.models


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0006_marks_on_wallets"),
        ("organizations", "0003_audit_events_are_append_only"),
    ]

    operations = [
        migrations.AddField(
            model_name="program",
            name="limit_thresholds",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.PositiveSmallIntegerField(),
                default=credits.models.default_limit_thresholds,
                size=None,
                verbose_name="thresholds of limits, in per cent",
            ),
        ),
        migrations.AddField(
            model_name="program",
            name="low_balance",
            field=models.BigIntegerField(
                blank=True,
                help_text="Where an owner has not chosen: owners are told when less can be spent. Empty: they are not.",
                null=True,
                verbose_name="low balance below",
            ),
        ),
        migrations.AddField(
            model_name="wallet",
            name="depleted_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="wallet",
            name="low_below",
            field=models.BigIntegerField(blank=True, null=True, verbose_name="low balance below"),
        ),
        migrations.AddField(
            model_name="wallet",
            name="low_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="program",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("low_balance", None),
                    models.Q(("low_balance__gt", 0), ("low_balance__lte", 1000000000000000)),
                    _connector="OR",
                ),
                name="program_low_balance_in_bounds",
            ),
        ),
        migrations.AddConstraint(
            model_name="wallet",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("low_below", None),
                    models.Q(("low_below__gte", 0), ("low_below__lte", 1000000000000000)),
                    _connector="OR",
                ),
                name="wallet_low_below_in_bounds",
            ),
        ),
    ]
