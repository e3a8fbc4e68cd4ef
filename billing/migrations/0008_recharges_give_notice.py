"""That auto-recharge stopped is a notice, whose mails know for themselves whether they were sent."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("billing", "0007_low_balance_is_the_ledgers")]

    operations = [migrations.RemoveField("autorecharge", "told_at")]
