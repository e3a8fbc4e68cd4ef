"""A dispute knows whether it was the one that froze the grant, so that its end thaws no other freeze."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0004_recharges_know_price_and_method")]

    operations = [
        migrations.AddField(
            model_name="dispute",
            name="has_frozen",
            field=models.BooleanField(default=False, verbose_name="has frozen the grant"),
        ),
    ]
