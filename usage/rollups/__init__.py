"""Rollups: an organization's days of usage, added up once they have ended, so that pages read sums and not events.

All state is in three tables. `UsageRollup` says through which day the sums reach and until when days are closed; a
`LateUse` says that a closed day has changed; `DailyUsage` has the sums, replaced by whole days. The sweep
(`roll_up_due`) finds in these rows what is to be done. It may be stopped anywhere, run again, and run twice at once.

    close    briefly under the wallet's lock: from now on an event before this midnight is recorded as a late use
    add up   read the late uses, then the events; replace the days' sums and delete the late uses that were read

Why no event is missed: a transaction that held the wallet before the day was closed has committed, so its events are
read; one that gets the wallet later sees that the day is closed and records a late use with its event. A late use that
comes while events are read is not deleted, so the day is added up again. No spend waits for a rollup, and a rollup
waits for one spend at most.

`closed_until` is stored, and not computed from the meter's clock and time zone, because the time zone can change and a
clock can step back between the read and the lock.

After a change of the time zone every day begins at another instant: all of an organization's sums are deleted and made
again, a week per transaction. Until then readers take those days from the events, as they take today.
"""

from usage.rollups.asking import ask_again, reopen_days
from usage.rollups.closing import CLOSES_AFTER, Busy
from usage.rollups.sweeping import Outcome, find_due, roll_up, roll_up_due, roll_up_each, through

__all__ = [
    "CLOSES_AFTER",
    "Busy",
    "Outcome",
    "ask_again",
    "find_due",
    "reopen_days",
    "roll_up",
    "roll_up_due",
    "roll_up_each",
    "through",
]
