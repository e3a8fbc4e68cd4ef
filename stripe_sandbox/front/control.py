"""The control API: actions on the sandbox for which Stripe's API has no call, for tests and people.

`POST /sandbox/control` takes JSON `{"action": …}`; `GET` returns clock, switches and webhooks to be delivered.
"""

import json
from collections.abc import Callable
from typing import Any

from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.front.switches import replies_of
from stripe_sandbox.payments import disputes, payment_intents, refunds
from stripe_sandbox.recurring import invoices, subscriptions
from stripe_sandbox.state import deliveries
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.due import run_due
from stripe_sandbox.state.events import emit

PATH = "/sandbox/control"
ACTIONS: dict[str, Callable[[Account, Thing], Any]] = {}


def action(function: Callable[[Account, Thing], Any]) -> Callable[[Account, Thing], Any]:
    """Register the function under its name."""
    ACTIONS[function.__name__] = function
    return function


def answer(account: Account, send: deliveries.Sender, body: str) -> tuple[int, Thing]:
    """Do the body's action; returns the state of the sandbox, or an error."""
    try:
        asked = json.loads(body) if body else {"action": "look"}
        name = asked.pop("action")
        if name == "settle":
            _settle(account, send)
            return 200, {"result": None, **_state(account)}
        if name not in ACTIONS and name != "look":
            return 400, {"error": f"No action {name!r}. There are: {', '.join(sorted([*ACTIONS, 'settle']))}."}
        with account.lock:
            run_due(account)
            result = ACTIONS[name](account, asked) if name in ACTIONS else None
            run_due(account)
            account.commit()
            return 200, {"result": result, **_state(account)}
    except ApiError as refused:
        return 400, {"error": str(refused)}
    except (ValueError, KeyError, TypeError) as wrong:
        return 400, {"error": f"{type(wrong).__name__}: {wrong}"}


def _settle(account: Account, send: deliveries.Sender) -> None:
    """Run due tasks and send due webhooks."""
    with account.lock:
        run_due(account)
        account.commit()
    deliveries.deliver_due(account, send)


def _state(account: Account) -> Thing:
    with account.lock:
        waiting = [
            {name: each[name] for name in ("event", "url", "attempts", "status", "answer")}
            for each in account.notes["deliveries"]
        ]
        return {
            "now": account.now(),
            "deliveries": deliveries.switches_of(account),
            "replies": replies_of(account),
            "waiting": waiting,
        }


@action
def advance(account: Account, asked: Thing) -> None:
    """Move the clock forward by `seconds`; everything due until then happens, in order."""
    seconds = int(asked["seconds"])
    if seconds < 0:
        raise ApiError("The clock only goes forward.")
    account.notes["clock_offset"] += seconds


@action
def switch(account: Account, asked: Thing) -> None:
    """Set switches: `deliveries` and `replies` are merged into what is set."""
    deliveries.switches_of(account).update(asked.get("deliveries", {}))
    replies_of(account).update(asked.get("replies", {}))


@action
def switches_off(account: Account, asked: Thing) -> None:
    """Turn all switches off."""
    del asked
    deliveries.switches_of(account).clear()
    replies_of(account).clear()


@action
def endpoint(account: Account, asked: Thing) -> None:
    """Send webhooks to `url`, signed with `secret`; without a url to nobody."""
    account.notes["endpoint"] = {"url": asked["url"], "secret": asked["secret"]} if asked.get("url") else None


@action
def redeliver(account: Account, asked: Thing) -> int:
    """Send an `event` once more."""
    return deliveries.enqueue(account, account.get("event", asked["event"]))


@action
def pay_delayed(account: Account, asked: Thing) -> Thing:
    return payment_intents.money_came(account, account.get("payment_intent", asked["payment_intent"]))


@action
def fail_delayed(account: Account, asked: Thing) -> Thing:
    return payment_intents.money_failed(account, account.get("payment_intent", asked["payment_intent"]))


@action
def expire_delayed(account: Account, asked: Thing) -> Thing:
    intent = account.get("payment_intent", asked["payment_intent"])
    payment_intents.expire_voucher(account, intent)
    return intent


@action
def expire_card(account: Account, asked: Thing) -> Thing:
    """Make a saved card expire in January 2020."""
    method = account.get("payment_method", asked["payment_method"])
    method["card"] |= {"exp_month": 1, "exp_year": 2020}
    return method


@action
def update_card(account: Account, asked: Thing) -> Thing:
    """Extend a saved card by five years, as when the issuer sends a new one."""
    method = account.get("payment_method", asked["payment_method"])
    previous = {"card": {"exp_year": method["card"]["exp_year"]}}
    method["card"]["exp_year"] += 5
    emit(account, "payment_method.automatically_updated", method, previous=previous)
    return method


@action
def open_dispute(account: Account, asked: Thing) -> Thing:
    """Dispute a `charge` for a `reason` (default fraudulent); `inquiry` moves no money."""
    charge = account.get("charge", asked["charge"])
    reason = asked.get("reason", "fraudulent")
    return disputes.open_dispute(account, charge, reason=reason, inquiry=bool(asked.get("inquiry")))


@action
def win_dispute(account: Account, asked: Thing) -> Thing:
    dispute = account.get("dispute", asked["dispute"])
    disputes.win(account, dispute)
    return dispute


@action
def lose_dispute(account: Account, asked: Thing) -> Thing:
    dispute = account.get("dispute", asked["dispute"])
    disputes.lose(account, dispute)
    return dispute


@action
def fail_refund(account: Account, asked: Thing) -> Thing:
    refund = account.get("refund", asked["refund"])
    refunds.fail(account, refund)
    return refund


@action
def complete_refund(account: Account, asked: Thing) -> Thing:
    refund = account.get("refund", asked["refund"])
    refunds.complete(account, refund)
    return refund


@action
def renew(account: Account, asked: Thing) -> Thing:
    """Move the clock to an hour after the end of a `subscription`'s period, when its invoice is paid."""
    subscription = account.get("subscription", asked["subscription"])
    until = subscription["items"]["data"][0]["current_period_end"] + invoices.FINALIZES_AFTER_SECONDS
    if subscription["status"] not in subscriptions.ALIVE:
        raise ApiError(f"Subscription {subscription['id']} is {subscription['status']}.")
    account.notes["clock_offset"] += max(0, until - account.now())
    return subscription
