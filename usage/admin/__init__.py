"""The staff's pages about the meter. Importing this registers them with the staff's site.

What has happened is for looking at; limits and switches go through the verbs that owners' pages use.
"""

from usage.admin import events, features, limits, rollups, services

__all__ = ["events", "features", "limits", "rollups", "services"]
