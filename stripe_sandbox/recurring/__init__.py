"""Products, subscriptions, invoices and the customer portal, as at Stripe."""
