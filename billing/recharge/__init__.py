"""Auto-recharge: the owner's consent, the rule that decides, attempts and their sweep.

Its orders are purchases like any other: they are settled and granted in `billing.purchases`.
"""
