"""Importing past usage: exact, repeatable, and clear about what it could not take."""

from collections.abc import Sequence
from datetime import datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from credits.models import Operation
from tests.support import factories
from tests.support.usage.usage_stage import Stage, set_up
from usage.importing import records
from usage.metering import meter
from usage.models import UsageEvent
from usage.uses import Metered, Use, UseRefusal

pytestmark = pytest.mark.django_db

# As the Azure trace has it: its own names, CRLF, seven digits of a second.
TRACE = (
    "TIMESTAMP,ContextTokens,GeneratedTokens\r\n"
    "2023-11-16 18:17:03.9799600,4808,10\r\n"
    "2023-11-16 18:17:04.0319600,3180,8\r\n"
    "2023-11-16 18:17:04.0319601,110,0\r\n"
)
TRACE_COST = (4808 + 3180 + 110) * 3 + 18 * 15


@pytest.fixture(autouse=True)
def _own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def stage() -> Stage:
    return set_up(credits=1_000_000)


def run(text: str | bytes, *more: str, name: str = "trace.csv", feature: str = "chat", model: str = "small") -> str:
    Path(name).write_bytes(text if isinstance(text, bytes) else text.encode())
    out = StringIO()
    call_command(
        "import_usage", name, "--organization", "acme", "--feature", feature, "--model", model, *more, stdout=out
    )
    return out.getvalue()


def test_a_trace_with_its_own_column_names_is_read_as_it_is(stage: Stage) -> None:
    output = run(TRACE)

    assert "3 lines: 3 imported, 0 imported before, 0 refused" in output
    assert stage.balance() == 1_000_000 - TRACE_COST
    first, second, third = UsageEvent.objects.order_by("occurred_at", "operation_id")
    assert first.occurred_at.isoformat() == "2023-11-16T18:17:03.979960+00:00"
    assert (first.input_tokens, first.output_tokens, first.credits) == (4808, 10, 4808 * 3 + 150)
    assert second.occurred_at == third.occurred_at, "digits beyond microseconds are dropped"


def test_importing_twice_takes_nothing_twice(stage: Stage) -> None:
    run(TRACE)
    output = run(TRACE)

    assert "3 lines: 0 imported, 3 imported before, 0 refused" in output
    assert stage.balance() == 1_000_000 - TRACE_COST
    assert UsageEvent.objects.count() == 3


def test_a_file_that_grew_is_continued(stage: Stage) -> None:
    run(TRACE)
    output = run(TRACE + "2023-11-16 18:17:05.5,100,100\r\n")

    assert "4 lines: 1 imported, 3 imported before, 0 refused" in output


def test_an_import_that_was_stopped_goes_on_where_it_was(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    batches: list[object] = []

    def stop_at_second(uses: Sequence[Use], *, now: datetime | None = None) -> list[Metered | UseRefusal]:
        batches.append(uses)
        if len(batches) == 2:
            raise KeyboardInterrupt
        return meter.meter(uses, now=now)

    monkeypatch.setattr(records, "meter", stop_at_second)
    with pytest.raises(CommandError, match="Run the same command again"):
        run(TRACE, "--batch", "2")
    monkeypatch.setattr(records, "meter", meter.meter)

    assert "1 imported, 2 imported before" in run(TRACE, "--batch", "2")
    assert stage.balance() == 1_000_000 - TRACE_COST


def test_the_same_name_with_other_content_is_refused_not_taken(stage: Stage) -> None:
    run(TRACE)
    with pytest.raises(CommandError, match="Lines refused: 1"):
        run(TRACE.replace("4808", "4809"))

    assert "This idempotency key was already used for a different request." in Path("trace.csv.refused.csv").read_text()
    assert stage.balance() == 1_000_000 - TRACE_COST


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("yesterday,1,1", "occurred_at is not a time: “yesterday”."),
        ("2023-11-16,１２,1", "input_tokens is not a whole number: “１２”."),
        ("2023-11-16,1_000,1", "input_tokens is not a whole number: “1_000”."),
        ("2023-11-16,-1,1", "input_tokens is not a whole number: “-1”."),
        ("2023-11-16,1.5,1", "input_tokens is not a whole number: “1.5”."),
        (f"2023-11-16,{'9' * 25},1", "input_tokens is not a whole number"),
        ("2023-11-16,,1", "This feature is priced by input_tokens."),
        ("2023-11-16,1", "2 columns instead of 3."),
        ("2999-01-01,1,1", "Must not be in the future."),
        ("2023-11-16,999999999999,1", "The use is too large."),
    ],
)
def test_a_line_that_makes_no_sense_is_refused_with_its_reason_and_the_rest_imported(
    stage: Stage, line: str, reason: str
) -> None:
    with pytest.raises(CommandError, match=r"Lines refused: 1\. They are in trace\.csv\.refused\.csv"):
        run(TRACE + line + "\r\n")

    refused = Path("trace.csv.refused.csv").read_text()
    assert refused.splitlines()[1].startswith("5,")
    assert reason in refused
    assert UsageEvent.objects.count() == 3


