"""Faults of the API's replies that can be switched on: delayed, dropped and refused replies."""

import threading
import time
from dataclasses import dataclass

from stripe_sandbox.front.api import Request, Response, answer
from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.state.account import Account

SENTENCES = {
    429: "Request rate limit exceeded. You can learn more about rate limits here https://stripe.com/docs/rate-limits.",
    500: "An unknown error occurred",
}


def replies_of(account: Account) -> Thing:
    """The switches for replies: delay (seconds), drop and drop_before (counts), refuse (status, count, path)."""
    switches: Thing = account.notes.setdefault("replies", {})
    return switches


@dataclass(frozen=True)
class Dropped:
    """The connection is to be closed without an answer."""


class Front:
    """The API behind its switches, and the idempotency keys of calls in progress."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._in_flight: set[str] = set()
        self._lock = threading.Lock()

    def answer(self, request: Request) -> Response | Dropped:
        """Answer a call, or fail as the switches say."""
        key = request.headers.get("idempotency-key") if request.verb == "POST" else None
        if key and not self._enter(key):
            error = ApiError(
                f"There is currently another in-progress request using this Idempotent Key: {key}. This probably "
                "means you submitted twice, and the other request is still going through.",
                status=409,
                kind="idempotency_error",
                code="idempotency_key_in_use",
            )
            return Response(error.status, error.body())
        try:
            return self._switched(request)
        finally:
            if key:
                with self._lock:
                    self._in_flight.discard(key)

    def _enter(self, key: str) -> bool:
        with self._lock:
            free = key not in self._in_flight
            self._in_flight.add(key)
            return free

    def _switched(self, request: Request) -> Response | Dropped:
        with self.account.lock:
            switches = replies_of(self.account)
            refused = self._refused(request, switches)
            dropped_before = self._counts_down(switches, "drop_before", request)
            delay = float(switches.get("delay", 0))
        if refused is not None:
            return refused
        if dropped_before:
            return Dropped()
        if delay:
            time.sleep(delay)
        response = answer(self.account, request)
        with self.account.lock:
            dropped = self._counts_down(switches, "drop", request)
        return Dropped() if dropped else response

    @staticmethod
    def _counts_down(switches: Thing, name: str, request: Request) -> bool:
        """Whether a counted switch applies. Reads are exempt: nothing is lost with their answers."""
        left = int(switches.get(name, 0))
        applies = left > 0 and request.verb == "POST"
        if applies:
            switches[name] = left - 1
        return applies

    @staticmethod
    def _refused(request: Request, switches: Thing) -> Response | None:
        refuse = switches.get("refuse")
        if not refuse or refuse["count"] < 1 or not request.path.startswith(refuse.get("path", "/")):
            return None
        refuse["count"] -= 1
        status = int(refuse["status"])
        kind = "invalid_request_error" if status == 429 else "api_error"
        code = "rate_limit" if status == 429 else None
        body = ApiError(SENTENCES.get(status, SENTENCES[500]), status=status, kind=kind, code=code).body()
        return Response(status, body)
