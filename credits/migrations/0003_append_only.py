"""The ledger is append-only: the database itself refuses to change or delete what was written.

Entries, operations and draws refuse UPDATE too; wallets, grants and reservations carry running sums and states.
"""

from django.db import migrations

from sql.triggers import refusal, refuse_changes

FUNCTION = "credits_refuse_change"


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0002_reservations"),
    ]

    operations = [
        refusal(FUNCTION, "'% on % is refused: the ledger is append-only', TG_OP, TG_TABLE_NAME"),
        refuse_changes("credits_entry", "UPDATE OR DELETE", function=FUNCTION),
        refuse_changes("credits_operation", "UPDATE OR DELETE", function=FUNCTION),
        refuse_changes("credits_reservationdraw", "UPDATE OR DELETE", function=FUNCTION),
        refuse_changes("credits_grant", "DELETE", function=FUNCTION),
        refuse_changes("credits_wallet", "DELETE", function=FUNCTION),
        refuse_changes("credits_reservation", "DELETE", function=FUNCTION),
    ]
