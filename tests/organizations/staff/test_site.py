"""The door to the admin: staff only, by Drawdown's sign-in, with two factors."""

from django.contrib.messages import get_messages
from django.test import Client

from organizations.accounts.people import create_person, give_totp
from organizations.models import User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in


def one_factor_staff() -> User:
    return create_person(email="sven@desk.example", password=factories.PASSWORD, name="Sven", is_staff=True)


def test_the_anonymous_are_sent_to_our_own_sign_in(client: Client, db: None) -> None:
    response = client.get("/admin/", follow=True)

    assert response.redirect_chain[-1][0].startswith("/accounts/login/?next=")


def test_djangos_own_sign_in_form_takes_nobody_in(client: Client, stella: User) -> None:
    client.post("/admin/login/", {"username": stella.email, "password": factories.PASSWORD})

    assert "_auth_user_id" not in client.session


def test_staff_with_two_factors_get_in(stella: User) -> None:
    assert signed_in(stella).get("/admin/").status_code == 200


def test_staff_with_one_factor_are_sent_to_the_set_up_and_told_why(db: None) -> None:
    response = signed_in(one_factor_staff()).get("/admin/", follow=True)

    assert response.redirect_chain[-1][0] == "/accounts/2fa/"
    assert "Staff must use two-factor authentication." in response.content.decode()


def test_a_superuser_is_no_exception_on_any_page(db: None) -> None:
    client = signed_in(one_factor_staff())
    for url in ["/admin/organizations/user/", "/admin/organizations/user/add/", "/admin/jsi18n/"]:
        assert client.get(url).status_code == 302


def test_the_set_up_opens_the_door(db: None) -> None:
    sven = one_factor_staff()
    client = signed_in(sven)
    give_totp(sven, factories.TOTP_SECRET)

    assert client.get("/admin/").status_code == 200


def test_people_who_are_no_staff_are_refused(alice: User) -> None:
    response = signed_in(alice).get("/admin/", follow=True)

    assert response.status_code == 403
    assert not list(get_messages(response.wsgi_request))


def test_suspended_staff_are_out_at_once(stella: User) -> None:
    client = signed_in(stella)
    User.objects.filter(pk=stella.pk).update(is_active=False)

    assert client.get("/admin/").status_code == 302
