"""Background jobs of the meter: each calls one function and returns what it did; two runs do no harm."""

from usage import rollups


def roll_up() -> dict[str, int]:
    """Add up the days of usage that have ended, or have changed since."""
    return rollups.roll_up_due()
