"""Singles and batches over HTTP, each beside its yardstick, in rounds: what was noisy for one was noisy for both."""

from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Any

import psutil
from django.db import connection

from benchmarks.spends import bare
from benchmarks.spends.load import Order, Result
from benchmarks.spends.stage import USE, Stage, send

BATCH_CONNECTIONS = 4


@dataclass(frozen=True)
class Plan:
    """How much is measured. seconds: of each single measurement, in whole seconds (pgbench's own grain)."""

    wallets: int = 1000
    connections: tuple[int, ...] = (1, 16, 32, 64)
    rounds: int = 3
    seconds: int = 2
    batches: int = 20
    batch_size: int = 1000
    imported: int = 20_000
    wal_spends: int = 2000


@dataclass
class Singles:
    """What was measured of single spends with so many connections; one value per round."""

    where: str
    connections: int
    bare: list[float] = field(default_factory=list)
    nothing: list[float] = field(default_factory=list)
    spends: list[float] = field(default_factory=list)
    p50: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)
    per_transaction: list[float] = field(default_factory=list)
    cpu: list[dict[str, float]] = field(default_factory=list)

    def middle(self) -> dict[str, Any]:
        """Return the median of the rounds of each figure, and the ratios of those medians."""
        figures = {
            name: round(median(getattr(self, name)), 3)
            for name in ("bare", "nothing", "spends", "p50", "p99", "per_transaction")
        }
        return {
            "where": self.where,
            "connections": self.connections,
            **figures,
            "to_bare": round(figures["spends"] / figures["bare"], 3),
            "to_nothing": round(figures["spends"] / figures["nothing"], 3),
            "cpu": {who: round(median(turn[who] for turn in self.cpu)) for who in self.cpu[0]},
        }


@dataclass
class Batches:
    """Spends per second, a thousand per request, and the same by SQL alone; one value per round."""

    where: str
    spends: list[float] = field(default_factory=list)
    by_sql: list[float] = field(default_factory=list)

    def middle(self) -> dict[str, Any]:
        """Return the medians and their ratio."""
        spends, by_sql = median(self.spends), median(self.by_sql)
        ratio = round(spends / by_sql, 3)
        return {"where": self.where, "spends": round(spends), "by_sql": round(by_sql), "to_sql": ratio}


class Runner:
    """Runs the cases against the server at `port`, whose process is `server`."""

    def __init__(self, plan: Plan, stage: Stage, *, port: int, server: int, seed: int) -> None:
        self.plan = plan
        self.stage = stage
        self.port = port
        self.server = server
        self._seed = seed

    def warm_up(self) -> None:
        """Let both workers open their connections and have every statement planned."""
        for where in ("hot", "spread"):
            self._order("spend", 16, where=where, seconds=1)

    def singles(self, case: Singles) -> None:
        """Add a round: pgbench, the view that does nothing, spends, one right after the other."""
        plan, clients = self.plan, case.connections
        case.bare.append(
            bare.transactions(
                self.stage.url,
                clients=clients,
                seconds=plan.seconds,
                where=case.where,
                wallets=plan.wallets,
                seed=self._next_seed(),
            )
        )
        case.nothing.append(self._order("nothing", clients, seconds=plan.seconds).rate)
        before, transactions_before = self._cpu(), self._transactions()
        result = self._order("spend", clients, where=case.where, seconds=plan.seconds)
        after, transactions = self._cpu(), self._transactions()
        case.spends.append(result.rate)
        case.p50.append(result.p50)
        case.p99.append(result.p99)
        case.per_transaction.append(result.requests / max(1, transactions - transactions_before))
        # Microseconds of a core for each spend.
        used = {who: after[who] - before[who] for who in after} | {"load": result.cpu_seconds}
        case.cpu.append({who: seconds / result.requests * 1e6 for who, seconds in used.items()})

    def batches(self, case: Batches) -> None:
        """Add a round: requests of a thousand spends each, then the same by SQL alone."""
        plan = self.plan
        result = self._order("batch", BATCH_CONNECTIONS, where=case.where, requests=plan.batches)
        case.spends.append(result.rate * plan.batch_size)
        case.by_sql.append(
            bare.spends_by_sql(
                self.stage.url,
                batches=plan.batches,
                size=plan.batch_size,
                clients=BATCH_CONNECTIONS,
                where=case.where,
                seed=self._next_seed(),
            )
        )

    def _order(self, kind: str, connections: int, *, where: str = "hot", seconds: int = 0, requests: int = 0) -> Result:
        return send(
            Order(
                port=self.port,
                connections=connections,
                seed=self._next_seed(),
                kind=kind,
                key=self.stage.key,
                organizations=self.stage.organizations(where),
                use=USE,
                seconds=seconds,
                requests=requests,
                batch_size=self.plan.batch_size,
            )
        )

    def _next_seed(self) -> int:
        # Never the same twice in a run: a spend with a key that was used would be a replay.
        self._seed += 1
        return self._seed

    def _transactions(self) -> int:
        """How many transactions wrote the events so far."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(DISTINCT xmin::text) FROM usage_usageevent")
            return int(cursor.fetchone()[0])

    def _cpu(self) -> dict[str, float]:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            backends = [pid for (pid,) in cursor.fetchall()]
        workers = [child.pid for child in psutil.Process(self.server).children(recursive=True)]
        return {"web": _seconds(workers), "postgresql": _seconds(backends)}


def _seconds(pids: list[int]) -> float:
    total = 0.0
    for pid in pids:
        try:
            times = psutil.Process(pid).cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def in_rounds(rounds: int, turns: list[Callable[[], None]]) -> None:
    """Take all turns, then all again, so many times."""
    for _ in range(rounds):
        for turn in turns:
            turn()
