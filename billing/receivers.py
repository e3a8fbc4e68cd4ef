"""What billing hears from the rooms below, after commit: a hurry for its jobs, whose sweeps would find the same."""

from collections.abc import Sequence
from typing import Any

from billing import tasks
from jobs.nudges import nudge


def on_balance_changed(*, wallet_ids: Sequence[int], **_: Any) -> None:
    """Have wallets recharged that fell below their thresholds. The ledger tells only of those that are watched, so a
    spend of anyone else never comes here."""
    for wallet_id in wallet_ids:
        nudge(tasks.recharge_wallet, wallet_id)
