"""The documents lead somewhere: links, paths, modules and jobs that they name exist."""

import re
from pathlib import Path

import pytest

from config.schedule import SCHEDULE
from tests.architecture.sources import ROOT, name, tracked_files

DOCUMENTS = [path for path in tracked_files() if path.suffix == ".md"]
LINK = re.compile(r"\]\((?!https?://|#)([^)#]+)[^)]*\)")
PATH = re.compile(
    r"`((?:config|billing|usage|credits|domain_events|notices|webhooks|jobs|organizations|sql|tests|demo|"
    r"stripe_sandbox|benchmarks|templates|static|docs)/[\w./-]*)`"
)
MODULE = re.compile(
    r"`((?:billing|usage|credits|domain_events|notices|webhooks|jobs|organizations|sql|tests)"
    r"(?:\.\w+)+)`"
)


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_what_a_document_names_exists(document: Path) -> None:
    text = document.read_text()
    missing = [link for link in LINK.findall(text) if not (document.parent / link).exists()]
    missing += [path for path in PATH.findall(text) if not (ROOT / path).exists()]
    missing += [module for module in MODULE.findall(text) if not _is_there(module)]

    assert missing == []


def _is_there(dotted: str) -> bool:
    """Whether a module exists, or a name within one."""
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        place = ROOT.joinpath(*parts[:length])
        file = place.with_suffix(".py") if place.with_suffix(".py").exists() else place / "__init__.py"
        if file.exists():
            rest = parts[length:]
            return not rest or re.search(rf"\b{re.escape(rest[0])}\b", file.read_text()) is not None
    return False


def test_every_job_is_documented_as_it_is_scheduled() -> None:
    rows = re.findall(r"^\| `([\w-]+)` \| [^|]+ \| ([^|]+) \|$", (ROOT / "docs/jobs.md").read_text(), re.MULTILINE)

    assert rows == [(job.name, str(job.purpose)) for job in SCHEDULE]
