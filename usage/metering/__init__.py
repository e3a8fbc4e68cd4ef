"""Metering: uses and reservations become usage events and credits taken, or a refusal."""
