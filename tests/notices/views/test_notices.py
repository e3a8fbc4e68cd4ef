"""The list of notices, as Alice, an owner, and Bob, a member, see it; and dismissing."""

from datetime import timedelta

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from billing.dashboard.events import GRANT_EXPIRING
from billing.recharge.events import RECHARGE_FAILED
from credits.ledger.thresholds.events import LOW
from notices import queries
from notices.models import MailState, Notice, NoticeMail, Unsubscription
from organizations.models import AuditEvent, Organization, Role, User
from tests.support import factories
from tests.support.occasions import NOW, given
from tests.support.pages.owner_pages import signed_in
from usage.limits.events import LIMIT_ANSWERED, LIMIT_THRESHOLD

pytestmark = pytest.mark.django_db

URL = "/o/acme/notices/"
ALL = "/o/acme/notices/dismiss/"


def dismiss_url(notice: Notice) -> str:
    return f"/o/acme/notices/{notice.pk}/dismiss/"


@pytest.fixture
def alices(alice: User, acme: Organization) -> Client:
    return signed_in(alice)


def page_of(client: Client, url: str = URL) -> str:
    response = client.get(url)
    assert response.status_code == 200
    return response.content.decode()


class TestWhoSeesWhat:
    def test_an_owner_sees_the_organizations_and_their_own(
        self, alices: Client, acme: Organization, alice: User, bob: User
    ) -> None:
        given(acme)
        given(acme, LIMIT_ANSWERED, user=alice)
        given(acme, LIMIT_THRESHOLD, user=bob)

        page = page_of(alices)

        assert "Your balance is low" in page
        assert "Your limit request was granted" in page
        assert "of a monthly limit" not in page

    def test_a_member_sees_what_is_for_them_alone(self, acme: Organization, bob: User) -> None:
        given(acme)
        given(acme, LIMIT_THRESHOLD, user=bob)

        page = page_of(signed_in(bob))

        assert "of a monthly limit" in page
        assert "Your balance is low" not in page
        assert "Notice settings" not in page

    def test_a_stranger_learns_nothing_and_anonymous_visitors_are_sent_to_sign_in(
        self, acme: Organization, charlie: User
    ) -> None:
        notice = given(acme)

        assert signed_in(charlie).get(URL).status_code == 404
        assert signed_in(charlie).post(ALL).status_code == 404
        assert signed_in(charlie).post(dismiss_url(notice)).status_code == 404
        assert Client().get(URL)["Location"].startswith("/accounts/login/")
        assert Client().post(ALL)["Location"].startswith("/accounts/login/")

    def test_another_organizations_notices_are_not_listed_or_dismissed(
        self, alices: Client, acme: Organization, charlie: User
    ) -> None:
        theirs = given(Organization.objects.get(slug="globex"))

        assert "Your balance is low" not in page_of(alices)
        assert alices.post(dismiss_url(theirs)).status_code == 404


