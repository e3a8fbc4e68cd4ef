"""The staff's pages about money. Importing this registers them with the staff's site."""

from billing.admin import stripe_events

__all__ = ["stripe_events"]
