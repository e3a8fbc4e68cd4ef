"""What the owners' first page shows: balance, forecast, credits about to expire."""
