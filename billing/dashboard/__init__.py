"""The owners' dashboard: balance, forecast, credits about to expire.

It only reads; notices of expiring credits are declared here, but nothing is granted, sold or charged.
"""
