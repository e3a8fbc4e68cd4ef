"""The organization as Stripe's customer, and its payment methods."""
