"""The cache that web processes share is a table (CACHES in the settings); here is what keeps it small."""

from django.conf import settings
from django.db import connection


def forget_expired() -> int:
    """Delete the entries whose time ran out; return how many. Django itself does so only when its limit is reached."""
    table = connection.ops.quote_name(str(settings.CACHES["default"]["LOCATION"]))
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE expires < now()")
        return int(cursor.rowcount)
