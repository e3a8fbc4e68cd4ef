"""The staff's page of jobs: how each stands, what is overdue, and running one now, with a reason, once."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from jobs import queries, runs, tasks
from jobs.locks import only_run_of
from jobs.models import JobRun
from jobs.schedule import JOBS, Job
from organizations.accounts.people import give_totp
from organizations.models import AuditEvent, User
from organizations.public_ids import new_uuid
from tests.jobs.conftest import NOW, SLOT
from tests.support import factories
from tests.support.factories import TOTP_SECRET
from tests.support.races import run_together

pytestmark = pytest.mark.django_db

LIST = "/admin/jobs/jobrun/"
ANSWER = {"reason": "The bank called", "token": "0b6c9a50-46a5-4f43-9a0f-1d0d6f4a1c11"}


@pytest.fixture
def browser() -> Client:
    client = Client()
    client.force_login(factories.staff())
    return client


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> list[JobRun]:
    """What the queue was given; it takes everything."""
    given: list[JobRun] = []

    def take(run: JobRun) -> bool:
        given.append(run)
        return True

    monkeypatch.setattr(tasks, "enqueue", take)
    return given


def run_now(name: str = "expire-credits") -> str:
    return reverse("admin:jobs_jobrun_run_now", args=[name])


def ran(minutes_ago: int, **fields: Any) -> JobRun:
    at = timezone.now() - timedelta(minutes=minutes_ago)
    told = {"slot": at, "started_at": at, "ended_at": at, "attempts": 1, **fields}
    return JobRun.objects.create(job="expire-credits", created_at=at, **told)


class TestThePage:
    def test_every_job_is_there_with_what_it_is_for(self, browser: Client) -> None:
        page = browser.get(LIST).content.decode()

        assert all(f"Run {job.name} now" in page for job in JOBS.values())
        assert "Expires credits that are past their expiry date." in page
        assert "No worker has checked the schedule yet." in page
        assert "<td>5\u00a0minutes</td>" in page
        assert "<td>1\u00a0day</td>" in page

    def test_it_shows_the_last_good_run_and_the_last_error(self, browser: Client) -> None:
        ran(20, error="ValueError: no luck")
        ran(3, did={"expired": 4})
        runs.due()
        page = browser.get(LIST).content.decode()

        assert "ValueError: no luck" in page
        assert "expired 4" in page
        assert runs.worker_name() in page
        assert "No worker has checked" not in page

    def test_the_runs_of_one_job_and_the_failed_ones_can_be_picked(self, browser: Client) -> None:
        failed, good = ran(20, error="ValueError: no luck"), ran(3, did={"expired": 4})

        def listed(**query: str) -> list[JobRun]:
            return list(browser.get(LIST, query).context["cl"].queryset)

        assert listed(job="expire-credits") == [good, failed]
        assert listed(job="recharge") == []
        assert listed(outcome="failed") == [failed]
        assert listed(outcome="did") == [good]
        assert listed(outcome="open") == []

    def test_a_run_can_be_read_and_not_changed(self, browser: Client) -> None:
        row = ran(3, slot=None, reason="The bank called")
        page = browser.get(f"{LIST}{row.pk}/change/").content.decode()

        assert "The bank called" in page
        assert "the command line" in page
        assert browser.post(f"{LIST}{row.pk}/change/", {"job": "other"}).status_code == 403
        assert browser.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 403


class TestOverdue:
    def status(self, now: Any) -> queries.JobStatus:
        return next(found for found in queries.overview(now=now).jobs if found.job.name == "expire-credits")

    def test_after_three_periods_without_a_good_run(self) -> None:
        good = ran(0)
        assert good.ended_at is not None
        bad = ran(-1, error="ValueError")

        assert not self.status(good.ended_at + timedelta(minutes=15)).is_overdue
        late = self.status(good.ended_at + timedelta(minutes=15, seconds=1))
        assert (late.is_overdue, late.last, late.good, late.failed) == (True, bad, good, bad)

    def test_one_that_never_ran_is(self) -> None:
        assert self.status(NOW).is_overdue

    def test_a_schedule_that_nobody_looks_at_for_three_minutes_is_silent(self) -> None:
        assert queries.overview(now=NOW).is_silent
        runs.due(now=NOW)
        assert not queries.overview(now=NOW + timedelta(minutes=3)).is_silent
        assert queries.overview(now=NOW + timedelta(minutes=3, seconds=1)).is_silent

    def test_it_costs_three_queries(self, django_assert_num_queries: Any) -> None:
        ran(3)
        with django_assert_num_queries(3):
            queries.overview(now=NOW)


class TestRunNow:
    def test_it_asks_why(self, browser: Client, hurried: list[JobRun]) -> None:
        assert "Reason" in browser.get(run_now()).content.decode()
        refused = browser.post(run_now(), {**ANSWER, "reason": ""})

        assert refused.status_code == 422
        assert "This field is required." in refused.content.decode()
        assert (hurried, JobRun.objects.count()) == ([], 0)

    def test_it_gives_the_run_to_the_queue_and_a_second_click_makes_no_second_run(
        self, browser: Client, hurried: list[JobRun]
    ) -> None:
        page = browser.post(run_now(), ANSWER, follow=True).content.decode()
        browser.post(run_now(), ANSWER)

        assert "The job expire-credits starts as soon as a worker is free." in page
        run = JobRun.objects.get()
        assert (run.job, run.reason, {given.pk for given in hurried}) == ("expire-credits", "The bank called", {run.pk})
        assert AuditEvent.objects.get(action="job.asked_for").actor == run.asked_by

    def test_while_the_queue_is_away_it_says_so_and_a_tick_finds_the_run(
        self, browser: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(tasks, "enqueue", lambda _run: False)
        page = browser.post(run_now(), ANSWER, follow=True).content.decode()

        assert "The queue is not reachable." in page
        run = JobRun.objects.get()
        assert run in runs.due(now=run.created_at + runs.FETCHED_WITHIN)

    def test_a_job_that_is_not_there(self, browser: Client) -> None:
        assert browser.get(run_now("rob-the-bank")).status_code == 404

    def test_who_may_only_look_may_not(self) -> None:
        onlooker = User.objects.create_user("olaf@desk.example", is_staff=True)
        give_totp(onlooker, TOTP_SECRET)
        onlooker.user_permissions.add(Permission.objects.get(codename="view_jobrun"))
        client = Client()
        client.force_login(onlooker)

        assert "Run expire-credits now" not in client.get(LIST).content.decode()
        assert client.post(run_now(), ANSWER).status_code == 403


class TestTheCommand:
    def test_it_lists_the_jobs(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("run_job")
        assert "Expires credits that are past their expiry date." in capsys.readouterr().out

    def test_it_runs_one_here_and_now_and_records_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("run_job", "expire-credits", reason="after the repair")

        assert capsys.readouterr().out == "expire-credits: there was nothing to do.\n"
        run = JobRun.objects.get()
        assert (run.slot, run.asked_by, run.reason, run.attempts) == (None, None, "after the repair", 1)
        assert run.ended_at is not None

    def test_what_fails_is_said_and_not_tried_again(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def failing() -> None:
            raise ValueError("no luck")

        monkeypatch.setitem(JOBS, "expire-credits", replace(JOBS["expire-credits"], call=failing))
        with pytest.raises(CommandError, match="The job expire-credits failed: ValueError: no luck"):
            call_command("run_job", "expire-credits")
        assert JobRun.objects.get().ended_at is not None


@pytest.mark.django_db(transaction=True)
def test_the_command_does_not_wait_for_a_run_under_way_nor_leave_one_behind() -> None:
    def elsewhere() -> Any:
        with pytest.raises(CommandError, match="is already running"):
            call_command("run_job", "expire-credits")

    with only_run_of("expire-credits"):
        assert run_together([elsewhere]) == [None]
    assert not JobRun.objects.exists()


def test_a_run_is_given_its_jobs_time(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "JOBS", {job.name: job})
    asked: list[Any] = []
    monkeypatch.setattr(tasks.run_job, "apply_async", lambda *args, **options: asked.append((args, options)))
    run = JobRun(job=job.name, pk=new_uuid(), slot=SLOT, created_at=NOW)

    assert tasks.enqueue(run)
    limits = {"soft_time_limit": job.seconds, "time_limit": job.seconds + 5, "retry": False}
    assert asked == [(((str(run.pk),),), limits)]
