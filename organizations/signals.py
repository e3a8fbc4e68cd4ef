"""Facts that the rooms above may want to hear of, sent after commit.

Nudges only: whoever needs certainty sweeps the rows.
"""

from django.dispatch import Signal

# Sent with `organization` after its creation is committed.
organization_created = Signal()
