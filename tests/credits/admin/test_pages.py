"""The staff's pages about programs, wallets, grants, operations and reservations: found, looked at, never edited."""

from html import unescape
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from credits import audit
from credits.models import MAX_BALANCE, Operation, Program, Reservation
from organizations.accounts.people import give_totp
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver, busy_acme

pytestmark = pytest.mark.django_db

LEDGER = ["wallet", "grant", "operation", "reservation"]


@pytest.fixture
def stella() -> User:
    cache.clear()
    return factories.staff()


@pytest.fixture
def browser(stella: User) -> Client:
    client = Client()
    client.force_login(stella)
    return client


@pytest.fixture
def driver() -> WalletDriver:
    return busy_acme(decimals=2)


def page(client: Client, url: str, status: int = 200) -> str:
    response = client.get(url)
    assert response.status_code == status
    return unescape(response.content.decode())


def list_url(model: str, **query: Any) -> str:
    return reverse(f"admin:credits_{model}_changelist", query=query)


def row_url(model: str, key: Any) -> str:
    return reverse(f"admin:credits_{model}_change", args=[key])


@pytest.mark.parametrize("model", ["program", *LEDGER])
def test_the_lists_open_and_their_rows_too(browser: Client, driver: WalletDriver, model: str) -> None:
    listed = page(browser, list_url(model))
    key = (
        Program.objects.get().pk
        if model == "program"
        else getattr(driver.wallet, f"{model}s").first().pk
        if model != "wallet"
        else driver.wallet.pk
    )
    assert row_url(model, key).split("/change/")[0] in listed
    page(browser, row_url(model, key))


@pytest.mark.parametrize("model", LEDGER)
@pytest.mark.parametrize("words", ["acme", "Acme", "alice@example.com"])
def test_rows_are_found_by_organization_and_mail(browser: Client, driver: WalletDriver, model: str, words: str) -> None:
    assert "field-" in page(browser, list_url(model, q=words)).split('id="result_list"')[1]
    assert 'id="result_list"' not in page(browser, list_url(model, q="nobody"))


@pytest.mark.parametrize("model", LEDGER)
def test_nothing_of_the_ledger_is_added_changed_or_deleted_by_hand(
    browser: Client, driver: WalletDriver, model: str
) -> None:
    key = driver.wallet.pk if model == "wallet" else getattr(driver.wallet, f"{model}s").first().pk
    page(browser, reverse(f"admin:credits_{model}_add"), status=403)
    page(browser, reverse(f"admin:credits_{model}_delete", args=[key]), status=403)
    assert browser.post(row_url(model, key), {"balance": "5"}).status_code == 403
    assert 'name="_save"' not in page(browser, row_url(model, key))


def test_a_wallets_page_shows_what_is_in_it_with_the_programs_decimals(browser: Client, driver: WalletDriver) -> None:
    driver.wallet.refresh_from_db()
    shown = page(browser, row_url("wallet", driver.wallet.pk))
    assert f"{driver.wallet.balance / 100:.2f}" in shown
    assert "0.20" in shown  # reserved
    for model in ["grant", "operation", "reservation"]:
        assert list_url(model, wallet__id__exact=driver.wallet.pk) in shown
        page(browser, list_url(model, wallet__id__exact=driver.wallet.pk))


def test_what_has_expired_is_no_balance_swept_or_not(browser: Client) -> None:
    driver = WalletDriver(factories.wallet(factories.organization(), factories.program()))
    driver.grant(7000, days=1)  # in a year that is long over
    driver.grant(30)
    shown = page(browser, row_url("wallet", driver.wallet.pk))
    assert ">30<" in shown
    assert "7,030" not in shown
    assert "7,030" not in page(browser, list_url("wallet"))


def test_an_operations_page_has_its_entries(browser: Client, driver: WalletDriver) -> None:
    operation = Operation.objects.filter(kind="usage").order_by("number").first()
    assert operation is not None
    shown = page(browser, row_url("operation", operation.pk))
    for entry in operation.entries.all():
        assert f'<td class="number">{entry.number}</td>' in shown
        assert row_url("grant", entry.grant_id) in shown
    nothing = Operation.objects.filter(kind="usage", credits=0).get()
    assert "Nothing was moved." in page(browser, row_url("operation", nothing.pk))


