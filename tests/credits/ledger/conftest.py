"""The cast of races for credits: a wallet whose rows are committed."""

from tests.support.lock_controls import desk, program

__all__ = ["desk", "program"]
