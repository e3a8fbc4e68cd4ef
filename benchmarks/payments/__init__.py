"""Orders of payment events, by the thousand."""
