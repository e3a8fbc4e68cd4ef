"""Rollups: an organization's days of usage, added up once they have ended, so that pages read sums and not events.

Nothing is remembered outside three tables. `UsageRollup` says how far the sums reach and until when the events are
closed; a `LateUse` says that a closed day has changed; `DailyUsage` has the sums, replaced by whole days. The sweep
(`roll_up_due`) finds from these rows what is to be done, and may be stopped anywhere, run again and run twice at once.

    close    under the wallet's lock, for a moment: from now on whoever changes a day before this midnight leaves a mark
    add up   marks first, then the events, by one statement; the sums replaced and the marks that were seen deleted

Why no event is ever missing: whoever held the wallet before it was closed has committed, and is read; whoever gets it
later sees that it is closed, and leaves a mark in the transaction of its event. A mark that comes while the events are
being read stays, and the day is added up again. No spend waits for a rollup, and no rollup for more than one spend.

The day's end is not found by comparing the meter's clock and zone with the rollup's, although that would need no
`closed_until`: the organization's time zone can change, and a clock can step back, between the look and the lock.

A change of the time zone makes every day another day: all of an organization's sums are taken away and made again a
week at a time, as if they had never been; what is not added up yet readers find in the events, as they find today.
"""

from usage.rollups.asking import ask_again, mark_days
from usage.rollups.closing import CLOSES_AFTER, Busy
from usage.rollups.sweeping import Outcome, find_due, roll_up, roll_up_due, roll_up_each, through

__all__ = [
    "CLOSES_AFTER",
    "Busy",
    "Outcome",
    "ask_again",
    "find_due",
    "mark_days",
    "roll_up",
    "roll_up_due",
    "roll_up_each",
    "through",
]
