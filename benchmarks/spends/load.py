"""The load: a process of its own that keeps so many connections busy and checks every answer.

    python -m benchmarks.spends.load < order.json > result.json

Nothing of Django is imported, and answers are read by hand: it shares two cores with what it measures. Each connection
sends its next request when the answer to its last one is there.
"""

import asyncio
import json
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from random import Random

import msgspec

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length: "


@dataclass(frozen=True)
class Order:
    """What to do. `kind`: nothing, spend, or batch (1,000 uses, `requests` of them). `key`: the API key."""

    port: int
    connections: int
    seed: int
    kind: str
    key: str = ""
    organizations: list[str] = field(default_factory=list)
    use: dict[str, object] = field(default_factory=dict)
    seconds: float = 0
    requests: int = 0
    batch_size: int = 1000


@dataclass(frozen=True)
class Result:
    """What came of it. Latencies in milliseconds; `cpu_seconds` is what the load itself took."""

    requests: int
    seconds: float
    p50: float
    p99: float
    cpu_seconds: float
    wrong: dict[str, int]

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


class Connection(asyncio.Protocol):
    """One keep-alive connection that always has one request under way."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.received = b""
        self.due = 0
        self.sent_at = 0.0
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        request = self.load.next_request()
        if request is None:
            self.transport.close()
            return
        self.received, self.due = b"", 0
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.received += data
        if not self.due:
            end = self.received.find(HEAD_END)
            if end < 0:
                return
            head = self.received[:end].lower() + b"\r\n"
            start = head.index(LENGTH) + len(LENGTH)
            self.due = end + len(HEAD_END) + int(head[start : head.index(b"\r", start)])
        if len(self.received) >= self.due:
            self.load.answered(self.received, time.perf_counter() - self.sent_at)
            self.send()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.load.lost(was_waiting=not self.transport.is_closing())


class Load:
    """All connections together: what they send next, and what was answered."""

    def __init__(self, order: Order) -> None:
        self.order = order
        self.latencies: list[float] = []
        self.wrong: Counter[str] = Counter()
        self.requests: Iterator[bytes] = iter(prepare(order))
        self.is_right = CHECKS[order.kind](order)
        self.open = order.connections
        self.over = asyncio.Event()
        self.stop_at = float("inf")

    def next_request(self) -> bytes | None:
        if time.perf_counter() > self.stop_at:
            return None
        return next(self.requests, None)

    def answered(self, answer: bytes, seconds: float) -> None:
        self.latencies.append(seconds)
        if not self.is_right(answer):
            self.wrong[answer[9:12].decode(errors="replace")] += 1

    def lost(self, *, was_waiting: bool) -> None:
        if was_waiting:
            self.wrong["lost"] += 1
        self.open -= 1
        if not self.open:
            self.over.set()

    async def run(self) -> Result:
        loop = asyncio.get_running_loop()
        began, cpu_before = time.perf_counter(), _cpu()
        if self.order.seconds:
            self.stop_at = began + self.order.seconds
        for _ in range(self.order.connections):
            await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.order.port)
        await self.over.wait()
        seconds, cpu = time.perf_counter() - began, _cpu() - cpu_before
        ranked = sorted(self.latencies) or [0.0]
        return Result(
            requests=len(self.latencies),
            seconds=seconds,
            p50=ranked[len(ranked) // 2] * 1000,
            p99=ranked[len(ranked) * 99 // 100] * 1000,
            cpu_seconds=cpu,
            wrong=dict(self.wrong),
        )


def prepare(order: Order) -> Iterator[bytes]:
    """Return the requests, made before the clock starts as far as they can be. Idempotency keys are random."""
    chance = Random(order.seed)
    if order.kind == "nothing":
        return _forever(b"GET /api/v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
    if order.kind == "batch":
        return iter([_batch(order, chance) for _ in range(order.requests)])
    return _spends(order, chance)


def _forever(request: bytes) -> Iterator[bytes]:
    while True:
        yield request


def _spends(order: Order, chance: Random) -> Iterator[bytes]:
    bodies = [msgspec.json.encode({"organization": slug, **order.use}) for slug in order.organizations]
    tails = [f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
    head = _head("/api/v1/usage", order.key) + b"\r\nIdempotency-Key: "
    while True:
        yield head + f"{chance.getrandbits(128):032x}".encode() + chance.choice(tails)


def _batch(order: Order, chance: Random) -> bytes:
    uses = [
        {
            "organization": chance.choice(order.organizations),
            "idempotency_key": f"{chance.getrandbits(128):032x}",
            **order.use,
        }
        for _ in range(order.batch_size)
    ]
    body = msgspec.json.encode({"uses": uses})
    return _head("/api/v1/usage/batch", order.key) + f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def _head(path: str, key: str) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json"
    ).encode()


CHECKS: dict[str, Callable[[Order], Callable[[bytes], bool]]] = {
    "nothing": lambda _order: lambda answer: answer.startswith(b"HTTP/1.1 200 "),
    "spend": lambda _order: lambda answer: answer.startswith(b"HTTP/1.1 201 "),
    "batch": lambda order: (
        lambda answer: answer.startswith(b"HTTP/1.1 200 ") and answer.count(b'"status":201') == order.batch_size
    ),
}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def main() -> None:
    load = Load(msgspec.json.decode(sys.stdin.buffer.read(), type=Order))
    print(json.dumps(asdict(await load.run())))


if __name__ == "__main__":
    asyncio.run(main())