@pytest.mark.parametrize("model", LEDGER)
def test_a_longer_list_needs_no_more_queries(
    browser: Client, driver: WalletDriver, model: str, django_assert_max_num_queries: Any
) -> None:
    driver.reserve(1)
    with django_assert_max_num_queries(12):
        page(browser, list_url(model))


def test_staff_without_the_permission_see_nothing(driver: WalletDriver) -> None:
    sven = User.objects.create_user("sven@desk.example", is_staff=True)
    give_totp(sven, factories.TOTP_SECRET)
    client = Client()
    client.force_login(sven)
    for model in ["program", *LEDGER]:
        page(client, list_url(model), status=403)


def terms(program: Program, **changed: Any) -> dict[str, Any]:
    kept = {"name": program.name, "overdraft_limit": 0, "at_zero": "refuse", "reservation_seconds": 900}
    return {**kept, "limit_thresholds": "50,100", "reason": "New terms", **changed}


def test_a_programs_terms_are_edited_with_a_reason(browser: Client, driver: WalletDriver) -> None:
    program = Program.objects.get()
    url = row_url("program", program.pk)
    assert browser.post(url, terms(program, validity_days=360)).status_code == 302
    program.refresh_from_db()
    assert program.validity_days == 360
    assert AuditEvent.objects.get(action="program.changed_by_staff").reason == "New terms"
    assert "This field is required." in browser.post(url, terms(program, reason="")).content.decode()


@pytest.mark.parametrize("below", [0, -1, MAX_BALANCE + 1])
def test_a_low_balance_out_of_bounds_is_refused(browser: Client, driver: WalletDriver, below: int) -> None:
    url = row_url("program", driver.wallet.program_id)
    assert browser.post(url, terms(driver.wallet.program, low_balance=below)).status_code == 200
    assert Program.objects.get().low_balance is None


def test_the_unit_stays_once_amounts_were_counted_in_it(browser: Client, driver: WalletDriver) -> None:
    program = Program.objects.get()
    browser.post(row_url("program", program.pk), terms(program, decimals=0, unit="tokens", key="other"))
    program.refresh_from_db()
    assert (program.decimals, program.unit, program.key) == (2, "credits", "basic")


def test_terms_out_of_bounds_are_refused_with_the_bound(browser: Client, driver: WalletDriver) -> None:
    program = Program.objects.get()
    shown = browser.post(row_url("program", program.pk), terms(program, reservation_seconds=90_000)).content.decode()
    assert "less than or equal to 86400" in shown
    shown = browser.post(row_url("program", program.pk), terms(program, overdraft_limit=-1)).content.decode()
    assert "greater than or equal to 0" in shown


def test_a_program_that_is_new_chooses_its_unit(browser: Client) -> None:
    fresh = {"key": "fresh", "name": "Fresh", "unit": "tokens", "decimals": 3, "overdraft_limit": 0}
    terms = {"at_zero": "refuse", "reservation_seconds": 60, "limit_thresholds": "50,100"}
    sent = {**fresh, **terms, "reason": "Opens in May"}
    assert browser.post(reverse("admin:credits_program_add"), sent).status_code == 302
    assert Program.objects.get(key="fresh").decimals == 3


def test_there_are_reservations_of_every_state_to_look_at(browser: Client, driver: WalletDriver) -> None:
    for reservation in Reservation.objects.all():
        page(browser, row_url("reservation", reservation.pk))


def test_seals_are_shown_with_the_hash_that_was_printed_and_changed_by_nobody(
    browser: Client, driver: WalletDriver
) -> None:
    sealed = audit.seal(audit.read_unsealed([]), now=driver.now)
    last = driver.wallet.operations.order_by("-number").first()
    assert last is not None
    listed = page(browser, list_url("auditseal"))
    assert sealed.hash in listed
    assert f'<td class="field-entries">{last.number}</td>' in listed
    shown = page(browser, row_url("auditseal", sealed.number))
    assert sealed.hash in shown
    assert "0" * 64 in shown
    assert browser.post(row_url("auditseal", sealed.number), {"number": 7}).status_code == 403
    assert browser.get(reverse("admin:credits_auditseal_add")).status_code == 403
    assert browser.get(reverse("admin:credits_auditseal_delete", args=[sealed.number])).status_code == 403
