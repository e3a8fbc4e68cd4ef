"""90 days of an organization, written by the domain's functions with the time passed in.

Randomness is seeded by organization and day, so every run writes the same history up to now.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

from billing.models import Purchase
from credits import ledger
from credits.models import Program, Wallet
from demo import plans, purchases
from demo.cast import PASSWORD, Actor, Gift, Work
from organizations import api_keys
from organizations.accounts.people import create_person
from organizations.members import membership, teams
from organizations.models import Organization, Role, Scope, Team, User
from usage import limits
from usage.metering import meter, reservations, usage_refunds
from usage.models import Service
from usage.pricing import Measures
from usage.uses import Insufficient, Metered, Use, UseRefusal

DAYS = 90
# A day's uses are written in so many batches, as a product's server would.
STROKES_A_DAY = 3
PRODUCT = "product server"


@dataclass(frozen=True)
class Lived:
    """An organization after its 90 days, and its API key's text."""

    organization: Organization
    key: str


def live(actor: Actor, *, program: Program, until: datetime, day_passed: Callable[[], object]) -> Lived:
    """Create an organization 90 days before `until` (aware), write its days, and return it with a new API key."""
    zone = ZoneInfo(actor.time_zone)
    begins = (until.astimezone(zone) - timedelta(days=DAYS)).replace(hour=8, minute=0, second=0, microsecond=0)
    organization, key = _found(actor, now=begins)
    wallet = ledger.open_wallet(organization=organization, program=program, now=begins)
    for name, shown in actor.services:
        Service.objects.create(organization=organization, key=name, name=shown, created_at=begins)
    if actor.plan:
        plans.subscribe(organization, actor.plan, now=begins)
    purchases.prepare(organization, actor, now=begins)
    for code in actor.codes:
        purchases.redeem_code(organization, code, now=begins)
    waiting: dict[int, Purchase] = {}
    scale = 10**program.decimals
    for day in range(DAYS + 1):
        morning = begins + timedelta(days=day)
        if day and morning <= until:
            plans.live_on(organization, now=morning)
        _buy(actor, organization, waiting, day=day, now=morning)
        for gift in actor.gifts:
            if gift.day == day:
                _give(wallet, gift, scale=scale, at=morning)
        if day == 1:
            _set_limits(actor, organization, now=morning)
        _work(actor, day, morning, until=until, scale=scale)
        day_passed()
    ledger.sweep_expired(now=until)
    purchases.clear_up(organization, now=until)
    return Lived(organization, key)


def _found(actor: Actor, *, now: datetime) -> tuple[Organization, str]:
    people = {
        person.mail: create_person(email=person.mail, password=PASSWORD, name=person.name, language=actor.language)
        for person in actor.people
    }
    founder = people[actor.people[0].mail]
    organization = membership.create_organization(
        slug=actor.slug,
        name=actor.name,
        country=actor.country,
        currency=actor.currency,
        owner=founder,
        time_zone=actor.time_zone,
        language=actor.language,
        now=now,
    )
    rooms: dict[str, Team] = {}
    for person in actor.people:
        if person.team is not None and person.team not in rooms:
            rooms[person.team] = teams.create_team(organization=organization, name=person.team, actor=founder, now=now)
    for person in actor.people:
        user, room = people[person.mail], rooms[person.team] if person.team else None
        if user == founder:
            membership.move_to_team(organization=organization, user=user, team=room, actor=founder, now=now)
        else:
            role = Role(person.role)
            membership.add_member(organization=organization, user=user, role=role, team=room, actor=founder, now=now)
    _, key = api_keys.create_key(
        organization=organization, name="Our own scripts", scope=Scope.SPEND, created_by=founder, now=now
    )
    return organization, key


def _buy(actor: Actor, organization: Organization, waiting: dict[int, Purchase], *, day: int, now: datetime) -> None:
    """Place and pay the day's orders. waiting: unpaid orders by their number."""
    for number, bought in enumerate(actor.purchases):
        if bought.day - bought.waited == day:
            waiting[number] = purchases.order(organization, bought, number=number, now=now)
        if bought.day == day and not bought.is_canceled:
            purchases.pay(waiting[number], now=now)


def _give(wallet: Wallet, gift: Gift, *, scale: int, at: datetime) -> None:
    key = f"demo:{gift.day}:{gift.source}:{gift.memo}"
    with ledger.open_book(keys=[(wallet.pk, key)], now=at) as book:
        ledger.grant(
            book,
            wallet_id=wallet.pk,
            credits=gift.credits * scale,
            source=gift.source,
            key=key,
            content_hash=ledger.hash_content(gift=repr(gift)),
            cause=ledger.Cause(actor_label="demo", memo=gift.memo),
            expires_at=at + timedelta(days=gift.days) if gift.days else None,
            features=gift.features,
        )


