"""One run of chaos: the stage is set, faults happen while callers spend, all is put right, and then looked at."""

import io
import os
import time
from collections import Counter
from contextlib import ExitStack, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

from django.core.management import call_command
from django.db import connection
from django.db.models import Q, Sum

from benchmarks.chaos import stage as chaos_stage
from benchmarks.chaos.faults import Faults
from benchmarks.chaos.load import Callers
from benchmarks.chaos.proxy import Proxy, tcp
from benchmarks.chaos.servers import Redis, Worker, postgresql_proxy
from benchmarks.spends import stage
from billing.models import Purchase, RechargeAttempt
from config import embedded
from credits.ledger.thresholds.events import LOW
from jobs import runs
from jobs.models import JobRun
from jobs.schedule import JOBS
from notices.models import MailState, Notice, NoticeMail
from organizations.public_ids import new_uuid
from tests.support.billing.payments import Payments
from tests.support.billing.recharges import Recharging
from usage.models import DailyUsage, LateUse, Shape, UsageEvent
from webhooks.models import DeliveryState, WebhookDelivery, WebhookEvent

# A job of every minute may have just run, and what a killed worker was at is claimed for a minute.
CATCH_UP_SECONDS = 200
# What a request may wait for a Redis that is gone, in seconds.
LONGEST_WAIT = 2.0


