"""The staff's pages about money. Importing this registers them with the staff's site."""

from billing.admin import reversals, stripe_events, subscriptions

__all__ = ["reversals", "stripe_events", "subscriptions"]
