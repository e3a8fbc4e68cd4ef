"""How much was read: what the auditor's summary counts."""

from django.db import connection

from credits.audit.proof import NARROWED, Scope

COUNTED = ["wallets", "grants", "operations", "entries", "reservations"]


def count(scope: Scope) -> dict[str, int]:
    """Return how many rows of each kind are in scope."""
    columns = ", ".join(f"(SELECT count(*) FROM {table})" for table in COUNTED)
    with connection.cursor() as cursor:
        cursor.execute(f"{NARROWED} SELECT {columns}", scope.parameters)
        return dict(zip(COUNTED, cursor.fetchone(), strict=True))
