"""The staff's pages about people and organizations. Importing this module registers them."""

from organizations.admin import api_keys, audit_events, organizations, users

__all__ = ["api_keys", "audit_events", "organizations", "users"]
