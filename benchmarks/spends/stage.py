"""What is measured on: a database of its own, organizations that hold plenty of credits, and the real web server."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
from django.core.management import call_command
from django.db import connection

from benchmarks.spends.load import Order, Result
from config import embedded
from credits import ledger
from credits.models import Program, Source, Wallet
from demo.server import Children, free_port, wait_until_served, web_command
from organizations.accounts.people import create_person
from organizations.api_keys import create_key
from organizations.members.membership import create_organization
from organizations.models import Membership, Organization, Role, Scope, User
from usage.models import Feature, Rate
from usage.pricing import Measures

HOT = "hot"
PLENTY = 10**12
# One use: 800 tokens in at 1 credit, 200 out at 4.
USE = {"feature": "chat", "model": "small", "input_tokens": 800, "output_tokens": 200, "user": "ann@bench.example"}
MEASURES = Measures(model="small", input_tokens=800, output_tokens=200)
COST = 1600
ALWAYS = datetime(2020, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Stage:
    """Where it is played: `key` is a product server's API key; `spread` are the organizations besides the hot one."""

    url: str
    key: str
    spread: list[str]

    def organizations(self, where: str) -> list[str]:
        """Return whose credits are spent: `hot` (one wallet) or `spread`."""
        return [HOT] if where == "hot" else self.spread


@contextlib.contextmanager
def database() -> Iterator[str]:
    """Make an empty database with the product's tables, give its URL, drop it afterwards.

    The environment names it from then on, for the processes that are started.
    """
    with contextlib.redirect_stdout(io.StringIO()):  # it says that the cache's table is there, whatever the verbosity
        connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    own = str(connection.settings_dict["NAME"])
    url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{own}").geturl()
    os.environ["DATABASE_URL"] = url
    try:
        yield url
    finally:
        connection.creation.destroy_test_db("postgres", verbosity=0)


def fill(url: str, wallets: int) -> Stage:
    """Write so many organizations and the hot one, each with a wallet and one grant; Ann is a member of all."""
    ann = create_person(email=str(USE["user"]), password="not for signing in", name="Ann")
    create_organization(slug=HOT, name="Hot", owner=ann, country="DE", currency="EUR")
    spread = [f"w{number:04}" for number in range(wallets)]
    others = Organization.objects.bulk_create(
        Organization(slug=slug, name=slug, time_zone="Europe/Berlin", language="en", country="DE", currency="EUR")
        for slug in spread
    )
    Membership.objects.bulk_create(Membership(organization=other, user=ann, role=Role.OWNER) for other in others)
    program = Program.objects.create(key="bench", name="Bench")
    feature = Feature.objects.create(program=program, key="chat", name="Chat")
    Rate.objects.create(
        feature=feature, pricing="per_token", model="small", input_credits=1, output_credits=4, effective_at=ALWAYS
    )
    _give(Wallet.objects.bulk_create(_wallet(organization, program) for organization in Organization.objects.all()))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return Stage(url=url, key=_key(ann), spread=spread)


def _wallet(organization: Organization, program: Program) -> Wallet:
    return Wallet(organization=organization, program=program, created_at=ALWAYS, last_written_at=ALWAYS)


def _give(wallets: list[Wallet]) -> None:
    with ledger.open_book(keys=[(wallet.pk, "plenty") for wallet in wallets]) as book:
        for wallet in wallets:
            ledger.grant(
                book,
                wallet_id=wallet.pk,
                credits=PLENTY,
                source=Source.GOODWILL,
                key="plenty",
                content_hash=ledger.hash_content(key="plenty"),
                cause=ledger.Cause(actor_label="benchmark"),
            )


def _key(ann: User) -> str:
    return create_key(organization=None, name="Benchmark", scope=Scope.SPEND, created_by=ann)[1]


@contextlib.contextmanager
def server() -> Iterator[tuple[int, int]]:
    """Serve the database with the product's own command; give the port and the server's process id."""
    port = free_port(21_000)
    os.environ["DJANGO_SETTINGS_MODULE"] = "benchmarks.settings"
    children = Children()
    try:
        children.start("web server", web_command(port))
        wait_until_served(port, children)
        if death := children.dead():
            raise RuntimeError(f"The {death[0]} ended with exit code {death[1]}.")
        yield port, children.running["web server"].pid
    finally:
        children.stop()


def send(order: Order) -> Result:
    """Have the load done by a process of its own. Raises RuntimeError where an answer was not what it must be."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.spends.load"],
        input=msgspec.json.encode(asdict(order)),
        stdout=subprocess.PIPE,
        check=True,
        cwd=embedded.ROOT,
    )
    result = msgspec.json.decode(done.stdout, type=Result)
    if result.wrong or not result.requests:
        raise RuntimeError(f"{order.kind}, {order.connections} connections: wrong answers {result.wrong}")
    return result


def prove() -> int:
    """Audit the ledger, and compare the events with what left the wallets; return how many events there are.

    Raises CommandError or AssertionError where anything is amiss.
    """
    call_command("audit_ledger", stdout=io.StringIO())
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), coalesce(sum(credits), 0) FROM usage_usageevent")
        events, spent = cursor.fetchone()
        cursor.execute("SELECT count(*) * %s::bigint - sum(balance) FROM credits_wallet", [PLENTY])
        (moved,) = cursor.fetchone()
    assert spent == moved, f"Events say that {spent} credits were spent, but {moved} left the wallets."
    return int(events)
