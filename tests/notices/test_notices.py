"""Writing notices: once per occasion, with their cause, for whom they concern."""

import pytest
from django.db import connection, transaction
from pytest_django import DjangoCaptureOnCommitCallbacks

from billing.dashboard.events import GRANT_EXPIRING
from credits.ledger.thresholds.events import DEPLETED, LOW, RESTORED
from jobs import nudges
from notices import kinds, notices, tasks
from notices.models import Notice, NoticeMail, NoticeRecipient, NoticeSetting, Unsubscription
from organizations.models import Organization, Role, User
from tests.support import factories
from tests.support.occasions import NOW, give, given
from tests.support.races import run_many
from usage.limits.events import LIMIT_REQUESTED, LIMIT_THRESHOLD

pytestmark = pytest.mark.django_db


def mailed_to(notice: Notice) -> list[str]:
    return sorted(mail.user.name for mail in notice.mails.select_related("user"))


class TestOnce:
    def test_the_same_occasion_is_told_once(self, acme: Organization) -> None:
        first, second = give(acme, key="low:7"), give(acme, key="low:7")

        assert first is not None
        assert second is None
        assert Notice.objects.filter(organization=acme).count() == 1
        assert NoticeMail.objects.filter(notice=first).count() == 1

    def test_another_occasion_or_organization_is_told_too(self, acme: Organization, charlie: User) -> None:
        globex = Organization.objects.get(slug="globex")

        assert all([give(acme, key="low:7"), give(acme, key="low:8"), give(globex, key="low:7")])

    def test_it_goes_with_its_cause(self, acme: Organization) -> None:
        def cause() -> None:
            with transaction.atomic():
                give(acme)
                raise RuntimeError("the cause failed")

        with pytest.raises(RuntimeError, match="the cause failed"):
            cause()

        assert not Notice.objects.filter(organization=acme).exists()

    @pytest.mark.django_db(transaction=True)
    def test_it_is_not_given_outside_of_a_transaction(self, acme: Organization) -> None:
        with pytest.raises(RuntimeError, match="in the transaction of its cause"):
            notices.give_notice(organization_id=acme.pk, kind=DEPLETED.name, key="x", details={}, now=NOW)

    @pytest.mark.django_db(transaction=True)
    def test_whoever_finds_the_same_occasion_at_once_tells_it_once(self, acme: Organization) -> None:
        results = run_many(lambda: give(acme), 4)

        assert sum(isinstance(result, Notice) for result in results) == 1
        assert results.count(None) == 3
        assert NoticeMail.objects.count() == 1

    @pytest.mark.django_db(transaction=True)
    def test_control_without_the_unique_key_it_is_told_to_each(self, acme: Organization) -> None:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE notices_notice DROP CONSTRAINT notice_is_given_once")
        try:
            results = run_many(lambda: give(acme), 4)
        finally:
            NoticeMail.objects.all().delete()
            Notice.objects.all().delete()
            with connection.cursor() as cursor:
                cursor.execute(
                    "ALTER TABLE notices_notice ADD CONSTRAINT notice_is_given_once UNIQUE (organization_id, key)"
                )

        assert sum(isinstance(result, Notice) for result in results) == 4

    def test_a_kind_that_nobody_registered_is_refused(self, acme: Organization) -> None:
        with pytest.raises(kinds.UnknownKind), transaction.atomic():
            notices.give_notice(organization_id=acme.pk, kind="birthday.came", key="x", details={}, now=NOW)

        assert not Notice.objects.exists()


class TestRecipients:
    def test_all_active_owners_are_mailed(self, acme: Organization, bob: User) -> None:
        for name, is_active in (("Dora", True), ("Eve", False)):
            owner = factories.person(name)
            factories.member(acme, owner, role=Role.OWNER)
            User.objects.filter(pk=owner.pk).update(is_active=is_active)

        assert mailed_to(given(acme)) == ["Alice", "Dora"]

    def test_or_who_was_chosen(self, acme: Organization, bob: User) -> None:
        NoticeRecipient.objects.create(organization=acme, user=bob)

        assert mailed_to(given(acme)) == ["Bob"]

    def test_a_chosen_one_who_has_left_leaves_it_to_the_owners(self, acme: Organization, charlie: User) -> None:
        NoticeRecipient.objects.create(organization=acme, user=charlie)

        assert mailed_to(given(acme)) == ["Alice"]

    def test_only_owners_can_answer_requests_so_only_they_are_mailed_of_them(
        self, acme: Organization, bob: User
    ) -> None:
        NoticeRecipient.objects.create(organization=acme, user=bob)

        assert mailed_to(given(acme, LIMIT_REQUESTED)) == ["Alice"]

    def test_what_is_for_one_person_goes_to_them_alone_however_owners_want_it(
        self, acme: Organization, bob: User
    ) -> None:
        NoticeSetting.objects.create(organization=acme, kind=LIMIT_THRESHOLD.name, by_mail=False, on_dashboard=False)

        notice = given(acme, LIMIT_THRESHOLD, user=bob)

        assert mailed_to(notice) == ["Bob"]
        assert notice.is_shown

    def test_owners_who_want_no_mail_get_none(self, acme: Organization) -> None:
        NoticeSetting.objects.create(organization=acme, kind=LOW.name, by_mail=False)

        notice = given(acme)

        assert mailed_to(notice) == []
        assert notice.is_shown

    def test_nor_on_the_dashboard_if_they_say_so(self, acme: Organization) -> None:
        NoticeSetting.objects.create(organization=acme, kind=LOW.name, on_dashboard=False)

        notice = given(acme)

        assert mailed_to(notice) == ["Alice"]
        assert not notice.is_shown

    def test_whoever_unsubscribed_is_left_out_of_that_kind(self, acme: Organization, alice: User) -> None:
        Unsubscription.objects.create(organization=acme, user=alice, kind=LOW.name, created_at=NOW)

        assert mailed_to(given(acme)) == []
        assert mailed_to(given(acme, RESTORED)) == ["Alice"]


