"""Leave room in the pages of rows that every spend updates, so that updates stay heap-only.

A heap-only update touches no index and needs no vacuum: without the room each spend would write every index of the
wallet and its grants again.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("credits", "0002_append_only_ledger")]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE credits_wallet SET (fillfactor = 50)", "ALTER TABLE credits_wallet RESET (fillfactor)"
        ),
        migrations.RunSQL(
            "ALTER TABLE credits_grant SET (fillfactor = 50)", "ALTER TABLE credits_grant RESET (fillfactor)"
        ),
    ]
