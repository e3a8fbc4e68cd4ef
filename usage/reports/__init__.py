"""Usage reports: how many credits were used, by whom, for what, where and when. For pages and files.

Days that `usage.rollups` has added up are read from its daily sums, later days (usually only today) from the events;
the result is the same as from the events alone. Reads only; amounts in smallest units. What a use cost, less refunds,
counts on the day of the use.
"""

from usage.reports.comparing import compared
from usage.reports.lines import DIMENSIONS, NO_FILTERS, Dimension, Filters, Line, UsageReport
from usage.reports.queries import report
from usage.reports.spans import Span, first_use_at, used_in

__all__ = [
    "DIMENSIONS",
    "NO_FILTERS",
    "Dimension",
    "Filters",
    "Line",
    "Span",
    "UsageReport",
    "compared",
    "first_use_at",
    "report",
    "used_in",
]
