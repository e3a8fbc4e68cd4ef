"""An address that was refused is written to again once mail is proved to arrive there."""

import re

import pytest
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from django.core import mail as outgoing
from django.test import Client, RequestFactory

from notices import addresses
from notices.models import RefusedAddress
from organizations.models import User
from tests.support.occasions import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def refused(alice: User) -> RefusedAddress:
    addresses.refuse("Alice@example.com", reason="550 no such user", now=NOW)
    return RefusedAddress.objects.get()


def test_twice_is_once(refused: RefusedAddress) -> None:
    addresses.refuse("alice@example.com", reason="550 again", now=NOW)

    assert list(RefusedAddress.objects.values_list("email", "reason")) == [("alice@example.com", "550 no such user")]


def test_confirming_it_lifts_the_refusal(refused: RefusedAddress, alice: User, client: Client) -> None:
    EmailAddress.objects.filter(user=alice).update(verified=False)
    key = EmailConfirmationHMAC(EmailAddress.objects.get(user=alice)).key

    client.post(f"/accounts/confirm-email/{key}/")

    assert not RefusedAddress.objects.exists()


def test_signing_in_by_a_mailed_code_lifts_it(refused: RefusedAddress, client: Client) -> None:
    client.post("/accounts/login/code/", {"email": "alice@example.com"})
    code = re.search(r"^\s*([A-Z0-9]{3,4}-?[A-Z0-9]{2,4})\s*$", str(outgoing.outbox[-1].body), re.MULTILINE)
    assert code is not None
    assert RefusedAddress.objects.exists()

    client.post("/accounts/login/code/confirm/", {"code": code[1]})

    assert not RefusedAddress.objects.exists()


def test_signing_in_by_password_proves_nothing_about_mail(refused: RefusedAddress, alice: User) -> None:
    addresses.on_step_completed(
        method="password", email="alice@example.com", request=RequestFactory().get("/"), user=alice
    )

    assert RefusedAddress.objects.exists()
