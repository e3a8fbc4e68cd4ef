"""The stage: what must stand before pytest-django reads the settings, so it is loaded with `-p tests.stage`.

It starts (or joins) the embedded servers where none are named, and makes property tests the same on every run.
Nothing of Django may be imported at the top of this file.
"""

import os

import hypothesis

from config import embedded

embedded.fill_environment()
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
# Nothing is collected for tests: style sheets are served from where they are.
os.environ["STATIC_FILES"] = "sources"

IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}

hypothesis.settings.register_profile(
    "drawdown",
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("drawdown")
