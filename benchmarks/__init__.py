"""Measuring: `python -m benchmarks` for spends beside pgbench; each folder here is a measurement of its own.

See docs/benchmarks.md. Nothing of the product imports this; whatever is measured is the product as it ships.
"""
