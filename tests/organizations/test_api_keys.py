"""API keys: made, recognized, noted as used, revoked."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection, transaction
from pytest_django import DjangoAssertNumQueries

from organizations import api_keys
from organizations.models import ApiKey, AuditEvent, Organization, Scope, User
from tests.support import factories
from tests.support.races import run_together

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def make(organization: Organization | None, by: User, name: str = "CI", scope: str = Scope.READ) -> tuple[ApiKey, str]:
    return api_keys.create_key(organization=organization, name=name, scope=scope, created_by=by)


class TestMaking:
    def test_the_text_has_160_random_bits_and_is_not_stored(self, acme: Organization, alice: User) -> None:
        key, text = make(acme, alice)

        assert text.startswith("dd_")
        assert len(text) == len("dd_") + 32
        assert key.hint == text[:7]
        assert text not in str(ApiKey.objects.values().get()) + str(list(AuditEvent.objects.values()))

    def test_no_two_are_the_same(self, acme: Organization, alice: User) -> None:
        assert len({make(acme, alice, name=f"Key {number}")[1] for number in range(20)}) == 20

    def test_a_name_is_used_by_one_valid_key(self, acme: Organization, alice: User) -> None:
        key, _text = make(acme, alice, "CI")
        with pytest.raises(api_keys.KeyNameTakenError):
            make(acme, alice, "ci")

        api_keys.revoke_key(key=key, actor=alice)
        assert make(acme, alice, "ci")


class TestRecognizing:
    def test_a_key_is_what_it_was_made_as(self, acme: Organization, alice: User) -> None:
        key, text = make(acme, alice, scope=Scope.SPEND)
        found = api_keys.authenticate(text)

        assert found == api_keys.AuthenticatedKey(
            id=key.pk, public_id=key.public_id, name="CI", organization_id=acme.pk, scope="spend"
        )
        assert found.may_spend

    def test_a_reading_key_may_not_spend(self, acme: Organization, alice: User) -> None:
        found = api_keys.authenticate(make(acme, alice)[1])

        assert found is not None
        assert not found.may_spend

    def test_a_product_servers_key_has_no_organization(self, alice: User) -> None:
        found = api_keys.authenticate(make(None, alice)[1])

        assert found is not None
        assert found.organization_id is None

    @pytest.mark.parametrize("token", ["", "dd_", "dd_" + "0" * 32, "Bearer", "dd_\udcff", "dd_\x00", "x" * 10_000])
    def test_anything_else_is_worthless(self, db: None, token: str) -> None:
        assert api_keys.authenticate(token) is None

    def test_a_hash_is_no_key(self, acme: Organization, alice: User) -> None:
        key, _text = make(acme, alice)

        assert api_keys.authenticate(key.key_hash) is None
        assert api_keys.authenticate("dd_" + key.key_hash) is None

    def test_a_key_of_a_closed_organization_is_worthless(self, acme: Organization, alice: User) -> None:
        _key, text = make(acme, alice)
        Organization.objects.update(closed_at=NOW)

        assert api_keys.authenticate(text) is None

    def test_many_take_one_query(
        self, acme: Organization, alice: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        texts = [make(acme, alice, name=f"Key {number}")[1] for number in range(5)]
        with django_assert_num_queries(1):
            found = api_keys.authenticate_many([*texts, "dd_unknown", texts[0]])

        assert set(found) == set(texts)
        assert {found[text].name for text in texts} == {f"Key {number}" for number in range(5)}

    def test_none_take_none(self, db: None, django_assert_num_queries: DjangoAssertNumQueries) -> None:
        with django_assert_num_queries(0):
            assert api_keys.authenticate_many(["", "nonsense"]) == {}


class TestRevoking:
    def test_it_is_worthless_at_once_and_recorded(self, acme: Organization, alice: User) -> None:
        key, text = make(acme, alice)
        api_keys.revoke_key(key=key, actor=alice, reason="Leaked")

        assert api_keys.authenticate(text) is None
        event = AuditEvent.objects.get(action="api_key.revoked")
        assert (event.organization, event.actor, event.reason) == (acme, alice, "Leaked")

    def test_twice_is_refused(self, acme: Organization, alice: User) -> None:
        key, _text = make(acme, alice)
        api_keys.revoke_key(key=key, actor=alice)

        with pytest.raises(api_keys.KeyRevokedError):
            api_keys.revoke_key(key=key, actor=alice)
        assert AuditEvent.objects.filter(action="api_key.revoked").count() == 1


class TestLastUse:
    def test_it_is_noted(self, acme: Organization, alice: User) -> None:
        key, _text = make(acme, alice)
        api_keys.note_use([key.pk], NOW)

        key.refresh_from_db()
        assert key.last_used_at == NOW

    def test_at_most_once_a_minute(self, acme: Organization, alice: User) -> None:
        key, _text = make(acme, alice)
        for after, noted in [(0, 0), (59, 0), (60, 60), (61, 60)]:
            api_keys.note_use([key.pk], NOW + timedelta(seconds=after))
            key.refresh_from_db()
            assert key.last_used_at == NOW + timedelta(seconds=noted)

    def test_many_take_one_statement_and_none_take_none(
        self, acme: Organization, alice: User, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        keys = [make(acme, alice, name=f"Key {number}")[0].pk for number in range(3)]
        with django_assert_num_queries(1):
            api_keys.note_use(keys, NOW)
            api_keys.note_use([], NOW)

        assert ApiKey.objects.filter(last_used_at=NOW).count() == 3

    @pytest.mark.django_db(transaction=True)
    def test_it_never_waits_for_another_transaction(self) -> None:
        alice = factories.person()
        key, _text = make(None, alice)

        def note_impatiently() -> None:
            with connection.cursor() as cursor:
                cursor.execute("SET lock_timeout = '100ms'")
            api_keys.note_use([key.pk], NOW)

        with transaction.atomic():
            ApiKey.objects.select_for_update().get(pk=key.pk)
            assert run_together([note_impatiently]) == [None]

        key.refresh_from_db()
        assert key.last_used_at is None
