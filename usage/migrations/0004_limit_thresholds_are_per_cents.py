"""Thresholds of limits are per cents, 1 to 100: the database refuses others."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("usage", "0003_daily_usage_and_limits_by_feature")]

    operations = [
        migrations.AddConstraint(
            model_name="limit",
            constraint=models.CheckConstraint(
                condition=models.Q(thresholds__contained_by=list(range(1, 101))), name="limit_thresholds_are_per_cents"
            ),
        ),
    ]
