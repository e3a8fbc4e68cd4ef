"""The sandbox's state: one Stripe account with its objects, its clock and its tasks for later.

Objects are plain dicts as the API returns them. Private data (a card's number, a session's parameters) is in `hidden`.
Everything is written to one SQLite file after each call, so a killed process loses nothing that was answered.
"""

import json
import secrets
import sqlite3
import string
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stripe_sandbox.front.errors import no_such
from stripe_sandbox.front.shapes import Thing

LETTERS = string.ascii_letters + string.digits
# The prefix of an identifier names the noun; nouns as in Stripe's messages.
PREFIXES = {
    "balance_transaction": "txn_",
    "billing_portal.configuration": "bpc_",
    "billing_portal.session": "bps_",
    "charge": "ch_",
    "checkout.session": "cs_test_",
    "coupon": "",
    "customer": "cus_",
    "dispute": "dp_",
    "event": "evt_",
    "invoice": "in_",
    "invoice_payment": "inpay_",
    "invoiceitem": "ii_",
    "item": "li_",
    "line_item": "il_",
    "payment_intent": "pi_",
    "payment_method": "pm_",
    "plan": "plan_",
    "price": "price_",
    "product": "prod_",
    "promotion_code": "promo_",
    "radar.early_fraud_warning": "issfr_",
    "refund": "re_",
    "setup_intent": "seti_",
    "subscription": "sub_",
    "subscription_item": "si_",
    "subscription_schedule": "sub_sched_",
    "tax_id": "txi_",
    "test_helpers.test_clock": "clock_",
    "webhook_endpoint": "we_",
}


class Account:
    """All objects of the sandbox. Whoever reads or writes holds `lock`."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the file's state; None keeps the state in memory only."""
        self.lock = threading.RLock()
        self.base_url = ""
        self._database = sqlite3.connect(path or ":memory:", check_same_thread=False, isolation_level=None)
        self._things: dict[str, Thing] = {}
        self._hidden: dict[str, Thing] = {}
        self._of_kind: dict[str, list[str]] = {}
        self._changed: set[str] = set()
        self.notes: dict[str, Any] = {"clock_offset": 0, "due": [], "deliveries": [], "sequence": 0}
        self._open()

    def _open(self) -> None:
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = NORMAL")  # outlives a killed process, which is what is asked
        self._database.execute("CREATE TABLE IF NOT EXISTS things (id TEXT PRIMARY KEY, place INTEGER, body TEXT)")
        self._database.execute("CREATE TABLE IF NOT EXISTS notes (name TEXT PRIMARY KEY, body TEXT)")
        self._database.execute("CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, body TEXT)")
        for identifier, body in self._database.execute("SELECT id, body FROM things ORDER BY place"):
            thing, hidden = json.loads(body)
            self._things[identifier], self._hidden[identifier] = thing, hidden
            self._of_kind.setdefault(thing["object"], []).append(identifier)
        for name, body in self._database.execute("SELECT name, body FROM notes"):
            self.notes[name] = json.loads(body)
        for delivery in self.notes["deliveries"]:  # deliveries in progress when the process ended are sent again
            delivery["status"] = "waiting" if delivery["status"] == "sending" else delivery["status"]

    def commit(self) -> None:
        """Write what has changed since the last commit."""
        with self.lock:
            rows = []
            for identifier in self._changed:
                if identifier in self._things:
                    body = json.dumps([self._things[identifier], self._hidden.get(identifier, {})])
                    rows.append((identifier, self._hidden[identifier]["place"], body))
            gone = [(identifier,) for identifier in self._changed if identifier not in self._things]
            notes = [(name, json.dumps(body)) for name, body in self.notes.items()]
            self._database.execute("BEGIN")
            self._database.executemany("INSERT OR REPLACE INTO things VALUES (?, ?, ?)", rows)
            self._database.executemany("DELETE FROM things WHERE id = ?", gone)
            self._database.executemany("INSERT OR REPLACE INTO notes VALUES (?, ?)", notes)
            self._database.execute("COMMIT")
            self._changed.clear()

    def close(self) -> None:
        """Write and close the file."""
        with self.lock:
            self.commit()
            self._database.close()

    # The clock

    def now(self) -> int:
        """The sandbox's time in Unix seconds: the machine's, plus what it was moved forward."""
        return int(time.time()) + int(self.notes["clock_offset"])

    def later(self, seconds: int, task: str, identifier: str) -> None:
        """Schedule a task (a name registered in `due`) for an object, in so many seconds."""
        self.notes["due"].append([self.now() + seconds, task, identifier])

    # Answers that were given under an idempotency key

    def answer_of(self, key: str) -> tuple[str, int, Thing] | None:
        """The digest of the request, the status and the answer kept under an idempotency key."""
        row = self._database.execute("SELECT body FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None:
            return None
        asked, status, answer = json.loads(row[0])
        return asked, status, answer

    def keep_answer(self, key: str, asked: str, status: int, answer: Thing) -> None:
        """Keep an answer under its idempotency key."""
        self._database.execute("INSERT INTO answers VALUES (?, ?)", (key, json.dumps([asked, status, answer])))

    # Objects

    def new_id(self, kind: str, length: int = 24) -> str:
        """A new identifier with the noun's prefix."""
        return PREFIXES[kind] + "".join(secrets.choice(LETTERS) for _ in range(length))

    def add(self, thing: Thing, **hidden: Any) -> Thing:
        """Add a new object; it gets an identifier if it has none."""
        if not thing.get("id"):
            thing["id"] = self.new_id(thing["object"])
        self.notes["sequence"] += 1
        self._things[thing["id"]] = thing
        self._hidden[thing["id"]] = {"place": self.notes["sequence"], **hidden}
        self._of_kind.setdefault(thing["object"], []).append(thing["id"])
        self._changed.add(thing["id"])
        return thing

    def hidden(self, thing: Thing) -> Thing:
        """An object's private data, which is never shown. Changing it counts as changing the object."""
        self._changed.add(thing["id"])
        return self._hidden[thing["id"]]

    def find(self, identifier: object) -> Thing | None:
        """The object, whatever its kind, or None. The caller may change it."""
        if not isinstance(identifier, str) or identifier not in self._things:
            return None
        self._changed.add(identifier)
        return self._things[identifier]

    def get(self, kind: str, identifier: object, *, param: str | None = None) -> Thing:
        """The object of this kind. Raises ApiError: 404 for one named in the path, 400 for one in a parameter."""
        thing = self.find(identifier)
        if thing is None or thing["object"] != kind:
            raise no_such(kind.rpartition(".")[2], identifier, param=param)
        return thing

    def all(self, kind: str, **fields: Any) -> Iterator[Thing]:
        """Every object of a kind whose fields have these values, oldest first. To change one, take it by `get`."""
        for identifier in list(self._of_kind.get(kind, ())):
            thing = self._things[identifier]
            if all(thing.get(name) == value for name, value in fields.items()):
                yield thing

    def newest_first(self, kind: str, **fields: Any) -> list[Thing]:
        """The same, newest first, as Stripe lists them."""
        return list(self.all(kind, **fields))[::-1]

    def remove(self, thing: Thing) -> None:
        """Forget an object."""
        del self._things[thing["id"]]
        self._of_kind[thing["object"]].remove(thing["id"])
        self._changed.add(thing["id"])
