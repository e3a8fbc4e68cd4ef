from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0003_months_of_plans")]

    operations = [
        migrations.RemoveConstraint("autorecharge", "auto_recharge_in_bounds"),
        migrations.AddField(
            "autorecharge",
            "lot_minor",
            models.BigIntegerField(default=1, verbose_name="price of a lot, in minor units"),
            preserve_default=False,
        ),
        migrations.AddField("autorecharge", "told_at", models.DateTimeField(blank=True, null=True)),
        migrations.AddField(
            "rechargeattempt", "payment_method", models.CharField(default="", max_length=255), preserve_default=False
        ),
        migrations.AddConstraint(
            "autorecharge",
            models.CheckConstraint(
                condition=models.Q(threshold__gte=1, lot_minor__gte=1, monthly_limit_minor__gte=models.F("lot_minor")),
                name="auto_recharge_in_bounds",
            ),
        ),
    ]