def test_a_line_that_is_not_text_is_refused(stage: Stage) -> None:
    with pytest.raises(CommandError, match="Lines refused: 1"):
        run(TRACE.encode() + b"2023-11-16,\xff\xfe,1\r\n")

    assert "Not UTF-8 text." in Path("trace.csv.refused.csv").read_text()


def test_what_the_balance_does_not_cover_is_refused_line_by_line() -> None:
    stage = set_up(credits=100)
    with pytest.raises(CommandError, match="Lines refused: 1"):
        run("quantity\n60\n70\n40\n", feature="enrich", model="")

    assert stage.balance() == 0, "60 and 40 were paid, 70 did not fit between"


def test_json_lines_are_read_too(stage: Stage) -> None:
    lines = (
        '{"timestamp": "2026-03-01T10:00:00+09:00", "prompt_tokens": 10, "completion_tokens": 2, "extra": [1]}\n'
        "\n"
        "[1, 2]\n"
    )
    with pytest.raises(CommandError, match="Lines refused: 1"):
        run(lines, name="trace.jsonl")

    event = UsageEvent.objects.get()
    assert (event.credits, event.occurred_at.isoformat()) == (60, "2026-03-01T01:00:00+00:00")


def test_columns_can_be_named_by_hand(stage: Stage) -> None:
    run("when,how many\n2026-03-01 10:00,7\n", "--column", "occurred_at=when", "--column", "quantity=how many",
        "--time-zone", "Asia/Tokyo", feature="enrich", model="")  # fmt: skip

    event = UsageEvent.objects.get()
    assert (event.quantity, event.occurred_at.isoformat()) == (7, "2026-03-01T01:00:00+00:00")


def test_lines_are_given_to_members_in_turn_and_it_says_how(stage: Stage) -> None:
    bob = factories.person("Bob")
    factories.member(stage.organization, bob)
    output = run(TRACE, "--assign-users", "2")

    assert "Line L goes to member L mod 2 of: alice@example.com, bob@example.com" in output
    users = list(UsageEvent.objects.order_by("occurred_at", "operation_id").values_list("user_id", flat=True))
    assert users == [stage.owner.pk, bob.pk, stage.owner.pk], "lines 2, 3 and 4"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--assign-users", "2"], "The organization has 1 members, not 2."),
        (["--time-zone", "Mars/Olympus"], "“Mars/Olympus” is not a time zone."),
        (["--column", "occurred_at"], "must be FIELD=COLUMN"),
        (["--column", "quantity=nowhere"], "The file has no column “nowhere”"),
        (["--batch", "0"], "--batch must be from 1 to 10000."),
        (["--organization", "nobody"], "There is no organization “nobody”."),
        (["--name", "x" * 141], "at most 140 characters"),
    ],
)
def test_a_command_that_makes_no_sense_writes_nothing(stage: Stage, arguments: list[str], sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(TRACE, *arguments)

    assert not UsageEvent.objects.exists()
    assert Operation.objects.count() == 1, "the grant alone"


@pytest.mark.parametrize(
    ("content", "sentence"), [("", "The file is empty."), ("a,b\n1,2\n", "None of the file's columns is known: a, b.")]
)
def test_a_file_that_cannot_be_read_says_why(stage: Stage, content: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(content)
