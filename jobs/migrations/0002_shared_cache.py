"""The table of the cache that all web processes share.

It is as `createcachetable` would make it, so that an installation needs no command but `migrate`.
"""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("jobs", "0001_job_runs"),
    ]

    operations = [
        migrations.RunSQL(
            [
                """
                CREATE TABLE drawdown_cache (
                    cache_key varchar(255) NOT NULL PRIMARY KEY,
                    value text NOT NULL,
                    expires timestamp with time zone NOT NULL
                )
                """,
                "CREATE INDEX drawdown_cache_expires ON drawdown_cache (expires)",
            ],
            "DROP TABLE drawdown_cache",
        )
    ]
