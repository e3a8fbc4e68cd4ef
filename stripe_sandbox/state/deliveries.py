"""Webhook deliveries: at least once, in no promised order, each attempt signed again, retried for three days.

Faults are switched on through the control API: deliveries held, late, duplicated, shuffled, lost, signed with a wrong
secret or an old time. The signature's time is the machine's own, even if the sandbox's clock was moved, because the
receiver verifies it by its own clock.
"""

import hashlib
import hmac
import json
import random
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.state.account import Account

Sender = Callable[[str, bytes, dict[str, str]], int]

# Seconds after each failed attempt, in the sandbox's time; the last one repeats until three days are over.
WAITS = (2, 30, 300, 3_600, 21_600)
GIVE_UP_SECONDS = 3 * 86_400
ANSWER_WITHIN_SECONDS = 10
OLD_SECONDS = 3_600


def enqueue(account: Account, event: Thing) -> int:
    """Enqueue an event for every endpoint that subscribes to its type; returns how many."""
    switches = switches_of(account)
    endpoints = [each for each in endpoints_of(account) if wants(each["enabled_events"], event["type"])]
    for endpoint in endpoints:
        if _counts_down(switches, "drop"):
            continue
        copies = 2 if _counts_down(switches, "duplicate") else 1
        for _ in range(copies):
            account.notes["sequence"] += 1
            account.notes["deliveries"].append(
                {
                    "number": account.notes["sequence"],
                    "event": event["id"],
                    "url": endpoint["url"],
                    "secret": endpoint["secret"],
                    "at": account.now() + int(switches.get("delay", 0)),
                    "first": account.now(),
                    "attempts": 0,
                    "status": "waiting",
                    "answer": None,
                }
            )
    return len(endpoints)


def endpoints_of(account: Account) -> list[Thing]:
    """Where events go: the endpoint named at the start, and those made through the API, each with its secret."""
    fixed = account.notes.get("endpoint")
    made = [
        {"url": each["url"], "enabled_events": each["enabled_events"], "secret": account.hidden(each)["secret"]}
        for each in account.all("webhook_endpoint", status="enabled")
    ]
    return ([{**fixed, "enabled_events": ["*"]}] if fixed else []) + made


def wants(enabled: list[str], kind: str) -> bool:
    """Whether an endpoint with these enabled events gets this type."""
    return "*" in enabled or kind in enabled


def switches_of(account: Account) -> Thing:
    """The switches for deliveries: hold, shuffle, delay (seconds), and counts for drop, duplicate, mis_sign, old."""
    switches: Thing = account.notes.setdefault("switches", {})
    return switches


def _counts_down(switches: Thing, name: str) -> bool:
    """Whether a counted switch applies now; if so, its count goes down by one."""
    left = int(switches.get(name, 0))
    if left > 0:
        switches[name] = left - 1
    return left > 0


def signature(payload: bytes, secret: str, at: int) -> str:
    """The Stripe-Signature header."""
    digest = hmac.new(secret.encode(), f"{at}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={at},v1={digest}"


def body(account: Account, event: Thing) -> bytes:
    """A webhook's body, as it is signed and sent."""
    del account
    return json.dumps(event, indent=2, ensure_ascii=False).encode()


def deliver_due(account: Account, send: Sender) -> int:
    """Send everything that is due; returns the number of attempts. The lock is not held while sending."""
    done = 0
    while (claimed := _claim(account)) is not None:
        delivery, payload, headers = claimed
        answer = send(delivery["url"], payload, headers)
        with account.lock:
            _note(account, delivery, answer)
            account.commit()
        done += 1
    return done


def _claim(account: Account) -> tuple[Thing, bytes, dict[str, str]] | None:
    with account.lock:
        switches = switches_of(account)
        if switches.get("hold"):
            return None
        due = [
            each for each in account.notes["deliveries"] if each["status"] == "waiting" and each["at"] <= account.now()
        ]
        if not due:
            return None
        delivery: Thing = random.choice(due) if switches.get("shuffle") else due[0]  # noqa: S311 - order, not a secret
        delivery["status"] = "sending"
        event = account.get("event", delivery["event"])
        payload = body(account, event)
        at = int(time.time()) - (OLD_SECONDS if _counts_down(switches, "old") else 0)
        secret = "whsec_wrong" if _counts_down(switches, "mis_sign") else delivery["secret"]
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "Stripe/1.0 (payments sandbox)",
            "Stripe-Signature": signature(payload, secret, at),
        }
        return delivery, payload, headers


def _note(account: Account, delivery: Thing, answer: int) -> None:
    delivery["attempts"] += 1
    delivery["answer"] = answer
    if 200 <= answer < 300:
        delivery["status"] = "delivered"
        event = account.find(delivery["event"])
        if event:
            event["pending_webhooks"] = max(0, event["pending_webhooks"] - 1)
        account.notes["deliveries"].remove(delivery)
        return
    wait = WAITS[min(delivery["attempts"], len(WAITS)) - 1]
    delivery["at"] = account.now() + wait
    delivery["status"] = "waiting" if delivery["at"] - delivery["first"] <= GIVE_UP_SECONDS else "given up"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args: Any, **_kwargs: Any) -> None:
        """A redirect is a failure, as at Stripe."""
        return


_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect())


def post(url: str, payload: bytes, headers: dict[str, str]) -> int:
    """Post a webhook; the status answered, or 0 where nobody answered in time."""
    request = urllib.request.Request(url, data=payload, headers=headers, method="POST")  # noqa: S310 - checked at the door
    try:
        with _opener.open(request, timeout=ANSWER_WITHIN_SECONDS) as response:
            return int(response.status)
    except urllib.error.HTTPError as refused:
        refused.close()
        return refused.code
    except (OSError, ValueError):
        return 0