def _set_limits(actor: Actor, organization: Organization, *, now: datetime) -> None:
    founder = User.objects.get(email=actor.people[0].mail)
    for name, credits in actor.limits:
        if "@" in name:
            user = User.objects.get(email=name)
            limits.set_limit(organization=organization, user=user, credits=credits, actor=founder, now=now)
        else:
            team = organization.teams.get(name=name)
            limits.set_limit(organization=organization, team=team, credits=credits, actor=founder, now=now)


def _work(actor: Actor, day: int, morning: datetime, *, until: datetime, scale: int) -> None:
    """Write one day: uses in a few batches, one job that is reserved and settled, and refunds of failed uses."""
    chance = Random(f"{actor.slug}:{day}")
    uses = list(_uses(actor, day, morning, chance, scale=scale))
    size = max(1, -(-len(uses) // STROKES_A_DAY))
    for start in range(0, len(uses), size):
        stroke = uses[start : start + size]
        now = stroke[-1].occurred_at or morning
        if now > until:
            return
        answers = meter.meter(stroke, now=now)
        _refund_failed(stroke, answers, chance, now=now)
    _long_job(actor, day, chance, now=morning + timedelta(hours=11), until=until, scale=scale)


def _uses(actor: Actor, day: int, morning: datetime, chance: Random, *, scale: int) -> Iterator[Use]:
    is_weekend = morning.weekday() >= 5
    # Use grows over the 90 days, and no two days are alike.
    expected = actor.uses_a_day * (0.7 + 0.6 * day / DAYS) * (actor.weekend_share if is_weekend else 1)
    count = round(expected * chance.uniform(0.75, 1.25))
    seconds = sorted(chance.randrange(11 * 3600) for _ in range(count))
    for number, second in enumerate(seconds):
        work = chance.choices(actor.work, [work.weight for work in actor.work])[0]
        person = chance.choices(actor.people, [person.diligence for person in actor.people])[0]
        yield Use(
            organization=actor.slug,
            key=f"demo:{day}:{number}",
            feature=work.feature,
            user=person.mail,
            service=chance.choice(actor.services)[0],
            measures=_measures(work, chance, scale=scale),
            resource=_resource(actor, day, chance),
            occurred_at=morning + timedelta(seconds=second),
            via=PRODUCT,
        )


def _measures(work: Work, chance: Random, *, scale: int) -> Measures:
    def some(bounds: tuple[int, int] | None) -> int | None:
        return None if bounds is None else chance.randint(*bounds)

    credits = some(work.credits)
    return Measures(
        model=work.model,
        input_tokens=some(work.input_tokens),
        output_tokens=some(work.output_tokens),
        quantity=some(work.quantity),
        credits=None if credits is None else credits * scale,
    )


def _resource(actor: Actor, day: int, chance: Random) -> dict[str, str] | None:
    if not actor.projects:
        return None
    return {"project": chance.choice(actor.projects), "session": f"s-{day:02}{chance.randrange(1000):03}"}


def _refund_failed(uses: list[Use], answers: list[Metered | UseRefusal], chance: Random, *, now: datetime) -> None:
    """One use in a hundred failed at the model's provider; its credits go back."""
    for use, answer in zip(uses, answers, strict=True):
        if chance.random() < 0.01 and isinstance(answer, Metered) and answer.credits:
            usage_refunds.refund(
                answer.event_id,
                credits=None,
                key=f"{use.key}:failed",
                reason="The operation failed",
                within=None,
                via=PRODUCT,
                now=now,
            )


def _long_job(actor: Actor, day: int, chance: Random, *, now: datetime, until: datetime, scale: int) -> None:
    """Every tenth day somebody starts a job whose cost is known only at its end."""
    work = actor.work[0]
    if day % 10 != 5 or now + timedelta(minutes=9) > until:
        return
    use = Use(
        organization=actor.slug,
        key=f"demo:{day}:long",
        feature=work.feature,
        user=actor.people[1].mail,
        service=actor.services[0][0],
        measures=Measures(model=work.model),
        via=PRODUCT,
    )
    try:
        reserved = reservations.reserve(use, credits=60 * scale // 10, now=now)
    except Insufficient:
        return
    cost = chance.randint(2 * scale, 6 * scale)
    reservations.settle(
        reserved.id, measures=Measures(credits=cost), within=None, via=PRODUCT, now=now + timedelta(minutes=9)
    )
