"""Stripe's events: kept once, worked off, and reconciled with what Stripe holds."""
