"""What the meter hears from the ledger, in the ledger's own transaction and under the wallet's lock."""

from datetime import datetime
from typing import Any

from usage.metering import rows


def on_depleted(*, organization_id: int, now: datetime, **_: Any) -> None:
    """Switch AI off in all of an organization's services: its balance came to its end, whatever brought it there."""
    rows.switch_off([organization_id], now)
