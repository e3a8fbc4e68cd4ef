"""The table of the cache that all web processes share: as `createcachetable` would make it, so that nobody has to."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_jobs")]

    operations = [
        migrations.RunSQL(
            sql=[
                """
                CREATE TABLE drawdown_cache (
                    cache_key varchar(255) NOT NULL PRIMARY KEY,
                    value text NOT NULL,
                    expires timestamp with time zone NOT NULL
                )
                """,
                "CREATE INDEX drawdown_cache_expires ON drawdown_cache (expires)",
            ],
            reverse_sql="DROP TABLE drawdown_cache",
        )
    ]
