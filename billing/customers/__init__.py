"""The organization as Stripe's customer, and its payment methods.

What is charged to a payment method is decided by its callers: nothing here buys or subscribes.
"""
