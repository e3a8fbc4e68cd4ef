"""A small hand-written model of the ledger, and the machine that compares the two."""
