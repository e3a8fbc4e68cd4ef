"""Purchases: what is on sale, its price, the order, its settlement with Stripe, and its grant.

Money that goes back belongs in `billing.refunds`, charges without the customer in `billing.recharge`.
"""
