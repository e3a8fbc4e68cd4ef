"""The demo: five organizations, one per shipped program, with 90 days of history written by the domain's functions.

`cast` says who they are and what they do; `life` writes their history with the time passed in. Every run writes the
same, except for random identifiers and keys. Nothing else may import this.
"""
