"""Unsubscribing: by the link in the mail, or by the mail program's own button, without signing in."""

import re

import pytest
from django.core import signing
from django.test import Client

from credits.ledger.thresholds.events import LOW
from notices import kinds, unsubscribing
from notices.models import Unsubscription
from organizations.models import AuditEvent, Organization, User

pytestmark = pytest.mark.django_db


@pytest.fixture
def url(acme: Organization, alice: User) -> str:
    token = unsubscribing.token_for(user=alice, organization=acme, kind=LOW.name)
    return f"/notices/unsubscribe/{token}/"


@pytest.fixture
def visitor() -> Client:
    """Nobody who has signed in; and nothing is taken without the proof that a form of ours has, where one is needed."""
    return Client(enforce_csrf_checks=True)


def kinds_stopped(user: User) -> list[str]:
    return list(Unsubscription.objects.filter(user=user).values_list("kind", flat=True))


def test_opening_the_link_changes_nothing_and_asks(visitor: Client, url: str, alice: User) -> None:
    response = visitor.get(url)

    assert response.status_code == 200
    page = response.content.decode()
    assert "alice@example.com receives emails of this type from Acme: Low balance." in page
    assert re.search(r"<button[^>]*>\s*Unsubscribe\s*</button>", page)
    assert kinds_stopped(alice) == []
    assert visitor.head(url).status_code == 200


def test_pressing_the_button_stops_these_mails_and_says_how_to_undo_it(visitor: Client, url: str, alice: User) -> None:
    response = visitor.post(url)

    assert response.status_code == 200
    page = response.content.decode()
    assert "alice@example.com no longer receives emails of this type from Acme: Low balance." in page
    assert "Resubscribe" in page
    assert kinds_stopped(alice) == [LOW.name]


def test_a_mail_program_does_it_in_one_click(visitor: Client, url: str, alice: User) -> None:
    response = visitor.post(url, {"List-Unsubscribe": "One-Click"})

    # Neither a redirect nor a question, as RFC 8058 asks.
    assert response.status_code == 200
    assert kinds_stopped(alice) == [LOW.name]


def test_twice_is_once(visitor: Client, url: str, alice: User, acme: Organization) -> None:
    for _ in range(2):
        assert visitor.post(url).status_code == 200

    assert kinds_stopped(alice) == [LOW.name]
    event = AuditEvent.objects.get(action="notices.unsubscribed")
    assert (event.actor, event.organization, event.details) == (alice, acme, {"kind": "balance.low"})


def test_it_can_be_undone(visitor: Client, url: str, alice: User) -> None:
    visitor.post(url)
    for _ in range(2):
        response = visitor.post(url, {"again": "1"})

    assert "receives emails of this type from Acme" in response.content.decode()
    assert kinds_stopped(alice) == []
    assert AuditEvent.objects.filter(action="notices.subscribed").count() == 1


def test_it_stops_only_this_kind_of_this_organization_for_this_person(
    visitor: Client, url: str, acme: Organization, alice: User, bob: User
) -> None:
    visitor.post(url)

    row = Unsubscription.objects.get()
    assert (row.organization, row.user, row.kind) == (acme, alice, LOW.name)


def test_a_forged_token_is_not_found(visitor: Client, url: str, acme: Organization, alice: User) -> None:
    subject = [alice.public_id, acme.slug, "balance.low"]
    forged = [
        url[:-4] + "xyz/",
        "/notices/unsubscribe/nonsense/",
        f"/notices/unsubscribe/{signing.Signer(salt='another').sign_object(subject)}/",
        f"/notices/unsubscribe/{signing.Signer(key='another', salt='notices.unsubscribing').sign_object(subject)}/",
    ]

    for each in forged:
        assert visitor.get(each).status_code == 404
        assert visitor.post(each).status_code == 404
    assert kinds_stopped(alice) == []


@pytest.mark.parametrize("kind", sorted(kind.name for kind in kinds.every() if kind.is_essential))
def test_what_is_essential_can_not_be_stopped(visitor: Client, acme: Organization, alice: User, kind: str) -> None:
    token = unsubscribing.token_for(user=alice, organization=acme, kind=kind)

    assert visitor.post(f"/notices/unsubscribe/{token}/").status_code == 404
    assert kinds_stopped(alice) == []


def test_a_kind_that_there_is_no_more_is_not_found(visitor: Client, acme: Organization, alice: User) -> None:
    token = unsubscribing.token_for(user=alice, organization=acme, kind="birthday")

    assert visitor.get(f"/notices/unsubscribe/{token}/").status_code == 404


def test_the_page_is_in_the_persons_language(visitor: Client, url: str, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(language="ko")

    assert '<html lang="ko">' in visitor.get(url).content.decode()
