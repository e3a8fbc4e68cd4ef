"""Customers, payment methods, checkouts, payments, refunds and disputes, as Stripe has them."""
