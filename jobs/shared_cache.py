"""Cleans the cache that all processes share, which is a table (CACHES in the settings)."""

from django.conf import settings
from django.db import connection


def forget_expired() -> int:
    """Delete expired entries; return how many. Django does so only when the table reaches its limit."""
    table = connection.ops.quote_name(str(settings.CACHES["default"]["LOCATION"]))
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM {table} WHERE expires < now()")
        return int(cursor.rowcount)
