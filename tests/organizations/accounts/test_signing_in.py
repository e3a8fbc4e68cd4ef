"""Signing up and in, as django-allauth does it with our settings: password, code, second factor, reset, sessions."""

import re
import time
from urllib.parse import urlsplit

import pytest
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.contrib.auth.hashers import MD5PasswordHasher
from django.core import mail
from django.test import Client, override_settings

from organizations.accounts.people import give_totp, has_second_factor, verified_addresses
from organizations.models import User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in

LOGIN = "/accounts/login/"


def link_of_last_mail() -> str:
    """The path of the address in the mail that was sent last."""
    found = re.search(r"https?://\S+", str(mail.outbox[-1].body))
    assert found
    return urlsplit(found[0]).path


def code_of_last_mail() -> str:
    found = re.search(r"^\s*([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})\s*$", str(mail.outbox[-1].body), re.MULTILINE)
    assert found
    return found[1]


def totp_code(steps: int = 0) -> str:
    """What an authenticator app shows for TOTP_SECRET now, or some steps of 30 seconds from now."""
    return str(format_hotp_value(hotp_value(factories.TOTP_SECRET, int(time.time()) // 30 + steps)))


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


class TestSigningUp:
    def sign_up(self, client: Client, email: str = "Dora@Example.com") -> None:
        client.post("/accounts/signup/", {"email": email, "password1": factories.PASSWORD})

    def test_from_sign_up_to_two_factors(self, client: Client, db: None) -> None:
        self.sign_up(client)
        assert not is_signed_in(client)
        assert mail.outbox[0].to == ["dora@example.com"]

        client.post(LOGIN, {"login": "dora@example.com", "password": factories.PASSWORD})
        assert not is_signed_in(client)

        Client().post(link_of_last_mail())  # in whatever browser the mail is read
        client.post(LOGIN, {"login": "DORA@example.com", "password": factories.PASSWORD})
        assert is_signed_in(client)

        client.post("/accounts/reauthenticate/", {"password": factories.PASSWORD})
        page = client.get("/accounts/2fa/totp/activate/")
        secret = page.context["form"].secret
        code = format_hotp_value(hotp_value(secret, int(time.time()) // 30))
        client.post("/accounts/2fa/totp/activate/", {"code": code})
        assert has_second_factor(User.objects.get())

    def test_opening_the_link_alone_verifies_nothing(self, client: Client, db: None) -> None:
        self.sign_up(client)
        client.get(link_of_last_mail())

        assert verified_addresses(User.objects.get()) == set()

    def test_links_are_built_from_our_settings_whatever_host_is_asked(self, client: Client, db: None) -> None:
        with override_settings(ALLOWED_HOSTS=["*"], BASE_URL="https://credits.example.com"):
            client.post(
                "/accounts/signup/",
                {"email": "dora@example.com", "password1": factories.PASSWORD},
                headers={"host": "evil.example"},
            )

        assert "https://credits.example.com/accounts/confirm-email/" in mail.outbox[0].body
        assert "evil.example" not in str(mail.outbox[0].body) + mail.outbox[0].subject

    def test_an_address_with_an_account_gets_the_same_answer_and_another_mail(
        self, client: Client, alice: User
    ) -> None:
        known = client.post("/accounts/signup/", {"email": alice.email, "password1": factories.PASSWORD})
        new = Client().post("/accounts/signup/", {"email": "dora@example.com", "password1": factories.PASSWORD})

        assert (known.status_code, known["Location"]) == (new.status_code, new["Location"])
        assert User.objects.filter(email=alice.email).count() == 1
        assert len(mail.outbox) == 2

    def test_it_takes_as_long_whether_or_not_the_address_has_an_account(
        self, client: Client, alice: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nearly all of the time is the password's hash, so hashes are counted."""
        hashed: list[str] = []
        encode = MD5PasswordHasher.encode

        def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
            hashed.append(password)
            return encode(self, password, salt)

        monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
        for email in (alice.email, "dora@example.com"):
            Client().post("/accounts/signup/", {"email": email, "password1": factories.PASSWORD})

        assert hashed == [factories.PASSWORD] * 2

    def test_a_weak_password_is_refused(self, client: Client, db: None) -> None:
        response = client.post("/accounts/signup/", {"email": "dora@example.com", "password1": "password"})

        assert "This password is too short." in response.content.decode()
        assert not User.objects.exists()

    def test_whoever_signs_up_keeps_the_language_of_the_page(self, client: Client, db: None) -> None:
        client.post("/language/", {"language": "ja"})
        self.sign_up(client)

        assert User.objects.get().language == "ja"


class TestSigningIn:
    def test_with_two_factors_the_password_alone_is_not_enough(self, client: Client, alice: User) -> None:
        give_totp(alice, factories.TOTP_SECRET)
        response = client.post(LOGIN, {"login": alice.email, "password": factories.PASSWORD})

        assert response["Location"] == "/accounts/2fa/authenticate/"
        assert not is_signed_in(client)
        client.post("/accounts/2fa/authenticate/", {"code": totp_code()})
        assert is_signed_in(client)

    def test_a_code_of_the_authenticator_works_once(self, alice: User) -> None:
        give_totp(alice, factories.TOTP_SECRET)
        code, browsers = totp_code(), [Client(), Client()]
        for browser in browsers:
            browser.post(LOGIN, {"login": alice.email, "password": factories.PASSWORD})
            browser.post("/accounts/2fa/authenticate/", {"code": code})

        assert [is_signed_in(browser) for browser in browsers] == [True, False]

    def test_by_a_mailed_code(self, client: Client, alice: User) -> None:
        client.post("/accounts/login/code/", {"email": alice.email})
        client.post("/accounts/login/code/confirm/", {"code": code_of_last_mail()})

        assert is_signed_in(client)

    def test_a_mailed_code_does_not_stand_in_for_the_second_factor(self, client: Client, alice: User) -> None:
        give_totp(alice, factories.TOTP_SECRET)
        client.post("/accounts/login/code/", {"email": alice.email})
        response = client.post("/accounts/login/code/confirm/", {"code": code_of_last_mail()})

        assert response["Location"] == "/accounts/2fa/authenticate/"
        assert not is_signed_in(client)

    def test_an_unknown_address_gets_the_same_answer(self, client: Client, alice: User) -> None:
        known = client.post("/accounts/login/code/", {"email": alice.email})
        unknown = Client().post("/accounts/login/code/", {"email": "nobody@example.com"})

        assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])

    def test_passkeys_are_offered(self, client: Client, db: None) -> None:
        assert client.get("/accounts/2fa/webauthn/login/", headers={"accept": "application/json"}).status_code == 200

    def test_guessing_is_stopped_and_the_right_password_no_longer_helps(self, client: Client, alice: User) -> None:
        for attempt in range(10):
            client.post(LOGIN, {"login": alice.email, "password": f"guess {attempt}"})
        client.post(LOGIN, {"login": alice.email, "password": factories.PASSWORD})

        assert not is_signed_in(client)

    @pytest.mark.parametrize("elsewhere", ["https://evil.example/", "//evil.example", "/\\evil.example"])
    def test_nobody_is_led_to_another_site(self, client: Client, alice: User, elsewhere: str) -> None:
        response = client.post(LOGIN, {"login": alice.email, "password": factories.PASSWORD, "next": elsewhere})

        assert response["Location"] == "/"

    def test_signing_in_changes_the_session_key(self, client: Client, alice: User) -> None:
        client.get("/invitations/anything/")
        before = client.session.session_key
        client.post(LOGIN, {"login": alice.email, "password": factories.PASSWORD})

        assert client.session.session_key != before


class TestResettingThePassword:
    def test_by_a_mailed_link_and_every_session_ends(self, client: Client, alice: User) -> None:
        elsewhere = signed_in(alice)
        client.post("/accounts/password/reset/", {"email": alice.email})
        form = client.get(link_of_last_mail(), follow=True).redirect_chain[-1][0]
        fresh = "a quite different password"
        client.post(form, {"password1": fresh, "password2": fresh})

        alice.refresh_from_db()
        assert alice.check_password(fresh)
        assert elsewhere.get("/accounts/email/").status_code == 302

    def test_an_unknown_address_gets_the_same_answer(self, client: Client, alice: User) -> None:
        known = client.post("/accounts/password/reset/", {"email": alice.email})
        unknown = Client().post("/accounts/password/reset/", {"email": "nobody@example.com"})

        assert (known.status_code, known["Location"]) == (unknown.status_code, unknown["Location"])

    def test_the_link_is_built_from_our_settings(self, client: Client, alice: User) -> None:
        with override_settings(ALLOWED_HOSTS=["*"]):
            client.post("/accounts/password/reset/", {"email": alice.email}, headers={"host": "evil.example"})

        assert "http://localhost:8000/accounts/password/reset/key/" in mail.outbox[0].body
        assert "evil.example" not in mail.outbox[0].body


class TestPersonsPages:
    @pytest.mark.parametrize(
        "url",
        [
            "/accounts/email/",
            "/accounts/password/change/",
            "/accounts/2fa/",
            "/accounts/sessions/",
            "/accounts/logout/",
        ],
    )
    def test_they_open(self, alice: User, url: str) -> None:
        alices = Client()
        alices.post(LOGIN, {"login": alice.email, "password": factories.PASSWORD})

        assert alices.get(url).status_code == 200

    def test_a_session_elsewhere_can_be_ended(self, alice: User) -> None:
        here, elsewhere = Client(), Client()
        for browser in [here, elsewhere]:
            browser.post(LOGIN, {"login": alice.email, "password": factories.PASSWORD})
            browser.get("/accounts/sessions/")
        here.post("/accounts/sessions/")

        assert here.get("/accounts/email/").status_code == 200
        assert elsewhere.get("/accounts/email/").status_code == 302

    def test_signing_out_is_by_post(self, alice: User) -> None:
        alices = signed_in(alice)
        alices.get("/accounts/logout/")
        assert is_signed_in(alices)

        assert alices.post("/accounts/logout/")["Location"] == LOGIN
        assert not is_signed_in(alices)
