"""Stripe's events: stored once, processed, and reconciled with Stripe's own lists.

No money and no credits move here: handlers and reconciliation call the settle functions of the other rooms.
"""
