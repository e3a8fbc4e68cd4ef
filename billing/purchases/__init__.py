"""Purchases: what is on sale, what it costs, the order, its settlement with Stripe, and the grant that it brings."""
