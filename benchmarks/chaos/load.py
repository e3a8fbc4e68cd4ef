"""Callers who don't give up: each spend is tried under its key until it is answered, and remembered when it is.

They speak to the real web server over HTTP and know nothing of the faults that are going on.
"""

import contextlib
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import httpx

# The server's own promise is two seconds; after this a caller hangs up and asks again.
CALLER_PATIENCE_SECONDS = 10
PAUSE_SECONDS = 0.05
WARM_UP_SECONDS = 60
WARM_SPENDS = 300
YESTERDAY = timedelta(days=1)


@dataclass
class Acknowledged:
    """What callers were told. event_ids: by key; waits: seconds and when they began, for every try."""

    event_ids: dict[str, str] = field(default_factory=dict)
    replayed: int = 0
    failed_tries: int = 0
    wrong: list[str] = field(default_factory=list)
    waits: list[tuple[float, float]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def begun(self, start: float, end: float) -> int:
        """How many tries were begun between the two instants."""
        return sum(start <= began < end for _, began in self.waits)

    def longest(self, start: float, end: float) -> float:
        """The longest that a caller waited who asked between the two instants, in seconds."""
        return max((seconds for seconds, began in self.waits if start <= began < end), default=0.0)


@dataclass
class Callers:
    """So many callers, each with one spend under way. forgets_keys: a retry gets a new key: the control."""

    port: int
    key: str
    organizations: list[str]
    use: dict[str, Any]
    seed: int
    number: int = 6
    forgets_keys: bool = False
    acknowledged: Acknowledged = field(default_factory=Acknowledged)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Begin."""
        self._threads = [threading.Thread(target=self._call, args=[index]) for index in range(self.number)]
        for thread in self._threads:
            thread.start()

    def wait_until_warm(self) -> None:
        """Wait for the server's first slow answers, so that no fault is blamed for them."""
        give_up = time.monotonic() + WARM_UP_SECONDS
        while len(self.acknowledged.event_ids) < WARM_SPENDS and time.monotonic() < give_up:
            time.sleep(0.1)

    def stop(self) -> None:
        """Let each finish the spend that it is at, and wait for them."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _call(self, index: int) -> None:
        chance = Random(f"{self.seed}:{index}")
        headers = {"Authorization": f"Bearer {self.key}"}
        address = f"http://127.0.0.1:{self.port}/api/v1/usage"
        count = 0
        with httpx.Client(headers=headers, timeout=CALLER_PATIENCE_SECONDS, trust_env=False) as client:
            while not self._over.is_set():
                count += 1
                use = {**self.use, "organization": chance.choice(self.organizations)}
                if count % 10 == 0:  # a late one: its day has been added up, perhaps, and is added up again
                    use["occurred_at"] = (datetime.now(UTC) - YESTERDAY).isoformat()
                self._spend(client, address, use, f"{self.seed}-{index}-{count}")

    def _spend(self, client: httpx.Client, address: str, use: dict[str, Any], key: str) -> None:
        tries = 0
        while True:
            tries += 1
            sent = f"{key}-{tries}" if self.forgets_keys else key
            began = time.monotonic()
            answer = None
            with contextlib.suppress(httpx.TransportError):
                answer = client.post(address, json=use, headers={"Idempotency-Key": sent})
            with self.acknowledged.lock:
                self.acknowledged.waits.append((time.monotonic() - began, began))
                if self._is_answered(answer, key):
                    return
                self.acknowledged.failed_tries += 1
            time.sleep(PAUSE_SECONDS)

    def _is_answered(self, answer: httpx.Response | None, key: str) -> bool:
        if answer is None or answer.status_code in {429, 503}:
            return False
        if answer.status_code != 201:
            self.acknowledged.wrong.append(f"{answer.status_code} {answer.text[:200]}")
            return answer.status_code < 500
        self.acknowledged.event_ids[key] = answer.json()["id"]
        self.acknowledged.replayed += "Idempotent-Replayed" in answer.headers
        return True
