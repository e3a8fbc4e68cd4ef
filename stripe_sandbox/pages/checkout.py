"""The hosted checkout page: a new card, a saved one, Link or a delayed method; after a decline one tries again."""

from stripe_sandbox.front import html
from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.html import Html, tag
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.pages.base import Page, Visit, go_to, origin, view
from stripe_sandbox.payments import methods
from stripe_sandbox.payments.checkout_pay import Payer, pay, return_address
from stripe_sandbox.state.account import Account
from stripe_sandbox.state.money import shown

BUTTONS = {"payment": "Pay", "setup": "Save", "subscription": "Subscribe"}
TITLES = {"payment": "Pay", "setup": "Save a payment method", "subscription": "Subscribe"}
NUMBERS = (
    ("4242 4242 4242 4242", "is paid"),
    ("4000 0000 0000 9995", "is declined: insufficient funds"),
    ("4000 0000 0000 0341", "can be saved; later charges are declined"),
    ("4000 0025 0000 3155", "asks you to confirm with the bank, until it is saved"),
    ("4000 0027 6000 3184", "asks you to confirm with the bank, always"),
    ("4000 0000 0000 0259", "is paid, then disputed"),
)


@view("/c/pay/{session}")
def checkout(visit: Visit) -> Page:
    """Shows the form, or pays with what was posted."""
    session = visit.account.get("checkout.session", visit.place)
    if session["status"] != "open":
        return _closed(session)
    if visit.form is None:
        problem = visit.account.hidden(session).pop("problem", None)
        return _form(visit.account, session, problem, {})
    try:
        payer = _payer(visit.account, session, visit.form)
        pay(visit.account, session, payer)
    except ApiError as refused:
        return _form(visit.account, session, str(refused), visit.form)
    return next_page(visit.account, session)


def next_page(account: Account, session: Thing) -> Page:
    """Where a session goes on: to its end, to the bank's question, or back to the form."""
    if session["status"] == "complete":
        return go_to(return_address(session))
    intent = account.find(session["payment_intent"] or session["setup_intent"] or account.hidden(session).get("intent"))
    action = (intent or {}).get("next_action") or {}
    if action.get("type") == "redirect_to_url":
        return go_to(action["redirect_to_url"]["url"])
    return go_to(f"{account.base_url}/c/pay/{session['id']}")


def _closed(session: Thing) -> Page:
    if session["status"] == "complete":
        sentence, onwards = "This was paid already.", return_address(session)
    else:
        sentence, onwards = "This page has expired. Nothing was paid.", session["cancel_url"]
    return Page(html.page("Checkout", tag("p", sentence), tag("p", html.link("Back", onwards)) if onwards else None))


def _payer(account: Account, session: Thing, form: dict[str, str]) -> Payer:
    how = form.get("method", "card")
    email = form.get("email", "").strip() or None
    name = form.get("name", "").strip() or None
    if how in {each["id"] for each in saved(account, session)}:
        return Payer(account.get("payment_method", how), email, name)
    if how == "link" and _offers_link(session):
        if not email:
            raise ApiError("Link needs your email.", param="email")
        return Payer(methods.make_link(account, email), email, name, save="save" in form)
    if how in {"konbini", "us_bank_account"} and session["mode"] == "payment":
        return Payer(methods.make_delayed(account, how, {"email": email, "name": name}), email, name)
    if how != "card":
        raise ApiError("Choose how to pay.", param="method")
    card = typed_card(account, form, billing={"email": email, "name": name})
    return Payer(card, email, name, save="save" in form)


def typed_card(account: Account, form: dict[str, str], *, billing: Thing | None = None) -> Thing:
    """The card typed into a form. Raises ApiError with a message for what is wrong with it."""
    month, _, year = form.get("expiry", "").replace(" ", "").partition("/")
    if not (month.isdecimal() and year.isdecimal()):
        raise ApiError("Your card's expiration date is incomplete. Write it as MM / YY.", param="expiry")
    cvc = form.get("cvc", "").strip()
    if not cvc:
        raise ApiError("Your card's security code is incomplete.", param="cvc")
    number = form.get("number", "")
    return methods.make_card(account, number, month=int(month), year=int(year), cvc=cvc, billing=billing)


