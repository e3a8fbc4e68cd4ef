"""Reversals: refunds, owners' requests for them, disputes, and the credits that they take from the grant.

It never sells or charges: it takes credits back, or returns them when a reversal fails.
"""
