"""Spends per second over HTTP, beside pgbench."""
