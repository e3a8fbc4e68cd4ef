"""Sellers, purchases, plans, refunds and the payments sandbox, for tests."""
