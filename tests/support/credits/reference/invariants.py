"""A small checker of one wallet, computed from the raw rows in plain Python: sums, numbers, balances, states.

It shares nothing with the auditor, so that the two can catch each other's mistakes.
"""

from collections import Counter
from itertools import pairwise
from typing import Any

from credits.models import Entry, Grant, Operation, Reservation, ReservationDraw, Wallet


def written(wallet_id: int) -> list[Any]:
    """Return all that is written of a wallet, to see that nothing was."""
    models = (Wallet, Grant, Operation, Entry, Reservation)
    own = [model.objects.filter(**{"pk" if model is Wallet else "wallet": wallet_id}) for model in models]
    return [sorted(map(repr, rows.values_list())) for rows in own]


def check_wallet(wallet_id: int) -> None:
    """Fail with a sentence where the wallet's rows contradict each other."""
    wallet = Wallet.objects.get(pk=wallet_id)
    entries = list(Entry.objects.filter(wallet_id=wallet_id).order_by("number"))
    _check_entries(wallet, entries)
    _check_grants(wallet, entries)
    _check_operations(wallet, entries)


def _check_entries(wallet: Wallet, entries: list[Entry]) -> None:
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1)), "numbers have gaps"
    assert wallet.last_number == len(entries), "the wallet's last number is not its last entry's"
    balance = 0
    for entry in entries:
        balance += entry.amount
        assert entry.balance_after == balance, f"entry {entry.number} says {entry.balance_after}, sum is {balance}"
    assert wallet.balance == balance, "the wallet's balance is not the sum of its entries"
    debt = -sum(entry.amount for entry in entries if entry.grant_id is None)
    assert wallet.debt == debt >= 0, "the wallet's debt is not the sum of its entries without a grant"
    assert all(a.written_at <= b.written_at for a, b in pairwise(entries)), "time runs backwards"


def _check_grants(wallet: Wallet, entries: list[Entry]) -> None:
    held = Counter[object]()
    open_draws = ReservationDraw.objects.filter(reservation__wallet=wallet, reservation__state="open")
    for grant_id, credits in open_draws.values_list("grant_id", "credits"):
        held[grant_id] += credits
    moved = Counter[object]()
    for entry in entries:
        moved[entry.grant_id] += entry.amount
    grants = list(Grant.objects.filter(wallet=wallet))
    for grant in grants:
        assert grant.remaining == moved[grant.pk], "what is left of a grant is not the sum of its entries"
        assert grant.reserved == held[grant.pk], "what is reserved of a grant is not what open reservations drew"
        assert 0 <= grant.reserved <= grant.remaining <= grant.amount
        assert grant.is_open == (grant.remaining > 0)
    assert wallet.balance == sum(grant.remaining for grant in grants) - wallet.debt
    assert wallet.reserved == sum(grant.reserved for grant in grants)
    open_ones = Reservation.objects.filter(wallet=wallet, state="open")
    assert wallet.reserved == sum(open_ones.values_list("credits", flat=True))


def _check_operations(wallet: Wallet, entries: list[Entry]) -> None:
    settled_by = set(Reservation.objects.filter(wallet=wallet, state="settled").values_list("operation_id", flat=True))
    validity = {g.pk: (g.effective_at, g.expires_at) for g in Grant.objects.filter(wallet=wallet)}
    by_operation: dict[object, list[Entry]] = {}
    for entry in entries:
        by_operation.setdefault(entry.operation_id, []).append(entry)
    operations = list(Operation.objects.filter(wallet=wallet))
    assert set(by_operation) <= {operation.pk for operation in operations}, "an entry has no operation"
    returned = Counter[object]()
    taken = Counter[object]()
    for operation in operations:
        lines = by_operation.get(operation.pk, [])
        assert [line.number for line in lines] == list(range(operation.first_number, operation.number + 1))
        assert operation.credits == sum(line.amount for line in lines)
        assert not lines or operation.balance_after == lines[-1].balance_after
        if operation.kind == "return":
            returned[operation.subject] += operation.credits
        if operation.kind in {"usage", "void"}:
            taken[operation.pk] -= operation.credits
            if operation.kind == "usage" and operation.pk not in settled_by:
                for line in lines:
                    assert line.grant_id, "only a settlement goes into debt"
                    begins, ends = validity[line.grant_id]
                    assert begins <= line.written_at, "spent before it began"
                    assert ends is None or line.written_at < ends, "spent after it expired"
    assert all(0 < credits <= taken[usage] for usage, credits in returned.items()), "more returned than was taken"
