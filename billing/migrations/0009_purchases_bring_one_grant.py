"""A purchase brings one grant: what promotions give comes as a grant of their own, and no purchase ever had a bonus."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0008_recharges_give_notice"),
        ("credits", "0008_audit_seals"),
    ]

    operations = [
        migrations.RemoveConstraint("purchase", "purchase_credits_in_bounds"),
        migrations.RemoveField("purchase", "bonus_credits"),
        migrations.RemoveField("purchase", "bonus_grant"),
        migrations.AddConstraint(
            "purchase",
            models.CheckConstraint(
                condition=models.Q(("credits__gt", 0), ("credits__lte", 1000000000000), ("lots__gte", 1)),
                name="purchase_credits_in_bounds",
            ),
        ),
    ]
