"""`manage.py sweep_expired` and the jobs of the ledger: what has expired is written off, once."""

from io import StringIO

import pytest
from django.core.management import call_command

from credits import tasks
from credits.models import Entry, EntryKind, Reservation
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db


@pytest.fixture
def driver() -> WalletDriver:
    """A wallet of a year long over, with two grants that have expired since and one that never does."""
    driver = WalletDriver(factories.wallet(factories.organization(), factories.program()))
    driver.grant(10, days=1)
    driver.grant(20, days=2)
    driver.grant(40)
    return driver


def sweep_expired() -> str:
    written = StringIO()
    call_command("sweep_expired", stdout=written)
    return written.getvalue()


def test_it_writes_off_what_has_expired_and_says_how_much(driver: WalletDriver) -> None:
    assert sweep_expired() == "2 expired grants written off.\n"
    driver.wallet.refresh_from_db()
    assert driver.wallet.balance == 40
    assert sorted(Entry.objects.filter(kind=EntryKind.EXPIRY).values_list("amount", flat=True)) == [-20, -10]


def test_run_again_it_does_nothing(driver: WalletDriver) -> None:
    sweep_expired()
    assert sweep_expired() == "0 expired grants written off.\n"
    assert Entry.objects.filter(kind=EntryKind.EXPIRY).count() == 2


def test_the_job_does_the_same(driver: WalletDriver) -> None:
    tasks.sweep_expired()
    tasks.sweep_expired()
    assert Entry.objects.filter(kind=EntryKind.EXPIRY).count() == 2


def test_the_other_job_releases_reservations_whose_time_is_out(driver: WalletDriver) -> None:
    driver.reserve(30)
    tasks.release_timed_out()
    tasks.release_timed_out()
    assert Reservation.objects.get().state == "timed_out"
