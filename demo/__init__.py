"""The demo: five organizations, one on each program that ships, with 90 days of life made by the domain's own verbs.

`cast` says who they are and what they do, `life` lives it with the time passed in. The same on every run but for
random identifiers and keys. Nothing else may import this.
"""
