"""A member's or an invitation's team is one of the same organization: the database refuses any other."""

from django.db import migrations

TABLES = ["membership", "invitation"]


class Migration(migrations.Migration):
    dependencies = [("organizations", "0001_people_and_organizations")]

    operations = [
        migrations.RunSQL(
            sql=f"""
                ALTER TABLE organizations_{table} ADD CONSTRAINT {table}_team_is_of_its_organization
                FOREIGN KEY (organization_id, team_id) REFERENCES organizations_team (organization_id, id)
            """,
            reverse_sql=f"ALTER TABLE organizations_{table} DROP CONSTRAINT {table}_team_is_of_its_organization",
        )
        for table in TABLES
    ]
