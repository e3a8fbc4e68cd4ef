"""The page on which the bank asks for confirmation (3-D Secure), and the page of a delayed payment's voucher."""

from stripe_sandbox.front import html
from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.html import tag
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.pages.base import Page, Visit, go_to, origin, view
from stripe_sandbox.pages.checkout import next_page
from stripe_sandbox.payments import payment_intents, setup_intents
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.money import shown


@view("/3ds/{intent}")
def three_d_secure(visit: Visit) -> Page:
    """Asks for confirmation; the posted `answer` is `confirm` or `refuse`."""
    intent = _intent(visit)
    if intent["status"] != "requires_action":
        return Page(html.page("Your bank", tag("p", "There is nothing to confirm."), *_onwards(visit.account, intent)))
    if visit.form is None:
        return _question(visit.account, intent)
    passed = visit.form.get("answer") == "confirm"
    noun = setup_intents if intent["object"] == "setup_intent" else payment_intents
    problem = None
    try:
        noun.authenticate(visit.account, intent, passed=passed)
    except ApiError as refused:
        problem = str(refused)
    if not passed:
        problem = "Your bank could not confirm that it is you. Try again, or use another card."
    return _after(visit.account, intent, problem)


def _intent(visit: Visit) -> Thing:
    kind = "setup_intent" if visit.place.startswith("seti_") else "payment_intent"
    return visit.account.get(kind, visit.place)


def _session(account: Account, intent: Thing) -> Thing | None:
    made_for = account.find(account.hidden(intent)["made_for"])
    return made_for if made_for and made_for["object"] == "checkout.session" else None


def _onwards(account: Account, intent: Thing) -> tuple[object, ...]:
    return_url = account.hidden(intent).get("return_url")
    return (tag("p", html.link("Back", return_url)),) if return_url else ()


def _question(account: Account, intent: Thing) -> Page:
    amount = shown(intent["amount"], intent["currency"]) if "amount" in intent else None
    session = _session(account, intent)
    addresses = (account.hidden(intent).get("return_url"), session["cancel_url"] if session else None)
    body = html.page(
        "Your bank asks",
        tag("p", f"Is it you who pays {amount}?" if amount else "Is it you who saves this card?"),
        html.form(
            f"/3ds/{intent['id']}",
            html.button("Yes, confirm", name="answer", value="confirm"),
            " ",
            html.button("No, refuse", name="answer", value="refuse", plain=True),
        ),
    )
    return Page(body, leads_to=tuple(found for each in addresses if (found := origin(each))))


def _after(account: Account, intent: Thing, problem: str | None) -> Page:
    session = _session(account, intent)
    if session is not None:
        if problem:
            account.hidden(session)["problem"] = problem
        return next_page(account, session)
    return_url = account.hidden(intent).get("return_url")
    if return_url:
        mark = "&" if "?" in return_url else "?"
        return go_to(f"{return_url}{mark}{intent['object']}={intent['id']}")
    sentence = problem or "Confirmed. You can close this page."
    return Page(html.page("Your bank", tag("p", sentence)))


@view("/vouchers/{intent}")
def voucher(visit: Visit) -> Page:
    """A delayed payment: shows it, and lets it be paid, fail or expire."""
    intent = visit.account.get("payment_intent", visit.place)
    if visit.form is not None and payment_intents.is_waiting_for_money(intent):
        what = visit.form.get("what")
        if what == "pay":
            payment_intents.money_came(visit.account, intent)
        elif what == "fail":
            payment_intents.money_failed(visit.account, intent)
        else:
            payment_intents.expire_voucher(visit.account, intent)
    waiting = payment_intents.is_waiting_for_money(intent)
    buttons = html.form(
        f"/vouchers/{intent['id']}",
        html.button("Pay", name="what", value="pay"),
        " ",
        html.button("Let it fail", name="what", value="fail", plain=True),
        " ",
        html.button("Let it expire", name="what", value="expire", plain=True),
    )
    words = {"succeeded": "This is paid.", "requires_payment_method": "This was not paid."}
    sentence = "This payment waits for its money." if waiting else words.get(intent["status"], "Nothing to pay here.")
    amount = shown(intent["amount"], intent["currency"])
    return Page(html.page(f"Delayed payment of {amount}", tag("p", sentence), buttons if waiting else None))
