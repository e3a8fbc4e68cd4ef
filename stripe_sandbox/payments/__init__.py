"""Customers, payment methods, checkouts, payments, refunds and disputes, as at Stripe."""