class TestTheList:
    def test_it_says_honestly_that_there_is_nothing(self, alices: Client) -> None:
        assert "No notices yet." in page_of(alices)

    def test_the_newest_stands_first(self, alices: Client, acme: Organization) -> None:
        given(acme, GRANT_EXPIRING, now=NOW - timedelta(days=1))
        given(acme, RECHARGE_FAILED, now=NOW)
        given(acme, LIMIT_THRESHOLD, now=NOW - timedelta(days=2))

        page = page_of(alices)

        places = [page.index(title) for title in ("Auto-recharge stopped", "Credits expire", "of a monthly limit")]
        assert places == sorted(places)

    def test_times_are_the_organizations(self, alices: Client, acme: Organization) -> None:
        given(acme)

        assert "Mar 10, 2026, 9:00\u202fPM" in page_of(alices)

    def test_what_became_of_the_mails_is_shown(self, alices: Client, acme: Organization) -> None:
        dora = factories.person("Dora")
        factories.member(acme, dora, role=Role.OWNER)
        notice = given(acme)
        NoticeMail.objects.filter(notice=notice, user=dora).update(state=MailState.FAILED)

        words = " ".join(page_of(alices).split())

        assert "Alice: to be sent" in words
        assert "Dora: failed" in words

    def test_a_long_list_has_pages(self, alices: Client, acme: Organization) -> None:
        for number in range(26):
            given(acme, LIMIT_THRESHOLD, key=f"limit:{number}", now=NOW + timedelta(hours=number))

        first, second = page_of(alices), page_of(alices, f"{URL}?page=2")

        assert (first.count('scope="row"'), second.count('scope="row"')) == (25, 1)
        assert "?page=2" in first
        assert "?page=1" in second
        assert page_of(alices, f"{URL}?page=nonsense").count('scope="row"') == 25

    def test_it_asks_as_few_questions_for_much_as_for_little(
        self, alices: Client, acme: Organization, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        for number in range(10):
            given(acme, LIMIT_THRESHOLD, key=f"limit:{number}")

        with django_assert_num_queries(8):
            page_of(alices)

    def test_the_reader_is_reminded_of_what_they_unsubscribed_from(
        self, alices: Client, acme: Organization, alice: User
    ) -> None:
        Unsubscription.objects.create(organization=acme, user=alice, kind=GRANT_EXPIRING.name, created_at=NOW)

        page = page_of(alices)

        assert "Emails you have unsubscribed from" in page
        assert "Credits expiring" in page
        assert "/notices/unsubscribe/" in page


class TestNoticesOfOtherVersions:
    @pytest.mark.parametrize("kind", [LOW.name, "birthday.came"])
    def test_one_that_can_not_be_read_does_not_break_the_page(
        self, alices: Client, acme: Organization, kind: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        Notice.objects.create(organization=acme, kind=kind, key="x", details={"available": 1}, created_at=NOW)
        given(acme, GRANT_EXPIRING)

        page = page_of(alices)

        assert ("Low balance" if kind == LOW.name else "birthday.came") in page
        assert "Credits expire" in page
        assert "can't be put into words" in caplog.text
        assert [each.notice.kind for each in queries.shown(acme, now=NOW)] == [GRANT_EXPIRING.name]


class TestDismissing:
    def test_one_is_dismissed_once_and_stays_in_the_list(self, alices: Client, acme: Organization, alice: User) -> None:
        one, other = given(acme), given(acme, GRANT_EXPIRING)

        for _ in range(2):
            assert alices.post(dismiss_url(one))["Location"] == URL

        one.refresh_from_db()
        other.refresh_from_db()
        assert one.dismissed_by == alice
        assert other.dismissed_at is None
        assert AuditEvent.objects.filter(action="notice.dismissed", actor=alice, organization=acme).count() == 1
        assert "Your balance is low" in page_of(alices)

    def test_from_the_dashboard_it_leads_back_there_and_nowhere_else(self, alices: Client, acme: Organization) -> None:
        url = dismiss_url(given(acme))

        assert alices.post(url, {"next": "/o/acme/"})["Location"] == "/o/acme/"
        for page in (
            "https://evil.example/",
            "//evil.example/",
            "/\\evil.example/",
            "javascript:alert(1)",
            "",
            "o/acme/",
        ):
            assert alices.post(url, {"next": page})["Location"] == URL

    def test_all_are_dismissed_at_once(self, alices: Client, acme: Organization, bob: User) -> None:
        mine, theirs = [given(acme), given(acme, GRANT_EXPIRING)], given(acme, LIMIT_THRESHOLD, user=bob)

        for _ in range(2):
            assert alices.post(ALL, follow=True).status_code == 200

        assert all(Notice.objects.get(pk=notice.pk).dismissed_at for notice in mine)
        assert Notice.objects.get(pk=theirs.pk).dismissed_at is None
        assert AuditEvent.objects.get(action="notice.dismissed").details == {"notices": 2}
        assert "Dismiss all" not in page_of(alices)

    def test_a_member_dismisses_only_what_is_for_them(self, acme: Organization, bob: User) -> None:
        owners, bobs = given(acme), given(acme, LIMIT_THRESHOLD, user=bob)
        bobs_browser = signed_in(bob)

        assert bobs_browser.post(dismiss_url(owners)).status_code == 404
        assert bobs_browser.post(dismiss_url(bobs)).status_code == 302
        assert bobs_browser.post(ALL).status_code == 302
        owners.refresh_from_db()
        assert owners.dismissed_at is None

    def test_looking_changes_nothing(self, alices: Client, acme: Organization) -> None:
        assert alices.get(dismiss_url(given(acme))).status_code == 405
        assert alices.get(ALL).status_code == 405
        assert alices.post(URL).status_code == 405
