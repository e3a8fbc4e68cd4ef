"""Money that goes back: refunds, owners' requests for them, disputes, and what they take from the grant."""
