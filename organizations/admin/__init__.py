"""The staff's pages about people and organizations. Importing this registers them with the staff's site."""

from organizations.admin import api_keys, audit_events, organizations, users

__all__ = ["api_keys", "audit_events", "organizations", "users"]