@dataclass
class Run:
    """folder: for logs. control: callers forget their keys."""

    folder: Path
    payments: Payments
    chance: Random
    seed: int
    control: bool
    broken: list[str] = field(default_factory=list)

    def go(self, stack: ExitStack, *, seconds: float, began: float) -> int:
        """Do all of it and print a report; return the exit code."""
        url = stack.enter_context(stage.database())
        played = stage.fill(url, 3)
        chaos_stage.watch_balances()
        listener = chaos_stage.Listener()
        chaos_stage.listen_for_webhooks(listener)
        recharging = chaos_stage.open_recharging(self.payments)
        faults = self._serve(stack, url)
        port, _ = stack.enter_context(stage.server())
        steward = chaos_stage.Steward(port=port, key=played.key, recharging=recharging)
        callers = Callers(port, played.key, ["hot", *played.spread], dict(stage.USE), self.seed)
        callers.forgets_keys = self.control
        steward.start()
        faults.spared += [self._backend(), steward.backend or 0]
        callers.start()
        callers.wait_until_warm()
        started = time.monotonic()
        try:
            faults.run(seconds)
        finally:
            ended = time.monotonic()
            self._put_right(faults)
            callers.stop()
            steward.stop()
        self._run_now("add-up-usage")
        caught_up = self._wait_until_caught_up(faults.worker)
        self._print_what_happened(faults, callers, ended - started, caught_up)
        if self.control:
            return self._look_for_duplicates(callers)
        self._prove_spends(callers, faults)
        self._prove_notices(listener)
        self._prove_recharges(recharging)
        self._prove_days_and_jobs()
        self._prove_books()
        print(f"\n{len(self.broken)} promises broken, {time.monotonic() - began:.0f} s in all.")
        return 1 if self.broken else 0

    def _serve(self, stack: ExitStack, url: str) -> Faults:
        """Start Redis, the proxies, the worker and the scheduler; the environment leads through the proxies."""
        redis = Redis(self.folder / "redis")
        stack.callback(redis.kill)
        redis_proxy = Proxy(tcp(redis.port))
        stack.callback(redis_proxy.close)
        server = connection.get_connection_params()
        database_proxy = postgresql_proxy(server["host"], int(server.get("port") or 5432))
        stack.callback(database_proxy.close)
        os.environ["DATABASE_URL"] = f"postgresql://{server['user']}@127.0.0.1:{database_proxy.port}/{server['dbname']}"
        os.environ["REDIS_URL"] = f"redis://127.0.0.1:{redis_proxy.port}/0"
        worker = Worker(dict(os.environ), embedded.LOCAL / "chaos-worker.log")
        worker.log.unlink(missing_ok=True)
        stack.callback(worker.stop)
        worker.start()
        worker.start_beat()
        return Faults(redis, redis_proxy, database_proxy, worker, url, [], self.chance)

    def _backend(self) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            return int(cursor.fetchone()[0])

    def _run_now(self, name: str) -> None:
        """What staff do who do not want to wait for a job's next slot: a row, and nothing else; a tick finds it."""
        runs.request(JOBS[name], actor=None, reason="chaos is over", run_id=new_uuid())

    def _put_right(self, faults: Faults) -> None:
        faults.redis_proxy.open()
        faults.database_proxy.drop_commit_replies(0)
        faults.database_proxy.open()

    def _wait_until_caught_up(self, worker: Worker) -> float:
        """Wait until nothing is owed any more; return how long that took, in seconds."""
        began = time.monotonic()
        while owed := self._owed():
            if time.monotonic() - began > CATCH_UP_SECONDS:
                self._say(not owed, f"still owed after {CATCH_UP_SECONDS} s: {dict(owed)}")
                break
            time.sleep(1)
            worker.revive()
        return time.monotonic() - began

    def _owed(self) -> Counter[str]:
        owed = {
            "mails": NoticeMail.objects.filter(state=MailState.PENDING).count(),
            "deliveries": WebhookDelivery.objects.filter(state=DeliveryState.PENDING).count(),
            "recharges": RechargeAttempt.objects.filter(~Q(state="succeeded")).count(),
            "late uses": LateUse.objects.count(),
            "runs that were begun": JobRun.objects.filter(ended_at=None, attempts__gt=0).count(),
        }
        return Counter({what: number for what, number in owed.items() if number})

    # What happened, and what must be true

    def _print_what_happened(self, faults: Faults, callers: Callers, seconds: float, caught_up: float) -> None:
        done = callers.acknowledged
        print(f"Seed {self.seed}, {seconds:.0f} s of faults{' (control)' if self.control else ''}:")
        print("times  spends begun meanwhile, longest wait for one")
        for name in faults.all():
            windows = [(start, end) for happened, start, end in faults.windows if happened == name]
            longest = max((done.longest(start, end) for start, end in windows), default=0)
            begun = sum(done.begun(start, end) for start, end in windows)
            print(f"{len(windows):>5} {begun:>6} {longest:>6.1f} s  {name}")
        print(f"Replies to COMMIT that were lost: {faults.database_proxy.replies_dropped}")
        print(
            f"Spends acknowledged: {len(done.event_ids):,}, of them {done.replayed} as replays; "
            f"tries that failed: {done.failed_tries}"
        )
        again = JobRun.objects.filter(attempts__gt=1).count()
        print(f"Runs of jobs: {JobRun.objects.count()}, begun again: {again}")
        print(f"Times the worker ended by itself and was started again: {faults.worker.died}")
        print(f"Caught up {caught_up:.0f} s after the last fault.\n")

    def _say(self, is_so: bool, promise: str) -> None:  # noqa: FBT001 - it reads as a sentence
        print(f"{'kept  ' if is_so else 'BROKEN'}  {promise}")
        if not is_so:
            self.broken.append(promise)

    def _prove_spends(self, callers: Callers, faults: Faults) -> None:
        done = callers.acknowledged
        of_callers = UsageEvent.objects.filter(feature__key="chat")
        ids = {f"use_{event_id.hex}" for event_id in of_callers.values_list("pk", flat=True)}
        acknowledged = set(done.event_ids.values())
        self._say(not done.wrong, f"every spend was answered with 201 in the end {done.wrong[:3] or ''}")
        self._say(acknowledged <= ids, f"no acknowledged spend is lost: {len(acknowledged - ids)}")
        self._say(len(acknowledged) == len(done.event_ids), "no two keys were answered with one event")
        self._say(ids <= acknowledged, f"no spend was made twice: {len(ids - acknowledged)} more than acknowledged")
        waited = max([done.longest(start, end) for name, start, end in faults.windows if "Redis" in name] or [0])
        self._say(waited <= LONGEST_WAIT, f"nobody waited more than {LONGEST_WAIT:.0f} s for Redis: {waited:.1f} s")

    def _look_for_duplicates(self, callers: Callers) -> int:
        made = UsageEvent.objects.filter(feature__key="chat").count()
        twice = made - len(callers.acknowledged.event_ids)
        print(f"Without their keys, callers made {twice} uses twice.")
        return 0 if twice > 0 else 1

    def _prove_notices(self, listener: chaos_stage.Listener) -> None:
        expected = chaos_stage.notices_expected()
        given = Notice.objects.filter(kind=LOW.name).count()
        events = WebhookEvent.objects.filter(type=LOW.name).count()
        self._say(given == expected, f"one notice for each fall below the threshold: {given} of {expected}")
        self._say(events == expected, f"one event likewise: {events} of {expected}")
        sent = NoticeMail.objects.filter(state=MailState.SENT).count()
        self._say(sent == NoticeMail.objects.count(), f"every mail was sent: {sent}")
        delivered = WebhookDelivery.objects.filter(state=DeliveryState.DELIVERED).count()
        self._say(
            delivered == len(listener.heard),
            f"every event was heard: {delivered}, {listener.heard.total() - len(listener.heard)} of them again",
        )

    def _prove_recharges(self, recharging: Recharging) -> None:
        taken, granted = recharging.taken_minor(), recharging.granted_minor()
        paid = Purchase.objects.filter(state="paid").count()
        self._say(taken == granted, f"money taken is money granted for: {taken} and {granted} in {paid} purchases")
        available = recharging.shop.wallet.balance if not paid else recharging_balance(recharging)
        self._say(available >= chaos_stage.RECHARGE_BELOW, f"whoever fell below was recharged: {available:,} left")

    def _prove_days_and_jobs(self) -> None:
        late = UsageEvent.objects.filter(feature__key="chat").order_by("occurred_at")
        first = late.first()
        if first is not None:
            days = DailyUsage.objects.filter(shape=Shape.values[0]).aggregate(uses=Sum("uses"))["uses"]
            self._say(bool(days), f"days that ended are added up: {days} uses (the auditor proves them)")
        overlapping = overlapping_runs()
        self._say(overlapping == 0, f"no two runs of a job overlapped: {overlapping}")

    def _prove_books(self) -> None:
        said = io.StringIO()
        try:
            with redirect_stdout(said):
                call_command("audit_ledger", stdout=said)
            is_clean = True
        except SystemExit:
            is_clean = False
        self._say(is_clean, f"the auditor: {said.getvalue().strip()}")


def recharging_balance(recharging: Recharging) -> int:
    """What the recharged wallet holds now."""
    wallet: Any = type(recharging.shop.wallet).objects.get(pk=recharging.shop.wallet.pk)
    return int(wallet.balance)


def overlapping_runs() -> int:
    """How many pairs of good first attempts of one job were under way at the same time."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(*) FROM jobs_jobrun one JOIN jobs_jobrun other
              ON other.job = one.job AND other.id > one.id AND other.attempts = 1 AND other.error = ''
             AND tstzrange(other.started_at, other.ended_at) && tstzrange(one.started_at, one.ended_at)
            WHERE one.attempts = 1 AND one.error = ''
            """
        )
        return int(cursor.fetchone()[0])
