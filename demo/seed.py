"""Filling the database with the demo: five organizations, one per shipped program, with 90 days of history."""

import json
import sys
from io import StringIO

from django.conf import settings
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from tqdm import tqdm

from credits.models import Program
from demo.cast import CAST, PASSWORD, STAFF_EMAIL, STAFF_TOTP_SECRET
from demo.life import DAYS, live
from notices.models import MailState, NoticeMail
from organizations import api_keys
from organizations.accounts.people import create_person, give_totp
from organizations.models import Organization, Scope, User
from usage import rollups


def seed() -> None:
    """Fill an empty database with five organizations and write `.local/demo.json`.

    Raises SystemExit with a message where there are organizations already. It runs in one transaction.
    """
    if Organization.objects.exists():
        sys.exit("There are organizations already. `make demo-reset` starts over.")
    now = timezone.now()
    keys: list[dict[str, str | None]] = []
    # One transaction: a demo that was stopped half-way leaves nothing behind.
    with transaction.atomic(), tqdm(total=len(CAST) * (DAYS + 1), unit="day", file=sys.stderr, disable=None) as bar:
        staff = _staff()
        for actor in CAST:
            bar.set_description(actor.slug.ljust(8))
            call_command("load_program", actor.slug, stdout=StringIO())
            program = Program.objects.get(key=actor.slug)
            lived = live(actor, program=program, until=now, day_passed=bar.update)
            keys.append({"organization": actor.slug, "scope": Scope.SPEND.value, "key": lived.key})
        _, key = api_keys.create_key(
            organization=None, name="Product server", scope=Scope.SPEND, created_by=staff, reason="Demo", now=now
        )
        keys.append({"organization": None, "scope": Scope.SPEND.value, "key": key})
    # The job would do this within minutes; the first visit should not have to wait for it.
    rollups.roll_up_due()
    # Past notices are shown on the pages; no mails are sent about them now.
    NoticeMail.objects.filter(state=MailState.PENDING).update(state=MailState.SKIPPED, error="The demo's past.")
    _write_accounts(keys)


def _staff() -> User:
    staff = create_person(email=STAFF_EMAIL, password=PASSWORD, name="Support", is_staff=True)
    give_totp(staff, STAFF_TOTP_SECRET)
    return staff


def _write_accounts(keys: list[dict[str, str | None]]) -> None:
    accounts: list[dict[str, str | None]] = [
        {"email": person.mail, "password": PASSWORD, "role": person.role, "organization": actor.slug}
        for actor in CAST
        for person in actor.people
    ]
    staff = {"email": STAFF_EMAIL, "password": PASSWORD, "role": "staff", "organization": None}
    accounts.append({**staff, "totp_secret": STAFF_TOTP_SECRET})
    path = settings.BASE_DIR / ".local" / "demo.json"
    path.parent.mkdir(exist_ok=True)
    written = {"url": settings.BASE_URL, "accounts": accounts, "keys": keys}
    path.write_text(json.dumps(written, indent=2, ensure_ascii=False) + "\n")
