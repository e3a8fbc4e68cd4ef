"""What the database itself refuses of notices' rows, past every model and verb: a case or more per constraint."""

from dataclasses import dataclass

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from billing.dashboard.events import GRANT_EXPIRING
from notices.models import NoticeRecipient, NoticeSetting, RefusedAddress, Unsubscription
from organizations.models import Organization, User
from tests.support.occasions import NOW, given

pytestmark = pytest.mark.django_db


@dataclass(frozen=True)
class Case:
    """A constraint, and what a copied row would have to be for it to be broken, as SQL by column."""

    table: str
    constraint: str
    broken: dict[str, str]

    def __str__(self) -> str:
        return f"{self.constraint} ({', '.join(f'{c} {v}' for c, v in self.broken.items())})"


# What a copy needs to be another row, and not merely the same one twice.
ANOTHER = {
    "notice": {"id": "gen_random_uuid()", "key": "'another'"},
    "noticemail": {"id": "gen_random_uuid()", "user_id": "(SELECT max(id) FROM organizations_user)"},
    "noticesetting": {"kind": "'limit.threshold'"},
    "noticerecipient": {"user_id": "(SELECT max(id) FROM organizations_user)"},
    "unsubscription": {"kind": "'limit.threshold'"},
    "refusedaddress": {"email": "'another@example.com'"},
}

CASES = [
    Case("notice", "notice_is_given_once", {"key": "key"}),
    Case("notice", "notice_has_a_key", {"key": "''"}),
    Case("noticemail", "notice_is_mailed_once_to_a_person", {"user_id": "user_id"}),
    Case("noticemail", "notice_mail_state_known", {"state": "'lost'"}),
    Case("noticemail", "notice_mail_is_sent_with_a_time", {"state": "'sent'"}),
    Case("noticemail", "notice_mail_is_sent_with_a_time", {"sent_at": "now()"}),
    Case("noticemail", "notices_noticemail_attempts_check", {"attempts": "-1"}),
    Case("noticesetting", "notice_setting_per_kind", {"kind": "kind"}),
    Case("noticerecipient", "notice_recipient_once", {"user_id": "user_id"}),
    Case("unsubscription", "unsubscribed_once", {"kind": "kind"}),
    Case("refusedaddress", "notices_refusedaddress_email_key", {"email": "email"}),
]


@pytest.fixture
def _rows(acme: Organization, alice: User, bob: User) -> None:
    """A row of every kind, about Alice; Bob is the last user and has none yet."""
    given(acme)
    NoticeSetting.objects.create(organization=acme, kind=GRANT_EXPIRING.name)
    NoticeRecipient.objects.create(organization=acme, user=alice)
    Unsubscription.objects.create(organization=acme, user=alice, kind=GRANT_EXPIRING.name, created_at=NOW)
    RefusedAddress.objects.create(email="dora@example.com", refused_at=NOW)


def copy(case: Case) -> None:
    """Insert a copy of a row, with what the case breaks."""
    table = f"notices_{case.table}"
    with connection.cursor() as cursor:
        cursor.execute("SELECT column_name FROM information_schema.columns WHERE table_name = %s", [table])
        changed = {**ANOTHER[case.table], **case.broken}
        names = [name for (name,) in cursor.fetchall() if name != "id" or name in changed]
        values = ", ".join(changed.get(name, name) for name in names)
        cursor.execute(f"INSERT INTO {table} ({', '.join(names)}) SELECT {values} FROM {table} LIMIT 1")
        assert cursor.rowcount == 1


@pytest.mark.parametrize("case", CASES, ids=str)
@pytest.mark.usefixtures("_rows")
def test_the_database_refuses(case: Case) -> None:
    with pytest.raises(IntegrityError) as refusal, transaction.atomic():
        copy(case)
    assert f'"{case.constraint}"' in str(refusal.value)


@pytest.mark.parametrize("table", sorted(ANOTHER))
@pytest.mark.usefixtures("_rows")
def test_the_same_copy_is_taken_where_nothing_is_broken(table: str) -> None:
    copy(Case(table, "", {}))


def test_every_constraint_of_the_models_has_a_case() -> None:
    declared = {
        constraint.name
        for model in apps.get_app_config("notices").get_models()
        for constraint in model._meta.constraints
    }

    assert declared <= {case.constraint for case in CASES}


def test_every_check_and_unique_constraint_of_the_database_has_a_case() -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint"
            " WHERE conrelid::regclass::text LIKE 'notices\\_%' AND contype IN ('c', 'u')"
        )
        enforced = {name for (name,) in cursor.fetchall()}

    assert enforced <= {case.constraint for case in CASES}
