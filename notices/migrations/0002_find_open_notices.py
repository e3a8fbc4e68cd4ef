"""The owners' open notices are found without reading those that were put away: a spend that tells something waits."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notices", "0001_notices")]

    operations = [
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(
                condition=models.Q(("put_away_at", None), ("user", None)),
                fields=["organization", "-created_at"],
                name="notice_open",
            ),
        ),
    ]
