"""The ledger's rows: programs, wallets, grants, operations with their entries, reservations, audit seals.

Amounts are integers in the program's smallest unit. Only `credits.ledger` writes wallets, grants, operations, entries
and reservations; entries, operations and seals refuse UPDATE, DELETE and TRUNCATE in the database itself.
"""

from credits.models.base import MAX_BALANCE, MAX_CREDITS, new_id
from credits.models.entries import Entry, EntryKind, Operation
from credits.models.grants import Grant, Source
from credits.models.programs import AtZero, Program, Unit, default_limit_thresholds
from credits.models.reservations import Reservation, ReservationDraw, ReservationState
from credits.models.seals import AuditSeal, SealedSegment
from credits.models.wallets import Wallet

__all__ = [
    "MAX_BALANCE",
    "MAX_CREDITS",
    "AtZero",
    "AuditSeal",
    "Entry",
    "EntryKind",
    "Grant",
    "Operation",
    "Program",
    "Reservation",
    "ReservationDraw",
    "ReservationState",
    "SealedSegment",
    "Source",
    "Unit",
    "Wallet",
    "default_limit_thresholds",
    "new_id",
]
