"""Signals for the apps above, sent after the commit. A receiver that must not miss one reads the rows as well."""

from django.dispatch import Signal

# Sent with `organization` after its creation is committed.
organization_created = Signal()
