"""What staff see of webhooks. Each change asks for a reason and goes through the same verbs as the owners' pages."""

from webhooks.admin import deliveries, endpoints

__all__ = ["deliveries", "endpoints"]
