"""What was recorded stays recorded: audit events refuse UPDATE, DELETE and TRUNCATE."""

from django.db import migrations

FORWARDS = """
    CREATE FUNCTION organizations_auditevent_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'audit events are append-only: % refused', TG_OP
            USING ERRCODE = 'integrity_constraint_violation';
    END
    $$;
    CREATE TRIGGER audit_event_rows_are_append_only BEFORE UPDATE OR DELETE ON organizations_auditevent
        FOR EACH ROW EXECUTE FUNCTION organizations_auditevent_refuse_change();
    CREATE TRIGGER audit_event_table_is_append_only BEFORE TRUNCATE ON organizations_auditevent
        FOR EACH STATEMENT EXECUTE FUNCTION organizations_auditevent_refuse_change();
"""
BACKWARDS = """
    DROP TRIGGER audit_event_table_is_append_only ON organizations_auditevent;
    DROP TRIGGER audit_event_rows_are_append_only ON organizations_auditevent;
    DROP FUNCTION organizations_auditevent_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("organizations", "0002_team_stays_in_its_organization")]

    operations = [migrations.RunSQL(sql=FORWARDS, reverse_sql=BACKWARDS)]
