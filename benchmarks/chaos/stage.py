"""What chaos breaks in upon: organizations whose balances fall and are filled up again, an endpoint that listens, an
organization that recharges itself, and a steward who keeps credits flowing.
"""

import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
from django.db import connection, transaction
from django.utils import timezone

from benchmarks.spends import stage
from credits import ledger
from credits.models import Source, Wallet
from organizations.models import User
from tests.support.billing.payments import Payments
from tests.support.billing.recharges import LOT, Recharging, set_up
from webhooks.endpoints import create_endpoint

# A balance is low below this; what fills it up brings it well above.
LOW_BELOW = stage.PLENTY - 60 * stage.COST
TOP_UP = 200 * stage.COST
STEWARD_SECONDS = 1.0
RECHARGE_BELOW = 500_000


class Listener:
    """An endpoint for webhooks. heard: how often each message came, by its id."""

    def __init__(self) -> None:
        self.heard: Counter[str] = Counter()
        heard = self.heard

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                heard[self.headers["webhook-id"]] += 1
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


def listen_for_webhooks(listener: Listener) -> None:
    """Have the events of all organizations told to the listener."""
    staff = User.objects.create_user("stella@bench.example", is_staff=True)
    create_endpoint(organization=None, url=listener.url, allows_private=True, actor=staff, reason="chaos")


def watch_balances() -> None:
    """Let every balance be low soon."""
    for wallet_id in Wallet.objects.values_list("pk", flat=True):
        with ledger.open_book(keys=[(wallet_id, "")]) as book:
            ledger.set_low_balance(book, wallet_id=wallet_id, below=LOW_BELOW)


def open_recharging(payments: Payments) -> Recharging:
    """An organization of Enrich that buys by itself."""
    return set_up(payments)


class Steward:
    """Fills up what is low, and uses up what was recharged, until told to stop; past the proxies."""

    def __init__(self, *, port: int, key: str, recharging: Recharging) -> None:
        self.port, self.key, self.recharging = port, key, recharging
        self.backend: int | None = None
        self.used = 0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._keep_on)

    def start(self) -> None:
        """Begin; the number of its backend is known when this returns."""
        self._thread.start()
        while self.backend is None and self._thread.is_alive():
            time.sleep(0.01)

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _keep_on(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self.backend = int(cursor.fetchone()[0])
        try:
            while not self._over.wait(STEWARD_SECONDS):
                self._fill_up()
                self._use_up()
        finally:
            connection.close()

    def _fill_up(self) -> None:
        low = Wallet.objects.filter(low_since__isnull=False).exclude(pk=self.recharging.wallet_id)
        for wallet_id in low.values_list("pk", flat=True):
            key = f"top-up-{timezone.now().isoformat()}"
            with transaction.atomic(), ledger.open_book(keys=[(wallet_id, key)]) as book:
                ledger.grant(
                    book,
                    wallet_id=wallet_id,
                    credits=TOP_UP,
                    source=Source.GOODWILL,
                    key=key,
                    content_hash=ledger.hash_content(key=key),
                    cause=ledger.Cause(actor_label="chaos"),
                )

    def _use_up(self) -> None:
        """One use that takes the recharging organization below its threshold, if it is above."""
        wallet = Wallet.objects.get(pk=self.recharging.wallet_id)
        if wallet.balance < RECHARGE_BELOW or self.used > 5 * LOT:
            return
        quantity = wallet.balance - RECHARGE_BELOW + 1
        use = {"organization": self.recharging.shop.organization.slug, "feature": "enrichment", "quantity": quantity}
        headers = {"Authorization": f"Bearer {self.key}", "Idempotency-Key": f"use-up-{wallet.last_number}"}
        try:
            answer = httpx.post(
                f"http://127.0.0.1:{self.port}/api/v1/usage", json=use, headers=headers, timeout=10, trust_env=False
            )
        except httpx.TransportError:
            return
        if answer.status_code == 201:
            self.used += quantity


def notices_expected() -> int:
    """How often a balance fell below its threshold, by the entries alone: of every wallet, in their order."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT e.wallet_id, w.low_below, e.amount, e.balance_after
            FROM credits_entry e JOIN credits_wallet w ON w.id = e.wallet_id
            WHERE w.low_below IS NOT NULL ORDER BY e.wallet_id, e.number
            """
        )
        entries = cursor.fetchall()
    fallen, is_low = 0, dict.fromkeys([wallet_id for wallet_id, *_ in entries], False)
    for wallet_id, low_below, amount, balance in entries:
        if amount > 0 and balance >= low_below:
            is_low[wallet_id] = False
        elif amount < 0 and balance < low_below and not is_low[wallet_id]:
            is_low[wallet_id] = True
            fallen += 1
    return fallen
