"""The staff's pages about money. Importing this module registers them."""

from billing.admin import auto_recharge, catalog, purchases, reversals, stripe_events, subscriptions

__all__ = ["auto_recharge", "catalog", "purchases", "reversals", "stripe_events", "subscriptions"]
