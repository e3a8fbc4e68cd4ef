"""Measuring: `python -m benchmarks` for spends beside pgbench, `python -m benchmarks.ledger_size` for the auditor.

See README.md here. Nothing of the product imports this; whatever is measured is the product as it ships.
"""
