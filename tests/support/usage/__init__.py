"""Organizations that spend, and their API callers, for tests."""
