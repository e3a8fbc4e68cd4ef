"""The stage, and a product server that calls the API."""

from tests.usage.conftest import caller, served_stage

__all__ = ["caller", "served_stage"]
