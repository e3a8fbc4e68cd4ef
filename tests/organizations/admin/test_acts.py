"""Acts of staff, whichever admin offers them: permission, the form, and how many rows at once."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from organizations import api_keys
from organizations.accounts.people import give_totp
from organizations.admin.api_keys import ApiKeyAdmin
from organizations.models import ApiKey, AuditEvent, User
from tests.support import factories
from tests.support.pages.owner_pages import signed_in

KEYS = "/admin/organizations/apikey/"


@pytest.fixture
def keys(stella: User) -> list[ApiKey]:
    return [
        api_keys.create_key(organization=None, name=name, scope="read", created_by=stella)[0] for name in ("One", "Two")
    ]


def chosen(keys: list[ApiKey], **fields: str) -> dict[str, Any]:
    answer = {"token": str(uuid4()), "reason": "Leaked"}
    return {"action": "revoke", "_selected_action": [key.pk for key in keys], **answer, **fields}


def valid() -> int:
    return ApiKey.objects.filter(revoked_at=None).count()


def test_the_page_lists_what_was_chosen_and_what_the_act_does(stella: User, keys: list[ApiKey]) -> None:
    first = {"action": "revoke", "_selected_action": [key.pk for key in keys]}
    page = signed_in(stella).post(KEYS, first).content.decode()

    assert all(str(key) in page for key in keys)
    assert "Requests with these keys are refused from now on." in page
    assert valid() == 2


def test_all_that_was_chosen_is_acted_on_each_with_the_reason(stella: User, keys: list[ApiKey]) -> None:
    page = signed_in(stella).post(KEYS, chosen(keys), follow=True).content.decode()

    assert "The keys are revoked." in page
    assert valid() == 0
    assert list(AuditEvent.objects.filter(action="api_key.revoked").values_list("reason", flat=True)) == ["Leaked"] * 2


@pytest.mark.parametrize("fields", [{"reason": " "}, {"token": ""}, {"token": "1"}])
def test_without_reason_or_token_nothing_is_done_and_the_form_says_why(
    stella: User, keys: list[ApiKey], fields: dict[str, str]
) -> None:
    response = signed_in(stella).post(KEYS, chosen(keys, **fields))

    assert response.status_code == 422
    assert "errorlist" in response.content.decode()
    assert valid() == 2


def test_staff_who_may_only_read_are_offered_nothing(keys: list[ApiKey]) -> None:
    reader = User.objects.create_user("rita@staff.example", is_staff=True)
    give_totp(reader, factories.TOTP_SECRET)
    reader.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client = signed_in(reader)

    assert "Revoke the selected keys" not in client.get(KEYS).content.decode()
    client.post(KEYS, chosen(keys))

    assert valid() == 2


def test_more_rows_than_an_act_takes_are_refused(
    stella: User, keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    (revoke,) = ApiKeyAdmin.list_acts
    monkeypatch.setattr(ApiKeyAdmin, "list_acts", (replace(revoke, most=1),))

    page = signed_in(stella).post(KEYS, chosen(keys), follow=True).content.decode()

    assert "Choose at most 1 at a time." in page
    assert valid() == 2


def test_a_refusal_is_shown_on_the_form_and_undoes_the_whole_act(
    stella: User, keys: list[ApiKey], monkeypatch: pytest.MonkeyPatch
) -> None:
    revoke_key = api_keys.revoke_key

    def refuse_the_second(*, key: ApiKey, **rest: Any) -> None:
        revoke_key(key=key, **rest)
        if key == keys[-1]:
            revoke_key(key=key, **rest)

    monkeypatch.setattr("organizations.admin.api_keys.revoke_key", refuse_the_second)

    response = signed_in(stella).post(KEYS, chosen(keys))

    assert response.status_code == 422
    assert "is already revoked." in response.content.decode()
    assert valid() == 2


def test_strangers_are_sent_to_sign_in(keys: list[ApiKey], client: Client) -> None:
    assert client.post(KEYS, chosen(keys)).status_code == 302
    assert valid() == 2
