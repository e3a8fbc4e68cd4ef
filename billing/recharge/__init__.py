"""Auto-recharge: the owner's consent, the rule that decides, attempts and their sweep."""
