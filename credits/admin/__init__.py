"""The staff's pages about programs and the ledger. Importing this registers them with the staff's site."""

from credits.admin import grants, operations, programs, reservations, seals, wallets

__all__ = ["grants", "operations", "programs", "reservations", "seals", "wallets"]
