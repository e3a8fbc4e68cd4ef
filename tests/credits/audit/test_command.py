"""`manage.py audit_ledger`: one line per broken invariant, a summary, and the exit code that a nightly job watches."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import InternalError, connection

from billing.audit.nightly import make_report
from credits import audit
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver, busy
from tests.support.races import run_together
from usage.metering.audit import EVENTS

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def driver() -> WalletDriver:
    driver = WalletDriver(factories.wallet(factories.organization(), factories.program()))
    driver.grant(100)
    return driver


def audit_ledger(*arguments: str) -> tuple[int, str]:
    written = StringIO()
    try:
        call_command("audit_ledger", *arguments, stdout=written)
    except SystemExit as end:
        return int(end.code or 0), written.getvalue()
    return 0, written.getvalue()


def add_to_balance(driver: WalletDriver) -> None:
    with connection.cursor() as cursor:
        cursor.execute("UPDATE credits_wallet SET balance = balance + 3 WHERE id = %s", [driver.wallet.pk])


def test_clean_books_are_summed_up_in_one_line(driver: WalletDriver) -> None:
    code, written = audit_ledger()
    assert code == 0
    assert "1 wallets, 1 grants, 1 operations, 1 entries, 0 reservations, 0 events, 0 purchases" in written
    assert written.endswith("all hold.\n")


def test_every_broken_invariant_has_its_line_and_the_exit_code_is_1(driver: WalletDriver) -> None:
    add_to_balance(driver)
    code, written = audit_ledger()
    lines = written.splitlines()
    assert code == 1
    assert [line.split(" ")[1] for line in lines[:-1]] == [
        "wallet_balance_is_its_grants_less_debt",
        "wallet_balance_is_its_last_entrys",
    ]
    assert f"1 times; first wallet {driver.wallet.pk}/1: balance 103, after the last entry 100" in lines[1]
    assert lines[-1].endswith("2 broken.")


def test_lateness_is_reported_but_fails_nothing(driver: WalletDriver) -> None:
    driver.grant(5, days=1)  # in a year that is long over
    code, written = audit_ledger()
    assert code == 0
    assert written.startswith("late: expired_credits_are_swept")


def test_one_organization_can_be_audited_alone(driver: WalletDriver) -> None:
    globex = factories.organization(factories.person("Charlie"), slug="globex")
    factories.wallet(globex, driver.wallet.program)
    add_to_balance(driver)
    assert audit_ledger("--organization", "globex")[0] == 0
    assert audit_ledger("--organization", "acme")[0] == 1


def test_an_organization_without_a_wallet_is_an_error(driver: WalletDriver) -> None:
    with pytest.raises(CommandError, match="No organization “nobody” has a wallet"):
        audit_ledger("--organization", "nobody")


def test_the_same_as_json(driver: WalletDriver) -> None:
    assert json.loads(audit_ledger("--json")[1])["is_clean"] is True
    add_to_balance(driver)
    code, written = audit_ledger("--json", "--organization", "acme")
    report = json.loads(written)
    assert code == 1
    assert report["organization"] == "acme"
    assert report["proved"]["entries"] == 1
    assert report["broken"][1]["name"] == "wallet_balance_is_its_last_entrys"
    assert report["broken"][1]["count"] == 1
    assert report["broken"][1]["first"] == {
        "wallet": driver.wallet.pk,
        "number": 1,
        "what": "balance 103, after the last entry 100",
    }


def test_it_reads_one_moment_whatever_is_written_meanwhile(driver: WalletDriver) -> None:
    with audit.snapshot():
        before = audit.count(audit.Scope(now=driver.now))
        assert run_together([lambda: driver.spend(10)])[0].credits == -10
        assert audit.count(audit.Scope(now=driver.now)) == before
    assert audit.count(audit.Scope(now=driver.now))["entries"] == before["entries"] + 1


def test_it_can_write_nothing(driver: WalletDriver) -> None:
    with pytest.raises(InternalError, match="read-only"), audit.snapshot():
        add_to_balance(driver)


def test_a_usage_without_its_event_is_named(driver: WalletDriver) -> None:
    other = busy(
        factories.organization(factories.person("Charlie"), slug="globex"),
        factories.program("other", overdraft_limit=200),
    )
    report = make_report(audit.Scope(now=other.now + timedelta(seconds=1)))
    # What the ledger alone does has no uses, purchases and plans above it.
    assert [item.invariant.name for item in report.broken] == [
        "usage_has_its_event",
        "bought_grant_has_its_purchase",
        "plan_grant_is_its_allowance",
    ]
    assert len({invariant.name for invariant in EVENTS}) == len(EVENTS)
