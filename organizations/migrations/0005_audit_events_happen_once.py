"""What is recorded once names its occasion: a second event of the same action and key is refused."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("organizations", "0004_audit_events")]

    operations = [
        migrations.AddField(
            "auditevent", "key", models.CharField(blank=True, db_default="", default="", editable=False, max_length=300)
        ),
        migrations.AddConstraint(
            "auditevent",
            models.UniqueConstraint(
                fields=["organization", "action", "key"],
                condition=~models.Q(key=""),
                nulls_distinct=False,
                name="audit_event_is_recorded_once",
            ),
        ),
    ]
