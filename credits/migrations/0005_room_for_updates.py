"""Leave room in the pages of rows that every spend updates, so that updates stay heap-only.

A heap-only update touches no index and needs no vacuum: without the room each spend would write every index of the
wallet and its grants again.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0004_grant_terms_never_change"),
    ]

    operations = [
        migrations.RunSQL(f"ALTER TABLE {table} SET (fillfactor = 50)", f"ALTER TABLE {table} RESET (fillfactor)")
        for table in ("credits_wallet", "credits_grant")
    ]
