"""What staff may do to the ledger: give, void, freeze, thaw, release. Each once, with a reason and an audit event."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from credits import audit
from credits.models import Grant, Operation, Reservation
from organizations.accounts.people import give_totp
from organizations.models import AuditEvent, User
from tests.support import factories
from tests.support.credits.wallet_driver import WalletDriver

pytestmark = pytest.mark.django_db


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
    """A wallet in credits with two decimals, used today."""
    wallet = factories.wallet(factories.organization(), factories.program(decimals=2))
    return WalletDriver(wallet, timezone.now())


@pytest.fixture
def given(driver: WalletDriver) -> Grant:
    return Grant.objects.get(pk=driver.grant(1_000))


@pytest.fixture
def reservation(driver: WalletDriver, given: Grant) -> Reservation:
    return Reservation.objects.get(pk=driver.reserve(300).id)


def act_url(row: Any, act: str) -> str:
    return reverse(f"admin:credits_{row._meta.model_name}_{act}", args=[row.pk])


def sent(**fields: Any) -> dict[str, Any]:
    return {"token": str(uuid.uuid4()), "reason": "They asked nicely", **fields}


def giving(**fields: Any) -> dict[str, Any]:
    return sent(**{"credits": "12.5", "source": "goodwill", "priority": "50", **fields})


def events(action: str) -> list[AuditEvent]:
    return list(AuditEvent.objects.filter(action=action))


class TestGranting:
    def test_it_gives_what_the_form_says_and_tells_why(
        self, browser: Client, driver: WalletDriver, stella: User
    ) -> None:
        fields = {"expires_at": "2099-12-31T23:00", "features": "report, chat", "priority": "7"}
        response = browser.post(act_url(driver.wallet, "grant"), giving(**fields), follow=True)

        assert "Granted: 12.50 credits." in response.content.decode()
        grant = Grant.objects.get()
        assert (grant.amount, grant.source, grant.priority, grant.features) == (
            1_250,
            "goodwill",
            7,
            ["chat", "report"],
        )
        assert grant.expires_at is not None
        assert grant.expires_at.isoformat() == "2099-12-31T23:00:00+00:00"
        operation = Operation.objects.get()
        assert (operation.actor, operation.memo) == (stella, "They asked nicely")
        (event,) = events("grant.given")
        assert (event.organization, event.actor) == (driver.wallet.organization, stella)
        assert (event.reason, event.target) == ("They asked nicely", str(driver.wallet.pk))
        assert (event.details["credits"], event.details["grant"]) == (1_250, str(grant.pk))
        assert audit.prove_ledger(audit.Scope(now=timezone.now())) == []

    def test_sent_twice_it_gives_once(self, browser: Client, driver: WalletDriver) -> None:
        form = giving()
        for _ in range(2):
            assert browser.post(act_url(driver.wallet, "grant"), form).status_code == 302

        assert Grant.objects.count() == 1
        assert len(events("grant.given")) == 1

    def test_sent_twice_with_other_values_it_says_so(self, browser: Client, driver: WalletDriver) -> None:
        form = giving()
        browser.post(act_url(driver.wallet, "grant"), form)
        response = browser.post(act_url(driver.wallet, "grant"), {**form, "credits": "99"})

        assert response.status_code == 422
        assert "This form was sent before, with other values. Open it again." in response.content.decode()
        assert Grant.objects.count() == 1

    def test_two_forms_are_two_grants(self, browser: Client, driver: WalletDriver) -> None:
        for _ in range(2):
            browser.post(act_url(driver.wallet, "grant"), giving())
        assert Grant.objects.count() == 2

    def test_each_opening_of_the_form_has_a_token_of_its_own(self, browser: Client, driver: WalletDriver) -> None:
        tokens = {browser.get(act_url(driver.wallet, "grant")).context["form"]["token"].value() for _ in range(2)}
        assert len(tokens) == 2

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("credits", "1.005", "This program has 2 decimals: enter no more of them."),
            ("credits", "1e-5", "This program has 2 decimals: enter no more of them."),
            ("credits", "", "This field is required."),
            ("credits", "0", "greater than or equal to 0.01"),
            ("credits", "-5", "greater than or equal to 0.01"),
            ("credits", "NaN", "Enter a number."),
            ("credits", "10000000000.01", "less than or equal to 10000000000"),
            ("credits", "1e99999", "less than or equal to"),
            ("credits", "many", "Enter a number."),
            ("reason", "", "This field is required."),
            ("source", "card", "is not one of the available choices"),
            ("priority", "101", "less than or equal to 100"),
            ("expires_at", "soon", "Enter a valid date/time."),
            ("expires_at", "2020-01-01T00:00", "Enter a time in the future."),
        ],
    )
    def test_what_makes_no_sense_is_refused_with_the_reason(
        self, browser: Client, driver: WalletDriver, field: str, value: str, sentence: str
    ) -> None:
        response = browser.post(act_url(driver.wallet, "grant"), giving(**{field: value}))

        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert not Grant.objects.exists()
        assert not events("grant.given")

    def test_a_program_of_whole_credits_takes_no_decimals(self, browser: Client) -> None:
        charlie = factories.person("Charlie")
        wallet = factories.wallet(factories.organization(charlie, slug="globex"), factories.program("whole"))
        response = browser.post(act_url(wallet, "grant"), giving(credits="1.5"))
        assert "This program counts whole credits: enter a number without decimals." in response.content.decode()

    def test_the_last_digit_is_exact(self, browser: Client, driver: WalletDriver) -> None:
        browser.post(act_url(driver.wallet, "grant"), giving(credits="9999999999.99"))
        assert Grant.objects.get().amount == 999_999_999_999


class TestVoiding:
    def test_it_takes_back_what_is_free(self, browser: Client, driver: WalletDriver, given: Grant) -> None:
        driver.spend(400)
        response = browser.post(act_url(given, "void"), sent(), follow=True)

        assert "Voided: 6.00 credits." in response.content.decode()
        given.refresh_from_db()
        assert given.remaining == 0
        (event,) = events("grant.voided")
        assert event.details == {"asked": None, "voided": 600}
        assert event.target == str(given.pk)

    def test_or_a_part_of_it_once(self, browser: Client, given: Grant) -> None:
        form = sent(credits="2.50")
        for _ in range(2):
            assert browser.post(act_url(given, "void"), form).status_code == 302
        given.refresh_from_db()
        assert given.remaining == 750
        assert len(events("grant.voided")) == 1

    def test_not_more_than_was_given(self, browser: Client, given: Grant) -> None:
        browser.post(act_url(given, "void"), sent(credits="4"))
        response = browser.post(act_url(given, "void"), sent(credits="6.01"))
        assert response.status_code == 422
        assert "At most 6.00 credits of this grant can still be voided." in response.content.decode()

    def test_a_reason_is_needed(self, browser: Client, given: Grant) -> None:
        assert browser.post(act_url(given, "void"), sent(reason="")).status_code == 422
        assert not events("grant.voided")


class TestFreezing:
    def test_it_freezes_and_thaws_each_once(self, browser: Client, given: Grant) -> None:
        for _ in range(2):
            assert browser.post(act_url(given, "freeze"), sent()).status_code == 302
        assert Grant.objects.get().frozen_at is not None
        for _ in range(2):
            assert browser.post(act_url(given, "unfreeze"), sent()).status_code == 302
        assert Grant.objects.get().frozen_at is None
        assert [event.reason for event in events("grant.frozen") + events("grant.thawed")] == ["They asked nicely"] * 2

    def test_the_auditor_knows_of_it(self, browser: Client, driver: WalletDriver, given: Grant) -> None:
        browser.post(act_url(given, "freeze"), sent())
        driver.now = timezone.now()
        driver.grant(100, priority=90)
        driver.spend(5)
        browser.post(act_url(given, "unfreeze"), sent())
        assert audit.prove_ledger(audit.Scope(now=driver.now)) == []


class TestReleasing:
    def test_it_gives_back_once(self, browser: Client, driver: WalletDriver, reservation: Reservation) -> None:
        for _ in range(2):
            assert browser.post(act_url(reservation, "release"), sent()).status_code == 302
        reservation.refresh_from_db()
        driver.wallet.refresh_from_db()
        assert (reservation.state, driver.wallet.reserved) == ("released", 0)
        assert [event.details for event in events("reservation.released")] == [{"credits": 300}]

    def test_what_was_settled_stays_settled(
        self, browser: Client, driver: WalletDriver, reservation: Reservation
    ) -> None:
        driver.settle(Reservation.objects.get(), 100)  # type: ignore[arg-type]  # it is asked for its id alone
        response = browser.post(act_url(reservation, "release"), sent())
        assert response.status_code == 422
        assert "This reservation was settled. Refund the usage instead." in response.content.decode()


ACTS = [("wallet", "grant"), ("grant", "void"), ("grant", "freeze"), ("grant", "unfreeze"), ("reservation", "release")]


@pytest.fixture
def rows(driver: WalletDriver, given: Grant, reservation: Reservation) -> dict[str, Any]:
    return {"wallet": driver.wallet, "grant": given, "reservation": reservation}


@pytest.mark.parametrize(("row", "act"), ACTS)
class TestEveryAct:
    def test_its_page_shows_the_form_and_changes_nothing(
        self, browser: Client, rows: dict[str, Any], row: str, act: str
    ) -> None:
        before = Operation.objects.count()
        response = browser.get(act_url(rows[row], act))
        assert response.status_code == 200
        assert 'name="reason"' in response.content.decode()
        assert (Operation.objects.count(), AuditEvent.objects.filter(reason="They asked nicely").count()) == (before, 0)

    def test_the_row_links_to_it(self, browser: Client, rows: dict[str, Any], row: str, act: str) -> None:
        shown = browser.get(reverse(f"admin:credits_{row}_change", args=[rows[row].pk])).content.decode()
        assert f'href="{act_url(rows[row], act)}"' in shown

    def test_staff_who_may_only_look_are_refused(self, rows: dict[str, Any], row: str, act: str) -> None:
        sven = User.objects.create_user("sven@desk.example", is_staff=True)
        give_totp(sven, factories.TOTP_SECRET)
        sven.user_permissions.add(Permission.objects.get(codename=f"view_{row}"))
        client = Client()
        client.force_login(sven)

        shown = client.get(reverse(f"admin:credits_{row}_change", args=[rows[row].pk])).content.decode()
        assert act_url(rows[row], act) not in shown
        assert client.get(act_url(rows[row], act)).status_code == 403
        assert client.post(act_url(rows[row], act), giving()).status_code == 403
        assert not AuditEvent.objects.filter(reason="They asked nicely").exists()

    def test_owners_are_not_staff(self, rows: dict[str, Any], row: str, act: str) -> None:
        client = Client()
        client.force_login(User.objects.get(email="alice@example.com"))
        response = client.post(act_url(rows[row], act), giving())
        assert response.status_code in {302, 403}
        assert not AuditEvent.objects.filter(reason="They asked nicely").exists()

    def test_a_row_that_is_not_there_is_not_found(
        self, browser: Client, rows: dict[str, Any], row: str, act: str
    ) -> None:
        missing = "0" if row == "wallet" else str(uuid.uuid4())
        assert browser.get(reverse(f"admin:credits_{row}_{act}", args=[missing])).status_code == 404
