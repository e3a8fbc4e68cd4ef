"""Facts of the ledger that the rooms above may want to hear of, sent after commit.

Nudges only: whoever needs certainty sweeps the rows.
"""

from django.dispatch import Signal

# Sent with `wallet_ids` once it is committed that what is available in these wallets fell below what is watched.
# Only the fall through the mark is told, so a busy wallet that stays below it costs nothing.
balance_changed = Signal()

# Sent with `organization_id` and `now`, in the transaction and under the wallet's lock, where a balance came to its end
# under a program that switches AI off at zero. An error of a receiver undoes the book.
depleted = Signal()