class TestTheHurry:
    def test_sending_is_nudged_after_the_commit(
        self,
        acme: Organization,
        monkeypatch: pytest.MonkeyPatch,
        django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    ) -> None:
        nudged: list[object] = []
        monkeypatch.setattr(nudges, "nudge", lambda task, *args: nudged.append(task))
        with django_capture_on_commit_callbacks(execute=True):
            give(acme)
            assert nudged == []

        assert nudged == [tasks.send_mails]

    def test_nobody_is_nudged_for_nothing(
        self, acme: Organization, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
    ) -> None:
        NoticeSetting.objects.create(organization=acme, kind=LOW.name, by_mail=False)
        with django_capture_on_commit_callbacks() as callbacks:
            give(acme)

        assert callbacks == []


class TestEndsOfNotices:
    def test_of_the_balance_only_the_newest_stays(self, acme: Organization) -> None:
        low, depleted, other = given(acme), given(acme, DEPLETED), given(acme, GRANT_EXPIRING)
        restored = given(acme, RESTORED)

        for old in (low, depleted):
            old.refresh_from_db()
            assert (old.dismissed_at, old.dismissed_by) == (NOW, None)
        for current in (other, restored):
            current.refresh_from_db()
            assert current.dismissed_at is None

    def test_of_a_limit_or_a_grant_too(self, acme: Organization, bob: User) -> None:
        older = [given(acme, LIMIT_THRESHOLD, key="75", percent=75), given(acme, GRANT_EXPIRING, key="14")]
        others = [
            given(acme, LIMIT_THRESHOLD, key="a namesake's", limit_id=2),
            given(acme, GRANT_EXPIRING, key="another", grant="0199"),
            given(acme, LIMIT_THRESHOLD, key="own", user=bob),
        ]
        newer = [given(acme, LIMIT_THRESHOLD, key="90", percent=90), given(acme, GRANT_EXPIRING, key="3", days=3)]

        assert [Notice.objects.get(pk=each.pk).dismissed_at for each in older] == [NOW, NOW]
        assert not Notice.objects.filter(pk__in=[each.pk for each in others + newer], dismissed_at=NOW).exists()

    def test_a_cause_that_is_over_ends_its_notices(self, acme: Organization) -> None:
        one, another = given(acme, LIMIT_REQUESTED, key="a"), given(acme, LIMIT_REQUESTED, key="b")

        ended = notices.withdraw(organization_id=acme.pk, names=[LIMIT_REQUESTED.name], key="a", now=NOW)
        again = notices.withdraw(organization_id=acme.pk, names=[LIMIT_REQUESTED.name], key="a", now=NOW)

        assert (ended, again) == (1, 0)
        one.refresh_from_db()
        another.refresh_from_db()
        assert (one.dismissed_at, another.dismissed_at) == (NOW, None)

    def test_what_is_over_may_be_named_by_what_they_tell(self, acme: Organization, bob: User) -> None:
        one, another = given(acme, LIMIT_THRESHOLD, key="a"), given(acme, LIMIT_THRESHOLD, key="b", limit_id=2)
        own = given(acme, LIMIT_THRESHOLD, key="own", user=bob)

        assert (
            notices.withdraw(organization_id=acme.pk, names=[LIMIT_THRESHOLD.name], about={"limit_id": 1}, now=NOW) == 1
        )
        ended = Notice.objects.filter(dismissed_at=NOW)
        assert set(ended) == {one}
        assert another not in ended
        assert own not in ended

    def test_what_was_dismissed_is_not_read_to_find_what_a_newer_one_dismisses(self, acme: Organization) -> None:
        over = {"kind": LIMIT_THRESHOLD.name, "created_at": NOW, "dismissed_at": NOW}
        Notice.objects.bulk_create(Notice(organization=acme, key=f"{n}", **over) for n in range(500))
        newest = given(acme, LIMIT_THRESHOLD, key="newest")
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE notices_notice")
            # A table that is as small as here would be read as a whole by choice.
            cursor.execute("SET LOCAL enable_seqscan = off")

        assert "notice_open" in notices._superseded_by(newest, kinds.get(LIMIT_THRESHOLD.name)).explain()
