"""The staff's pages about usage. Importing this module registers them."""

from usage.admin import events, features, limits, rollups, services

__all__ = ["events", "features", "limits", "rollups", "services"]
