"""The pages of invoices and receipts, and an invoice's PDF."""

from stripe_sandbox.front import html
from stripe_sandbox.front.errors import ApiError
from stripe_sandbox.front.html import tag
from stripe_sandbox.front.shapes import Thing
from stripe_sandbox.pages.base import Page, Visit, go_to, view
from stripe_sandbox.pages.checkout import name_of, typed_card
from stripe_sandbox.recurring import invoices
from stripe_sandbox.state import periods
from stripe_sandbox.state.money import shown


@view("/invoices/{invoice}")
def hosted(visit: Visit) -> Page:
    """Shows an invoice; an open one can be paid with a card."""
    invoice = visit.account.get("invoice", visit.place)
    problem = None
    if visit.form is not None and invoice["status"] == "open":
        problem = _pay(visit, invoice)
        intent = visit.account.find(visit.account.hidden(invoice).get("intent")) or {}
        action = intent.get("next_action") or {}
        if action.get("type") == "redirect_to_url":
            return go_to(action["redirect_to_url"]["url"])
    return Page(
        html.page(
            f"Invoice {invoice['number'] or '(draft)'}",
            html.alert(problem) if problem else None,
            tag("p", f"{invoice['status'].capitalize()} · {periods.day(invoice['created'])} · {_customer(invoice)}"),
            html.table("Lines", ["What", "Quantity", "Amount"], _rows(invoice)),
            _payment_form(invoice) if invoice["status"] == "open" else None,
            tag("p", html.link("PDF", f"/invoices/{invoice['id']}/pdf")),
        ),
        status=402 if problem else 200,
    )


def _pay(visit: Visit, invoice: Thing) -> str | None:
    form = visit.form or {}
    try:
        method = typed_card(visit.account, form)
        intent = invoices.intent_of(visit.account, invoice)
        visit.account.hidden(intent)["return_url"] = invoice["hosted_invoice_url"]
        invoices.pay(visit.account, invoice, method, off_session=False)
    except ApiError as refused:
        return str(refused)
    return None


def _payment_form(invoice: Thing) -> html.Html:
    return html.form(
        f"/invoices/{invoice['id']}",
        html.field("Card number", "number", inputmode="numeric", autocomplete="cc-number"),
        html.field("Expiry, MM / YY", "expiry", autocomplete="cc-exp"),
        html.field("Security code (CVC)", "cvc", inputmode="numeric", autocomplete="cc-csc"),
        html.button(f"Pay {shown(invoice['amount_remaining'], invoice['currency'])}"),
    )


def _customer(invoice: Thing) -> str:
    return str(invoice["customer_name"] or invoice["customer_email"] or invoice["customer"] or "")


def _rows(invoice: Thing) -> list[list[object]]:
    rows: list[list[object]] = [
        [line["description"], line["quantity"], shown(line["amount"], line["currency"])]
        for line in invoice["lines"]["data"]
    ]
    rows.append(["Total", "", shown(invoice["total"], invoice["currency"])])
    rows.append(["Paid", "", shown(invoice["amount_paid"], invoice["currency"])])
    return rows


@view("/invoices/{invoice}/pdf")
def pdf(visit: Visit) -> Page:
    """The invoice as a file."""
    invoice = visit.account.get("invoice", visit.place)
    lines = [
        html.BANNER,
        f"Invoice {invoice['number'] or '(draft)'}, {invoice['status']}",
        f"{periods.day(invoice['created'])}, {_customer(invoice)}",
        *("   ".join(str(cell) for cell in row) for row in _rows(invoice)),
    ]
    return Page(content_type="application/pdf", binary=one_page_pdf(lines))


def one_page_pdf(lines: list[str]) -> bytes:
    """The smallest PDF that shows these lines: one page, one of the built-in fonts, letters of Latin-1."""
    text = b"BT /F1 12 Tf 56 780 Td 18 TL\n"
    for line in lines:
        plain = line.replace("—", "-").encode("latin-1", "replace")
        escaped = plain.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")
        text += b"(" + escaped + b") Tj T*\n"
    text += b"ET"
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    document, places = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, 1):
        places.append(len(document))
        document += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    start = len(document)
    size = len(parts) + 1
    document += b"xref\n0 %d\n0000000000 65535 f \n%s" % (size, table)
    return document + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, start)


@view("/receipts/{charge}")
def receipt(visit: Visit) -> Page:
    """What a paid charge's receipt address shows."""
    charge = visit.account.get("charge", visit.place)
    method = visit.account.find(charge["payment_method"])
    rows: list[list[object]] = [
        ["Amount", shown(charge["amount"], charge["currency"])],
        ["Refunded", shown(charge["amount_refunded"], charge["currency"])],
        ["Paid on", periods.minute(charge["created"])],
        ["Paid with", name_of(method) if method else ""],
        ["For", charge["description"] or ""],
    ]
    return Page(html.page("Receipt", html.table(f"Charge {charge['id']}", ["", ""], rows)))
