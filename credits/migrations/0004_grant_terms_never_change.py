"""The terms of a grant never change, only what is left of it: the database itself keeps them.

Amount, source, cost, validity and wallet are fixed at the grant's creation; a program's new terms leave old grants as
they are.
"""

from django.db import migrations

FUNCTION = """
    CREATE FUNCTION credits_keep_grant_terms() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF (NEW.id, NEW.wallet_id, NEW.source, NEW.amount, NEW.priority, NEW.effective_at, NEW.cost_minor,
            NEW.cost_currency, NEW.created_at) IS DISTINCT FROM
           (OLD.id, OLD.wallet_id, OLD.source, OLD.amount, OLD.priority, OLD.effective_at, OLD.cost_minor,
            OLD.cost_currency, OLD.created_at)
           OR NEW.expires_at IS DISTINCT FROM OLD.expires_at OR NEW.features IS DISTINCT FROM OLD.features THEN
            RAISE EXCEPTION 'the terms of a grant never change' USING ERRCODE = 'integrity_constraint_violation';
        END IF;
        RETURN NEW;
    END
    $$
"""
TRIGGER = """
    CREATE TRIGGER credits_grant_keeps_its_terms BEFORE UPDATE ON credits_grant
        FOR EACH ROW EXECUTE FUNCTION credits_keep_grant_terms()
"""


class Migration(migrations.Migration):
    dependencies = [
        ("credits", "0003_append_only"),
    ]

    operations = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION credits_keep_grant_terms()"),
        migrations.RunSQL(TRIGGER, "DROP TRIGGER credits_grant_keeps_its_terms ON credits_grant"),
    ]
