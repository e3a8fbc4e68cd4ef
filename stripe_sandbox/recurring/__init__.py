"""Products, subscriptions, invoices and the customer portal, as Stripe has them."""
