"""The cast of races for credits: a wallet whose rows are committed."""

from tests.support.credits.lock_controls import driver, program

__all__ = ["driver", "program"]
