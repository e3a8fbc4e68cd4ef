"""Orders by bank transfer say who sells, and where the money goes."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("billing", "0005_disputes_know_what_they_froze")]

    operations = [
        migrations.AddField(
            model_name="saleterms",
            name="seller",
            field=models.TextField(blank=True, default="", max_length=500, verbose_name="seller"),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name="saleterms",
            name="bank_account",
            field=models.TextField(blank=True, default="", max_length=500, verbose_name="bank account"),
            preserve_default=False,
        ),
    ]
