"""The audit of billing: invariants of purchases and plans, and the nightly audit of everything.

It only reads what others wrote; nothing is corrected here.
"""
