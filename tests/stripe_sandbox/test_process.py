"""The sandbox as a process and as pages: loopback only, state that outlives it, not to be taken for the real thing."""

import ast
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from stripe_sandbox import command
from stripe_sandbox.pages.base import PAGES
from stripe_sandbox.server import Sandbox
from tests.support.billing.payments import Payments
from tests.support.billing.sandbox_calls import customer, paid, saved_card

PACKAGE = Path(command.__file__).parent
ROOT = PACKAGE.parent


def test_it_imports_nothing_of_ours_and_nothing_from_elsewhere() -> None:
    foreign = set()
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            foreign |= {name for name in names if name.split(".")[0] not in sys.stdlib_module_names}

    assert {name for name in foreign if not name.startswith("stripe_sandbox")} == set()


def test_what_was_done_is_there_after_a_restart(tmp_path: Path) -> None:
    data = tmp_path / "payments.sqlite3"
    first = Payments(Sandbox(data=data).start())
    owner = customer(first).id
    method = saved_card(first, owner)
    first.advance(days=3)
    clock = first.state()["now"]
    first.sandbox.stop()

    second = Payments(Sandbox(data=data).start())
    saved = second.stripe().v1.customers.payment_methods.list(owner).data
    assert [each.id for each in saved] == [method]
    assert second.state()["now"] >= clock
    assert "payment_method.attached" in second.event_types()
    second.sandbox.stop()


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "example.com"])
def test_it_listens_on_loopback_only(host: str) -> None:
    with pytest.raises(SystemExit, match="loopback only"):
        command.main(["--host", host])


def test_it_answers_only_to_loopbacks_names(sandbox: Payments) -> None:
    answer = httpx.get(sandbox.url, headers={"Host": "evil.example.com"}, trust_env=False)

    assert answer.status_code == 403


def test_no_page_elsewhere_can_move_its_switches(sandbox: Payments) -> None:
    answer = httpx.post(
        f"{sandbox.url}/sandbox/control",
        content='{"action": "advance", "seconds": 60}',
        headers={"Content-Type": "text/plain"},
        trust_env=False,
    )

    assert answer.status_code == 415


def test_it_runs_as_a_process_of_its_own_and_ends_when_told(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "stripe_sandbox", "--port", "0", "--data", str(tmp_path / "deep" / "payments.sqlite3")],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    line = process.stdout.readline()
    url = line.split()[3]

    assert httpx.get(url, trust_env=False).status_code == 200
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.stdout.close()


def test_a_taken_port_is_told_in_a_sentence(sandbox: Payments) -> None:
    port = sandbox.url.rpartition(":")[2]

    with pytest.raises(SystemExit, match=f"Port {port} can't be used"):
        command.main(["--port", port])


def test_every_page_says_that_no_money_moves(sandbox: Payments) -> None:
    client = sandbox.stripe()
    owner = customer(sandbox).id
    intent = paid(sandbox, "pm_card_threeDSecure2Required")
    done = paid(sandbox)
    session = client.v1.checkout.sessions.create(
        {"mode": "setup", "customer": owner, "currency": "usd", "success_url": "https://shop.test/done"}
    )
    client.v1.invoice_items.create({"customer": owner, "amount": 2000, "currency": "usd"})
    draft = client.v1.invoices.create({"customer": owner, "pending_invoice_items_behavior": "include"})
    invoice = client.v1.invoices.finalize_invoice(draft.id)
    addresses = [
        sandbox.url + "/",
        session.url,
        f"{sandbox.url}/3ds/{intent.id}",
        f"{sandbox.url}/vouchers/{done.id}",
        invoice.hosted_invoice_url,
        f"{sandbox.url}/receipts/{done.latest_charge}",
        client.v1.billing_portal.sessions.create({"customer": owner}).url,
        f"{sandbox.url}/nowhere",
        f"{sandbox.url}/c/pay/cs_test_nothing",
    ]
    assert len(addresses) >= len(PAGES) + 1

    for address in addresses:
        page = httpx.get(address or "", trust_env=False)
        assert "Payments sandbox — no real money" in page.text, address
        assert '<html lang="en">' in page.text
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; style-src 'self'")
        assert "unsafe" not in policy
        assert "<script" not in page.text
        assert " style=" not in page.text


def test_a_form_may_lead_back_to_the_shop_and_nowhere_else(sandbox: Payments) -> None:
    session = sandbox.stripe().v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "success_url": "https://shop.test/done"}
    )

    policy = httpx.get(session.url or "", trust_env=False).headers["content-security-policy"]

    assert "form-action 'self' https://shop.test;" in policy


def test_what_a_person_types_stays_text(sandbox: Payments) -> None:
    session = sandbox.stripe().v1.checkout.sessions.create(
        {"mode": "setup", "currency": "usd", "success_url": "https://shop.test/done"}
    )

    page = sandbox.pay(session.url or "", '"><script>alert(1)</script>')

    assert "<script" not in page.text
    assert "&quot;&gt;&lt;script&gt;" in page.text


def test_the_list_of_payments_names_each_with_its_amount(sandbox: Payments) -> None:
    intent = paid(sandbox, amount=123_456)
    sandbox.stripe().v1.refunds.create({"payment_intent": intent.id, "amount": 1_000})

    page = httpx.get(sandbox.url, trust_env=False).text

    assert intent.id in page
    assert "1,234.56 USD" in page
    assert "10.00 USD" in page


def test_control_names_its_actions_when_it_does_not_know_one(sandbox: Payments) -> None:
    answer = httpx.post(f"{sandbox.url}/sandbox/control", json={"action": "dance"}, trust_env=False)

    assert answer.status_code == 400
    assert "advance" in answer.json()["error"]
