"""Entries and operations are append-only, wallets and grants can't be deleted: the database itself refuses.

TRUNCATE needs a statement trigger of its own: row triggers don't fire for it.
"""

from django.db import migrations

FUNCTION = """
CREATE FUNCTION credits_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the ledger is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""


def triggers(table: str, events: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"""
        CREATE TRIGGER {table}_refuses_change BEFORE {events} ON {table}
            FOR EACH ROW EXECUTE FUNCTION credits_refuse_change();
        CREATE TRIGGER {table}_refuses_truncate BEFORE TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION credits_refuse_change();
        """,
        f"DROP TRIGGER {table}_refuses_truncate ON {table}; DROP TRIGGER {table}_refuses_change ON {table}",
    )


class Migration(migrations.Migration):
    dependencies = [("credits", "0001_ledger")]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION credits_refuse_change()"),
        triggers("credits_entry", "UPDATE OR DELETE"),
        triggers("credits_operation", "UPDATE OR DELETE"),
        triggers("credits_grant", "DELETE"),
        triggers("credits_wallet", "DELETE"),
        triggers("credits_reservation", "DELETE"),
        triggers("credits_reservationdraw", "UPDATE OR DELETE"),
    ]
