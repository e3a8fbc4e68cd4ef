from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("credits", "0005_index_what_is_not_usage")]

    operations = [
        migrations.AddField("wallet", "recharging_until", models.DateTimeField(blank=True, null=True)),
        migrations.AddField("wallet", "watched_below", models.BigIntegerField(blank=True, null=True)),
    ]
