"""The staff's pages about programs and the ledger. Importing this module registers them."""

from credits.admin import grants, operations, programs, reservations, seals, wallets

__all__ = ["grants", "operations", "programs", "reservations", "seals", "wallets"]
