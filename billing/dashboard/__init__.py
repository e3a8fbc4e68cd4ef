"""The owners' dashboard: balance, forecast, credits about to expire."""
