"""An index by wallet alone finds nothing that those beginning with the wallet don't, and every spend paid for it.

The indexes are dropped by name: Django would also make the foreign keys anew, and read the whole tables for it.
"""

import django.db.models.deletion
from django.db import migrations, models


def drop_index(model: str, related_name: str, index: str) -> migrations.SeparateDatabaseAndState:
    field = models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to="credits.wallet",
    )
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(f"DROP INDEX {index}", f"CREATE INDEX {index} ON credits_{model} (wallet_id)")
        ],
        state_operations=[migrations.AlterField(model, "wallet", field)],
    )


class Migration(migrations.Migration):
    dependencies = [("credits", "0008_audit_seals")]

    operations = [
        drop_index("grant", "grants", "credits_grant_wallet_id_0a47fb9b"),
        drop_index("operation", "operations", "credits_operation_wallet_id_6e620293"),
        drop_index("reservation", "reservations", "credits_reservation_wallet_id_c1e59213"),
    ]
