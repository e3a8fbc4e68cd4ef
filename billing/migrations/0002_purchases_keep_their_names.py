"""A purchase keeps the name of what was bought, as it was called at the order."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_sales")]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="name",
            field=models.CharField(default="", max_length=140, verbose_name="what"),
            preserve_default=False,
        ),
    ]