def saved(account: Account, session: Thing) -> list[Thing]:
    """The customer's saved methods that this session may show."""
    if not session["customer"]:
        return []
    options = session["saved_payment_method_options"] or {}
    shown_ones = options.get("allow_redisplay_filters") or ["always"]
    found = account.newest_first("payment_method", customer=session["customer"])
    return [each for each in found if each["allow_redisplay"] in shown_ones and not methods.is_expired(account, each)]


def name_of(method: Thing) -> str:
    """A saved method's name for people."""
    if card := method.get("card"):
        expiry = f"{card['exp_month']:02}/{card['exp_year'] % 100:02}"
        return f"{card['brand'].title()} ending in {card['last4']}, expires {expiry}"
    if method["type"] == "link":
        return f"Link, {method['link']['email']}"
    return str(method["type"].replace("_", " ").capitalize())


def _form(account: Account, session: Thing, problem: str | None, form: dict[str, str]) -> Page:
    mode = session["mode"]
    price = shown(session["amount_total"], session["currency"]) if mode != "setup" else ""
    leads_to = tuple(each for each in (origin(session["success_url"]), origin(session["cancel_url"])) if each)
    body = html.page(
        TITLES[mode],
        html.alert(problem) if problem else None,
        _items(account, session) if mode != "setup" else None,
        html.form(
            f"/c/pay/{session['id']}",
            _email(account, session, form),
            _ways(account, session, form),
            tag("p", html.button(f"{BUTTONS[mode]} {price}".strip())),
        ),
        tag("p", html.link("Cancel and go back", session["cancel_url"])) if session["cancel_url"] else None,
        _numbers(),
    )
    return Page(body, status=402 if problem and form else 200, leads_to=leads_to)


def _items(account: Account, session: Thing) -> Html:
    items = account.hidden(session)["items"]
    rows: list[list[object]] = [
        [each["description"], each["quantity"], shown(each["amount_total"], each["currency"])] for each in items
    ]
    rows.append(["Total", "", shown(session["amount_total"], session["currency"])])
    return html.table("Your order", ["What", "Quantity", "Amount"], rows)


def _email(account: Account, session: Thing, form: dict[str, str]) -> Html:
    customer = account.find(session["customer"])
    email = form.get("email") or session["customer_email"] or (customer and customer["email"]) or ""
    return html.field("Email", "email", type="email", value=email, autocomplete="email")


def _ways(account: Account, session: Thing, form: dict[str, str]) -> Html:
    kept = saved(account, session)
    chosen = form.get("method") or (kept[0]["id"] if kept else "card")
    choices = [html.choice(name_of(each), "method", each["id"], checked=chosen == each["id"]) for each in kept]
    card = tag(
        "div",
        html.field("Card number", "number", inputmode="numeric", autocomplete="cc-number", value=form.get("number")),
        html.field("Expiry, MM / YY", "expiry", autocomplete="cc-exp", value=form.get("expiry")),
        html.field("Security code (CVC)", "cvc", inputmode="numeric", autocomplete="cc-csc"),
        html.field("Name on card", "name", autocomplete="cc-name", value=form.get("name")),
        _save_box(session, form),
        class_="card",
    )
    delayed = [
        html.choice("Konbini: pay later at a shop", "method", "konbini", checked=chosen == "konbini"),
        html.choice(
            "Bank debit: the money comes in days", "method", "us_bank_account", checked=chosen == "us_bank_account"
        ),
    ]
    return tag(
        "fieldset",
        tag("legend", "How do you want to pay?"),
        choices,
        html.choice("New card", "method", "card", checked=chosen == "card"),
        card,
        html.choice("Link", "method", "link", checked=chosen == "link") if _offers_link(session) else None,
        delayed if session["mode"] == "payment" else None,
    )


def _offers_link(session: Thing) -> bool:
    wallets = session["wallet_options"] or {"link": {"display": "auto"}}
    return bool(wallets["link"]["display"] != "never")


def _save_box(session: Thing, form: dict[str, str]) -> Html | None:
    options = session["saved_payment_method_options"] or {}
    if options.get("payment_method_save") != "enabled":
        return None
    return html.choice("Save my payment details for next time", "save", "yes", checked="save" in form, kind="checkbox")


def _numbers() -> Html:
    rows: list[list[object]] = [[tag("code", number), what] for number, what in NUMBERS]
    hint = tag("p", "Any future expiry and any three digits as security code will do.")
    return tag(
        "details", tag("summary", "Cards to try"), html.table("Test cards", ["Number", "What it does"], rows), hint
    )
