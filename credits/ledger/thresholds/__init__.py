"""Thresholds of balances: low, depleted, restored; each change is found and published once."""
