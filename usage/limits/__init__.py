"""Monthly limits for an organization, a team, a user, each for all features or for one; judged under the wallet's lock.

The rule of precedence, the only one: **every limit that covers a use must allow it. The one with the least left decides
and is named; of those with the same left the narrower: one feature before all; then user, team, organization.** A raise
that is in force counts instead of the limit, and ends by the clock. What counts is judged by when it was written, in
months of the organization's time zone, refunds taken off, open reservations added.

`state` decides (pure), `rows` reads and writes what is counted, `events` declares and `publishing` publishes what is
reached, `setting` is the owners' verbs, `queries` is for pages.
"""

from usage.limits.publishing import publish_thresholds
from usage.limits.rows import read, write
from usage.limits.setting import LimitRefused, clear_limit, end_raise, set_limit, set_raise
from usage.limits.state import Limits, LimitState, Moment

__all__ = [
    "LimitRefused",
    "LimitState",
    "Limits",
    "Moment",
    "clear_limit",
    "end_raise",
    "publish_thresholds",
    "read",
    "set_limit",
    "set_raise",
    "write",
]
