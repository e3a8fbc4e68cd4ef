"""What pages and the API read of a wallet's history: operations page by page, their sums, and the entries of one.

Reads only. Amounts are integers in smallest units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db.models import Q, Sum

from credits.models import Entry, EntryKind, Operation, Wallet


@dataclass(frozen=True, slots=True)
class OperationFilters:
    """Which operations to show; what is left empty doesn't filter. `since` <= happened < `until`."""

    kinds: Sequence[str] = ()
    sources: Sequence[str] = ()
    features: Sequence[str] = ()
    user_id: int | None = None
    since: datetime | None = None
    until: datetime | None = None

    def as_condition(self) -> Q:
        """Return the filters as a condition on operations."""
        condition = Q()
        for name, wanted in (("kind__in", self.kinds), ("source__in", self.sources), ("feature__in", self.features)):
            if wanted:
                condition &= Q(**{name: list(wanted)})
        if self.sources:
            # Redundant, so that the index of operations other than usage can be used.
            condition &= Q(kind=EntryKind.GRANT)
        exact = {"actor_id": self.user_id, "occurred_at__gte": self.since, "occurred_at__lt": self.until}
        return condition & Q(**{name: value for name, value in exact.items() if value is not None})


class Edge(NamedTuple):
    """Where a page of operations begins or ends: the operation at its edge."""

    number: int
    operation_id: UUID


@dataclass(frozen=True, slots=True)
class OperationsPage:
    """Some operations, newest first. `next`: what to pass as `before` for the page of older ones; `previous`: what to
    pass as `after` for the page of newer ones; None where there are none."""

    operations: list[Operation] = field(default_factory=list)
    next: Edge | None = None
    previous: Edge | None = None


NO_FILTERS = OperationFilters()


def operations_page(
    wallet: Wallet,
    *,
    before: Edge | None = None,
    after: Edge | None = None,
    limit: int = 50,
    filters: OperationFilters = NO_FILTERS,
) -> OperationsPage:
    """Return up to `limit` operations of a wallet, newest first, with their actors.

    before: show the operations older than this edge; after: those newer than it. Pages stay the same while new
    operations are written, and the last one costs no more than the first.
    """
    operations = Operation.objects.filter(filters.as_condition(), wallet=wallet).select_related("actor")
    if after is not None:
        found = list(operations.filter(_beyond(after, "gt")).order_by("number", "id")[: limit + 1])
        page = found[:limit][::-1]
        return OperationsPage(page, _edge(page, -1) or after, _edge(page, 0) if len(found) > limit else None)
    if before is not None:
        operations = operations.filter(_beyond(before, "lt"))
    found = list(operations.order_by("-number", "-id")[: limit + 1])
    page = found[:limit]
    return OperationsPage(page, _edge(page, -1) if len(found) > limit else None, _edge(page, 0) if before else None)


def each_operation(
    wallet: Wallet, *, filters: OperationFilters = NO_FILTERS, at_a_time: int = 2_000
) -> Iterator[Operation]:
    """Yield every operation that the filters let through, newest first, in constant memory.

    Fetched page by page: operations written since the first page don't appear, and no transaction stays open.
    """
    page = operations_page(wallet, limit=at_a_time, filters=filters)
    while True:
        yield from page.operations
        if page.next is None:
            return
        page = operations_page(wallet, before=page.next, limit=at_a_time, filters=filters)


@dataclass(frozen=True, slots=True)
class OperationsSum:
    """What operations added to the balance and took from it (`went_out` is 0 or negative), in smallest units."""

    came_in: int
    went_out: int

    @property
    def change(self) -> int:
        return self.came_in + self.went_out


def operations_sum(wallet: Wallet, filters: OperationFilters) -> OperationsSum:
    """Add up all operations that the filters let through."""
    sums = Operation.objects.filter(filters.as_condition(), wallet=wallet).aggregate(
        came_in=Sum("credits", filter=Q(credits__gt=0)), went_out=Sum("credits", filter=Q(credits__lt=0))
    )
    return OperationsSum(came_in=int(sums["came_in"] or 0), went_out=int(sums["went_out"] or 0))


def entries_of(operation: Operation) -> list[Entry]:
    """Return the entries of an operation with their grants, in the order in which they were written."""
    lines = Entry.objects.filter(
        wallet_id=operation.wallet_id, number__gte=operation.first_number, number__lte=operation.number
    )
    return list(lines.select_related("grant").order_by("number"))


def _beyond(edge: Edge, direction: str) -> Q:
    # Operations that moved nothing share the number of the one before them, hence the id; the redundant bound on the
    # number alone is what the index can start from.
    return Q(**{f"number__{direction}e": edge.number}) & (
        Q(**{f"number__{direction}": edge.number}) | Q(**{f"id__{direction}": edge.operation_id})
    )


def _edge(page: Sequence[Operation], position: int) -> Edge | None:
    return Edge(page[position].number, page[position].pk) if page else None
