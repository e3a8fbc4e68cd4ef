"""The staff's pages about webhooks. Every change goes through the same verbs as the owners' pages."""

from webhooks.admin import deliveries, endpoints

__all__ = ["deliveries", "endpoints"]
