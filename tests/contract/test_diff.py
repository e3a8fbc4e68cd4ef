"""What an upgrade of Stripe's library changes is told field by field."""

import shutil
from pathlib import Path

import pytest
import stripe

from tests.contract import diff
from tests.contract.sdk_types import SdkTypes

INSTALLED = Path(stripe.__file__).parent


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A copy of the package in which refunds changed."""
    copy = tmp_path / "stripe"
    shutil.copytree(INSTALLED, copy, ignore=shutil.ignore_patterns("__pycache__"))
    params = copy / "params" / "_refund_create_params.py"
    text = params.read_text()
    text = text.replace("    amount: NotRequired[int]", "    amount: int\n    tip: NotRequired[int]")
    params.write_text(text.replace("'duplicate'", "'double'"))
    return copy


def test_the_same_package_has_no_differences() -> None:
    assert diff.differences(SdkTypes(INSTALLED), SdkTypes(INSTALLED), only="^/v1/refunds$") == []


def test_a_changed_package_is_told_field_by_field(other: Path, capsys: pytest.CaptureFixture[str]) -> None:
    diff.main([str(INSTALLED), str(other), "--only", "^/v1/refunds$"])

    told = capsys.readouterr().out.splitlines()
    assert told == [
        "POST /v1/refunds parameters: tip is new",
        "POST /v1/refunds parameters: amount: no longer optional, now required",
        "POST /v1/refunds parameters: reason: no longer value 'duplicate', now value 'double'",
    ]
